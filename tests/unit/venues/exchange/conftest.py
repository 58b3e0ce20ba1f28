"""The exchange on the real ledger and oracle, with a vault that quotes what the test says."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest
from eth_account import Account

from tidegate.artifacts import artifact
from tidegate.chain import Contract, Receipt
from tidegate.client.errors import ProtocolError, name_of
from tidegate.client.orders import Domain, Order, OrderWord
from tidegate.client.price_message import Domain as PriceDomain
from tidegate.client.price_message import PriceMessage, PriceSigner, quorum
from tidegate.local_accounts import local_address
from tidegate.revm_chain import RevmChain
from tidegate.spec import words
from tidegate.spec.rounding import WAD

SLOT_SECONDS = 4
WINDOW = 30
MAX_AGE = 60
MICRO = 10**12
BTC = 64
ETH = 128
PRICES = {1: 50_000 * WAD, 2: 2_500 * WAD}
KEEPER_FEE = 2 * WAD
MIN_KEEPER_FEE = WAD
LAPSE_RATIO = 500  # ppm
TAKER_FEE = 500  # ppm
MARGIN = 1_000  # ppm that the vault quotes against the taker

RISK = words.Risk.human(
    calm_skew="0.01",
    half_life=28_800,
    max_rate="0.1",
    max_velocity="0.3",
    scale=10_000,
    size_slope="0.01",
    contingency="0.005",
    maintenance_shock="0.03",
    initial_shock="0.05",
    settle_asset=0,
    kind=1,
)
TRADE = words.Trade.human(
    hard=100, soft=80, minimum=100, crowding="0.02", band="0.03", insurance_share="0.2",
    taker_fee=Decimal(TAKER_FEE) / 10**6,
)  # fmt: skip
LIMITS = words.Limits.human(
    reward=5, stress="0.25", buffer="0.2", max_cost="0.025", penalty="0.0075",
    max_half_spread="0.002", max_premium="0.01",
)  # fmt: skip


@dataclass
class Market:
    """Everything a test of the exchange does, by the role that does it."""

    chain: RevmChain
    core: Contract
    oracle: Contract
    vault: Contract
    exchange: Contract
    token: Contract
    signer: PriceSigner
    governance: str
    trader: str
    keeper: str
    attacker: str
    account: int = 0
    keeper_account: int = 0
    escrow: int = 0
    treasury: int = 0
    pool: int = 0
    nonce: int = 0

    # Time and prices

    @property
    def now(self) -> int:
        return self.chain.time()

    @property
    def next_slot(self) -> int:
        return self.now // SLOT_SECONDS + 1

    def push(self, price: int, slot: int | None = None, feed: int = 1) -> Receipt:
        """The price of a slot, published at its start; by default of the slot that is open."""
        slot = self.now // SLOT_SECONDS if slot is None else slot
        message = PriceMessage(feed, slot, price, slot * SLOT_SECONDS)
        signatures = quorum([replace(self.signer, signed={})], message)
        return self.oracle.transact(
            "push", feed, slot, price, slot * SLOT_SECONDS, signatures, sender=self.keeper
        )

    def later(self, slot: int, seconds: int, price: int = PRICES[1]) -> None:
        """Seconds after a slot's start, with the price of the slot that is open by then."""
        self.chain.set_time(slot * SLOT_SECONDS + seconds)
        if self.now // SLOT_SECONDS != slot:
            self.push(price)

    def open(self, slot: int, price: int | None = PRICES[1], late: int = 0, feed: int = 1) -> None:
        """Go to a slot's start, and on to the second from which its price counts; or later.

        Without a price nobody has posted it.
        """
        self.chain.set_time(slot * SLOT_SECONDS + late)
        if price is not None:
            self.push(price, slot, feed)
            if late == 0:
                self.chain.advance(1)

    # Orders

    def order(self, **fields: Any) -> Order:
        """Buys one BTC at any price up to 10 % above, unless told otherwise."""
        self.nonce += 1
        defaults = {
            "account": self.account,
            "instrument": BTC,
            "size": WAD,
            "expiry": self.now + 600,
            "keeper_fee": KEEPER_FEE,
            "nonce": self.nonce,
        }
        fields = defaults | fields
        if "limit" not in fields:
            price = PRICES[fields["instrument"] // 64]
            fields["limit"] = price * 11 // 10 if fields["size"] > 0 else price * 9 // 10
        return Order(**fields)

    def place(self, order: Order | None = None, sender: str | None = None, **fields: Any) -> Order:
        order = order or self.order(**fields)
        self.exchange.transact("place", order, sender=sender or self.trader)
        return order

    def cancel(self, order: Order, sender: str | None = None) -> Receipt:
        return self.exchange.transact("cancel", order, sender=sender or self.trader)

    def wake(self, order: Order, slot: int) -> Receipt:
        return self.exchange.transact("wake", order, slot, sender=self.keeper)

    def execute(self, order: Order, **options: Any) -> Receipt:
        account = options.pop("keeper_account", self.keeper_account)
        return self.exchange.transact("execute", order, account, sender=self.keeper, **options)

    def execute_many(self, *orders: Order, **options: Any) -> Receipt:
        return self.exchange.transact(
            "execute_many", list(orders), self.keeper_account, sender=self.keeper, **options
        )

    def fill(self, size: int, account: int | None = None, instrument: int = BTC) -> None:
        """A position through an order of its own, at the market's first price."""
        order = self.place(
            size=size,
            instrument=instrument,
            account=self.account if account is None else account,
        )
        feed = instrument // 64
        self.open(self.next_slot, PRICES[feed], feed=feed)
        self.chain.advance(1)
        self.execute(order).one("Executed")

    # What is there

    def word(self, order: Order) -> OrderWord:
        return OrderWord.of(self.exchange.call("order_word", order.account, order.place))

    def hash(self, order: Order) -> bytes:
        return Domain(self.chain.chain_id, self.exchange.address).hash(order)

    def cash(self, account: int) -> int:
        return words.Cash.unpack(self.core.call("cash_word", account, 0)).cash

    def position(self, account: int, instrument: int = BTC) -> int:
        return words.Position.unpack(self.core.call("position_word", account, instrument)).size

    def balances(self) -> dict[str, int]:
        """Cash of everyone an order can pay, 1e-18."""
        names = ("account", "keeper_account", "escrow", "treasury", "pool")
        return {name: self.cash(getattr(self, name)) for name in names}

    def moved(self, before: dict[str, int]) -> dict[str, int]:
        """Who has how much more than before; nothing was made or lost."""
        after = self.balances()
        changes = {
            name: after[name] - before[name] for name in after if after[name] != before[name]
        }
        assert sum(changes.values()) == 0
        return changes

    def ended(self, receipt: Receipt) -> tuple[str, int]:
        """Why an order ended and what of its lapse fee went to the vault."""
        event = receipt.one("Ended").args
        return name_of(event.reason), event.lapse_fee

    @staticmethod
    def lapse_fee(size: int = WAD, price: int = PRICES[1]) -> int:
        """What an order puts at stake, 1e-18: a ratio of its notional, rounded up to 1e-6."""
        return -(-abs(size) * price * LAPSE_RATIO // (10**24 * MICRO)) * MICRO

    @staticmethod
    def taker_fee(size: int, price: int) -> int:
        """1e-18, rounded up."""
        return -(-abs(size) * price * TAKER_FEE // 10**24)

    @staticmethod
    def quote(size: int, mark: int = PRICES[1]) -> int:
        """The vault's price per unit, 1e-18."""
        above = mark * MARGIN // 10**6
        return mark + above if size > 0 else mark - above

    def set_terms(self, instrument: int = BTC, **changes: Any) -> None:
        trade = replace(TRADE, **changes)
        self.core.transact(
            "set_terms",
            instrument,
            RISK.pack(),
            trade.pack(),
            LIMITS.pack(),
            sender=self.governance,
        )

    def set_venue(self, role: int, paused_until: int = 0) -> None:
        word = role | paused_until << 8
        self.core.transact("set_venue", self.exchange.address, word, sender=self.governance)

    def deposit(self, account: int, tokens: int) -> None:
        owner = local_address("depositor")
        self.token.transact("mint", owner, tokens * 10**6, sender=owner)
        self.token.transact("approve", self.core.address, tokens * 10**6, sender=owner)
        self.core.transact("deposit", account, 0, tokens * 10**6, sender=owner)


@pytest.fixture(scope="module")
def deployed() -> Market:
    chain = RevmChain()
    governance = local_address("governance")
    signer = Account.from_key(b"\1" * 32)
    oracle = chain.deploy(artifact("PriceOracle"), governance, SLOT_SECONDS, [signer.address], 1, 0)
    losses = chain.deploy(artifact("SharedLosses"))
    core = chain.deploy(artifact("ClearingHouse"), oracle.address, governance, losses.address)
    vault = chain.deploy(artifact("VaultMock"))
    token = chain.deploy(artifact("FaucetToken"), "Test dollar", "TUSD", 6)
    exchange = chain.deploy(
        artifact("Exchange"),
        core.address,
        oracle.address,
        vault.address,
        WINDOW,
        MIN_KEEPER_FEE,
        LAPSE_RATIO,
    )
    market = Market(
        chain=chain,
        core=core,
        oracle=oracle,
        vault=vault,
        exchange=exchange,
        token=token,
        signer=PriceSigner(signer, PriceDomain(chain.chain_id, oracle.address)),
        governance=governance,
        trader=local_address("trader"),
        keeper=local_address("keeper"),
        attacker=local_address("attacker"),
    )
    market.account = words.account(market.trader, 1)
    market.keeper_account = words.account(market.keeper, 0)
    market.escrow = words.account(exchange.address, 0)
    market.treasury = words.treasury(vault.address)
    market.pool = words.pool(vault.address, 1)

    asset = words.Asset.human(
        escrow=10_000, share="0.05", window=3600, token_decimals=6, token=int(token.address, 16)
    )
    core.transact("add_asset", 0, asset.pack(), vault.address, sender=governance)
    for feed, price in PRICES.items():
        oracle.transact("set_feed", feed, MAX_AGE, 200_000, sender=governance)
        market.push(price, feed=feed)
    chain.advance(1)
    for instrument in (BTC, ETH):
        market.set_terms(instrument)
    core.transact("set_venue", exchange.address, 1, sender=governance)
    vault.transact("set_margin", MARGIN)
    market.deposit(market.account, 10_000)
    market.deposit(market.treasury, 1_000_000)
    return market


@pytest.fixture
def market(deployed: Market):
    """A trader with 10,000 of collateral, no position, both prices fresh."""
    snapshot = deployed.chain.snapshot()
    deployed.nonce = 0
    yield deployed
    deployed.chain.restore(snapshot)


@pytest.fixture
def refuses(market: Market):
    """Call and expect an error by name, and that no money moved."""

    def check(error: str, action, *args, **options) -> None:
        before = market.balances()
        with pytest.raises(ProtocolError) as refusal:
            action(*args, **options)
        assert refusal.value.name == error
        assert market.balances() == before

    return check


@pytest.fixture
def scripted(market: Market) -> Market:
    """The same exchange on a clearing house that answers what it is told."""
    core = market.chain.deploy(artifact("CoreMock"))
    exchange = market.chain.deploy(
        artifact("Exchange"),
        core.address,
        market.oracle.address,
        market.vault.address,
        WINDOW,
        MIN_KEEPER_FEE,
        LAPSE_RATIO,
    )
    return replace(market, core=core, exchange=exchange)
