"""The clearing house with prices, stress and a token that the tests set; venues are addresses."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tests.harness.reverts import reverts
from tidegate.artifacts import artifact, artifacts
from tidegate.chain import Contract, Receipt
from tidegate.local_accounts import local_address
from tidegate.revm_chain import RevmChain
from tidegate.spec import words
from tidegate.spec.rounding import WAD

BTC = words.instrument_id(1)
BTC_2 = words.instrument_id(1, 1)  # a second instrument of the same underlying
ETH = words.instrument_id(2)
PRICE = 100 * WAD
UNIT = 10**12  # the token has 6 decimals
TRADING, LIQUIDATION = 1, 2
HOUR, DAY = 3600, 86400
SHARE_PPM, WINDOW = 100_000, HOUR  # of the outflow bucket
ESCROW_CAP = 10_000 * WAD
FOREVER = 2**40

# no funding, no contingency, no crowding: a test adds what it is about
RISK = words.Risk.human(
    calm_skew="0.01",
    half_life=8 * HOUR,
    scale=1000,
    maintenance_shock="0.03",
    initial_shock="0.05",
    kind=1,
)
TRADE = words.Trade.human(
    hard=10_000, soft=5_000, minimum=100, band="0.03", insurance_share="0.2", taker_fee="0.0005"
)
LIMITS = words.Limits.human(
    reward=5,
    stress="0.25",
    buffer="0.2",
    max_cost="0.025",
    penalty="0.0075",
    max_half_spread="0.002",
    max_premium="0.01",
)
ASSET = words.Asset.human(escrow=10_000, share="0.1", window=WINDOW, token_decimals=6)
Fill = tuple[int, int, int, int, int, int, int]


@dataclass
class House:
    """The clearing house and everything around it. Amounts, sizes and prices are 1e-18."""

    chain: RevmChain
    core: Contract
    oracle: Contract
    vault: Contract
    token: Contract
    configurator: str = field(default_factory=lambda: local_address("configurator"))
    venue: str = field(default_factory=lambda: local_address("exchange"))
    liquidator: str = field(default_factory=lambda: local_address("liquidator"))
    accounts: set[int] = field(default_factory=set)
    donated: int = 0
    listed: set[int] = field(default_factory=set)

    # Surroundings

    def price(self, price: int, fresh: bool = True, feed: int = 1) -> None:
        self.oracle.transact("set", feed, price, fresh)

    def slot(self, slot: int, price: int, feed: int = 1) -> None:
        self.oracle.transact("set_slot", feed, slot, price, 0)

    def list(
        self,
        instrument: int = BTC,
        risk: words.Risk = RISK,
        trade: words.Trade = TRADE,
        limits: words.Limits = LIMITS,
    ) -> Receipt:
        """List an instrument, or change its terms."""
        self.listed.add(instrument)
        terms = (risk.pack(), trade.pack(), limits.pack())
        return self.core.transact("set_terms", instrument, *terms, sender=self.configurator)

    def asset(self, **changes: int) -> None:
        word = replace(ASSET, token=int(self.token.address, 16), **changes)
        self.core.transact(
            "add_asset", 0, word.pack(), self.vault.address, sender=self.configurator
        )

    # Accounts

    def account(self, name: str, sub: int = 0) -> int:
        account = words.account(local_address(name), sub)
        self.accounts.add(account)
        return account

    def fund(self, name: str, amount: int, sub: int = 0) -> int:
        """Mint and deposit whole micro-tokens; the account."""
        account = self.account(name, sub)
        self.deposit(account, amount, local_address(name))
        return account

    def deposit(self, account: int, amount: int, payer: str) -> Receipt:
        self.accounts.add(account)
        self.token.transact("mint", payer, amount // UNIT)
        return self.core.transact("deposit", account, 0, amount // UNIT, sender=payer)

    def withdraw(self, account: int, amount: int, sender: str | None = None) -> Receipt:
        """To the owner, by the owner."""
        owner = owner_of(account)
        return self.core.transact(
            "withdraw", account, 0, amount // UNIT, owner, sender=sender or owner
        )

    def transfer(self, source: int, target: int, amount: int, sender: str | None = None) -> Receipt:
        self.accounts |= {source, target}
        return self.core.transact(
            "transfer", source, target, 0, amount, sender=sender or owner_of(source)
        )

    def word(self, account: int) -> words.Cash:
        return words.Cash.unpack(self.core.call("cash_word", account, 0))

    def cash(self, account: int) -> int:
        return self.word(account).cash

    def principal(self, account: int) -> int:
        return self.word(account).principal

    def position(self, account: int, instrument: int = BTC) -> words.Position:
        return words.Position.unpack(self.core.call("position_word", account, instrument))

    def size(self, account: int, instrument: int = BTC) -> int:
        return self.position(account, instrument).size

    def holds(self, account: int) -> tuple[int, ...]:
        return tuple(words.held(self.core.call("account_word", account)))

    def health(self, account: int) -> tuple[int, int, int, int]:
        return self.core.call("health", account)

    def interest(self, instrument: int = BTC) -> words.Interest:
        return words.Interest.unpack(self.core.call("interest_word", instrument))

    def carry(self, instrument: int = BTC) -> words.Carry:
        return words.Carry.unpack(self.core.call("carry_word", instrument))

    def tokens(self, holder: str) -> int:
        """1e-18."""
        return self.token.call("balanceOf", holder) * UNIT

    def pool(self, instrument: int = BTC) -> int:
        return words.pool(self.vault.address, words.underlying_of(instrument))

    @property
    def treasury(self) -> int:
        return words.treasury(self.vault.address)

    @property
    def insurance(self) -> int:
        return words.insurance(self.core.address, 0)

    @property
    def deficits(self) -> int:
        return words.deficits(self.core.address, 0)

    @property
    def backstop(self) -> int:
        return words.backstop(self.core.address)

    def shared(self, instrument: int = BTC) -> bool:
        return bool(words.Risk.unpack(self.core.call("risk_word", instrument)).shared)

    @property
    def escrow(self) -> int:
        """Of the trading venue."""
        return words.account(self.venue)

    def as_vault(self, fn: str, *args: Any) -> Receipt:
        """A call of the core in the vault's name."""
        return self.vault.transact("forward", self.core.address, self.core.encode(fn, *args))

    # Fills

    def fill(
        self,
        taker: int,
        size: int,
        price: int = PRICE,
        fee: int = 0,
        slot: int = 0,
        instrument: int = BTC,
        maker: int | None = None,
    ) -> Fill:
        """Against the pool unless a maker is named."""
        maker = self.pool(instrument) if maker is None else maker
        return taker, maker, instrument, size, price, fee, slot

    def payment(self, source: int, target: int, amount: int) -> Fill:
        """A fill of nothing."""
        return source, target, 0, 0, 0, amount, 0

    def clear(self, *fills: Fill, by: str | None = None) -> Receipt:
        self.accounts |= {account for fill in fills for account in fill[:2]}
        return self.core.transact("clear", list(fills), sender=by or self.venue)

    def trade(self, taker: int, size: int, price: int = PRICE, **changes: Any) -> Receipt:
        return self.clear(self.fill(taker, size, price, **changes))

    def liquidate(self, taker: int, size: int, price: int, fee: int = 0) -> Receipt:
        return self.clear(self.fill(taker, size, price, fee), by=self.liquidator)

    def lose_all(self, name: str, margin: int, size: int, low: int) -> int:
        """A long of 100 units closed at a price that leaves less than nothing; the account."""
        account = self.fund(name, margin)
        self.trade(account, size)
        self.price(low)
        self.liquidate(account, -size, low)
        return account

    # Laws

    def laws(self) -> None:
        """L1, L2 and L3 over every account that ever took part."""
        extra = {self.treasury, self.insurance, self.deficits, self.escrow}
        accounts = self.accounts | extra | {self.pool(i) for i in self.listed} | {self.backstop}
        pots = 0
        for instrument in self.listed:
            sizes = {account: self.position(account, instrument) for account in accounts}
            assert sum(held.size for held in sizes.values()) == 0, "L1"
            people = accounts - {self.pool(instrument), self.backstop}
            traders = [self.core.call("size_of", account, instrument) for account in people]
            interest = self.interest(instrument)
            # where a side shared a loss, each position is rounded once
            crumbs = len(people) * 3 if self.shared(instrument) else 0
            longs, shorts = (sum(max(0, sign * size) for size in traders) for sign in (1, -1))
            assert abs(interest.long_side - longs) <= crumbs
            assert abs(interest.short_side - shorts) <= crumbs
            for account in people:
                assert (instrument in self.holds(account)) == (sizes[account].size != 0)
            pots += self.carry(instrument).pot
        cash = sum(self.cash(account) for account in accounts)
        assert cash + pots + self.donated == self.tokens(self.core.address), "L2"

    def pot_and_dues(self, instrument: int = BTC) -> int:
        """L3: not negative. Pokes the market to now."""
        self.core.transact("poke", instrument)
        indices = words.Indices.unpack(self.core.call("indices_word", instrument))
        due = 0
        losses = Contract(self.chain, artifact("SharedLosses").abi, self.core.call("shared_losses"))
        for account in self.accounts | {self.pool(instrument)}:
            if account == self.backstop:
                continue
            held = self.position(account, instrument)
            owed = held.size * (indices.of(held.size) - held.checkpoint)
            if self.shared(instrument) and account != self.pool(instrument):
                terms = (self.core.address, instrument, held.pack(), indices.pack())
                due += losses.call("standing_of", *terms)[1]
            else:
                due += -(-owed // 10**27)
        return self.carry(instrument).pot + due


def owner_of(account: int) -> str:
    return f"0x{account >> 96:040x}"


def deploy(decimals: int = 6) -> House:
    """Two feeds at PRICE, one asset, two venues; BTC is listed."""
    artifacts(["SharedLosses", "ClearingHouse", "OracleMock", "BackerMock", "TokenMock"])
    chain = RevmChain()
    oracle = chain.deploy(artifact("OracleMock"))
    losses = chain.deploy(artifact("SharedLosses"))
    core = chain.deploy(
        artifact("ClearingHouse"), oracle.address, local_address("configurator"), losses.address
    )
    house = House(
        chain,
        core,
        oracle,
        chain.deploy(artifact("BackerMock")),
        chain.deploy(artifact("TokenMock"), decimals),
    )
    house.asset(token_decimals=decimals)
    house.price(PRICE)
    house.price(PRICE, feed=2)
    for venue, role in ((house.venue, TRADING), (house.liquidator, LIQUIDATION)):
        core.transact("set_venue", venue, role, sender=house.configurator)
    house.list()
    return house


@pytest.fixture(scope="session")
def deployed_house() -> House:
    return deploy()


@pytest.fixture
def house(deployed_house: House) -> House:
    """As deployed; what a test does is undone, and the laws are looked at after it."""
    deployed_house.accounts, deployed_house.listed = set(), {BTC}
    deployed_house.donated = 0
    checkpoint = deployed_house.chain.snapshot()
    yield deployed_house
    try:
        deployed_house.laws()
    finally:
        deployed_house.chain.restore(checkpoint)


@pytest.fixture
def trader(house: House) -> int:
    """An account with 1,000."""
    return house.fund("trader", 1_000 * WAD)


@pytest.fixture
def refuses() -> Callable[..., None]:
    """Call and expect an error by name."""

    def check(error: str, action: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        with reverts(error):
            action(*args, **kwargs)

    return check
