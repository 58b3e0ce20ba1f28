"""A whole exchange on one chain, and what people do on it, in people's numbers."""

from dataclasses import dataclass, field
from decimal import Decimal

from tidegate.chain import Chain, Contract, Receipt
from tidegate.client.orders import Order, OrderWord
from tidegate.deployment import COLLATERAL, Deployment, DeploymentConfig, LocalSigners
from tidegate.spec import words
from tidegate.spec.rounding import WAD

BTC = words.instrument_id(1)
ETH = words.instrument_id(2)
TRADE_RIGHT, MOVE_RIGHT, LP_RIGHT = 1, 2, 4
FOREVER = 2**32 - 1
Amount = Decimal | str | int


def wad(amount: Amount) -> int:
    """1e-18 units."""
    return words.to_units(amount, WAD)


@dataclass
class System:
    """A deployment with its configuration, its signers and its actors."""

    deployment: Deployment
    config: DeploymentConfig
    prices: dict[int, int] = field(default_factory=dict)  # 1e-18 by feed, last pushed
    nonces: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.signers = LocalSigners(self.oracle, self.config.threshold, len(self.config.signers))
        for market in self.config.markets:
            self.prices.setdefault(market.feed, wad(market.opening_price))

    @property
    def chain(self) -> Chain:
        return self.deployment.chain

    @property
    def core(self) -> Contract:
        return self.deployment.core

    @property
    def oracle(self) -> Contract:
        return self.deployment.oracle

    @property
    def vault(self) -> Contract:
        return self.deployment.vault

    @property
    def exchange(self) -> Contract:
        return self.deployment.exchange

    @property
    def liquidator(self) -> Contract:
        return self.deployment.liquidator

    @property
    def token(self) -> Contract:
        return self.deployment.token

    @property
    def now(self) -> int:
        return self.chain.time()

    @property
    def slot(self) -> int:
        """The slot that is open."""
        return self.now // self.config.slot_seconds

    # Actors

    def actor(self, name: str) -> str:
        return self.chain.account(name)

    def account(self, owner: str, sub: int = 0) -> int:
        """The clearing account of an address."""
        return words.account(owner, sub)

    def mint(self, owner: str, amount: Amount) -> int:
        """Tokens for an owner, approved for the core. The amount in the token's own decimals."""
        units = words.to_units(amount, 10**self.config.token.decimals)
        self.token.transact("mint", owner, units, sender=owner)
        self.token.transact("approve", self.core.address, 2**256 - 1, sender=owner)
        return units

    def fund(self, owner: str, amount: Amount, sub: int = 0) -> int:
        """Mint and deposit; the account."""
        account = self.account(owner, sub)
        units = self.mint(owner, amount)
        self.core.transact("deposit", account, COLLATERAL, units, sender=owner)
        return account

    # Prices and time

    def push(self, instrument: int, price: Amount) -> None:
        """Publish a price in the open slot: it counts from the next second on."""
        feed = words.underlying_of(instrument)
        self.signers.push(feed, wad(price))
        self.prices[feed] = wad(price)

    def refresh(self) -> None:
        """All feeds' last prices again in the slot that is open, and on to the next second."""
        now = self.now
        for feed, price in self.prices.items():
            self.signers.push(feed, price, now)
        self.chain.set_time(now + 1)

    def next_slot(self, slots: int = 1) -> int:
        """Go to the start of a later slot."""
        slot = self.slot + slots
        self.chain.set_time(slot * self.config.slot_seconds)
        return slot

    def move(self, instrument: int, price: Amount) -> None:
        """A price in force: published at the start of a slot far enough for the step it makes."""
        feed = words.underlying_of(instrument)
        market = next(market for market in self.config.markets if market.feed == feed)
        before, after = self.prices[feed], wad(price)
        step = Decimal(abs(after - before)) / before / Decimal(market.max_step)
        self.next_slot(max(1, int(step) + 1))
        self.prices[feed] = after
        self.refresh()

    def pass_time(self, seconds: int) -> None:
        """Later, with fresh prices."""
        self.chain.advance(seconds)
        self.refresh()

    # Trading

    def order(self, account: int, instrument: int, size: Amount, **changes: object) -> Order:
        """An immediate order that takes any price its band allows."""
        price = self.prices[words.underlying_of(instrument)]
        units = wad(size)
        nonce = self.nonces.get(account, 0)
        self.nonces[account] = nonce + 1
        body: dict[str, object] = {
            "account": account,
            "instrument": instrument,
            "size": units,
            "limit": price * 11 // 10 if units > 0 else price * 9 // 10,
            "expiry": self.now + 3600,
            "keeper_fee": wad(self.config.min_keeper_fee),
            "nonce": nonce,
        }
        return Order(**{**body, **changes})  # type: ignore[arg-type]

    def place(self, order: Order, sender: str | None = None) -> Receipt:
        return self.exchange.transact("place", order, sender=sender or owner_of(order.account))

    def execute(self, order: Order, keeper: str | None = None) -> Receipt:
        """At the price of the next slot, which is published here unchanged."""
        self.next_slot()
        self.refresh()
        keeper = keeper or self.actor("keeper")
        return self.exchange.transact("execute", order, self.account(keeper), sender=keeper)

    def trade(self, account: int, instrument: int, size: Amount) -> Receipt:
        """Place and execute an immediate order; what is left of its stake comes back."""
        order = self.order(account, instrument, size)
        self.place(order)
        receipt = self.execute(order)
        if self.stake(order):
            self.release(order)
        return receipt

    def release(self, order: Order) -> Receipt:
        """The stake of an order that has ended, to its account."""
        owner = owner_of(order.account)
        return self.exchange.transact("release", order.account, order.place, sender=owner)

    def stake(self, order: Order) -> int:
        """What lies in the order's place, 1e-18."""
        return OrderWord.of(self.exchange.call("order_word", order.account, order.place)).stake

    # The vault

    def provide(self, owner: str, amount: Amount) -> int:
        """Deposit into the vault and wait for the shares; what it holds of them then."""
        account = self.fund(owner, amount)
        self.core.transact("set_delegate", self.vault.address, MOVE_RIGHT, FOREVER, sender=owner)
        self.vault.transact("request_deposit", account, wad(amount), 0, FOREVER, sender=owner)
        self.process_epoch()
        self.vault.transact("claim", account, sender=owner)
        return self.vault.call("balanceOf", owner)

    def process_epoch(self) -> Receipt:
        """Close the epoch that is open and price its requests."""
        epoch = self.now // self.config.epoch_seconds
        self.chain.set_time((epoch + 1) * self.config.epoch_seconds + self.config.slot_seconds)
        self.refresh()
        return self.vault.transact("process_epoch", epoch)

    # Governance

    def govern(self, contract: Contract, fn: str, *args: object) -> Receipt:
        """Through the timelock, as the governor: schedule, wait, execute; prices fresh again."""
        timelock, governor = self.deployment.timelock, self.actor("governor")
        payload = contract.encode(fn, *args)
        salt = self.now.to_bytes(32, "big")
        operation = (contract.address, 0, payload, b"\0" * 32, salt)
        timelock.transact("schedule", *operation, self.config.delay, sender=governor)
        self.pass_time(self.config.delay)
        return timelock.transact("execute", *operation, sender=governor)

    def widen_bucket(self, instrument: int) -> None:
        """Slices of this market draw on a bucket as wide as there is."""
        self.govern(self.liquidator, "set_bucket", instrument, 10**6, 60)

    # Readings

    def cash(self, account: int) -> int:
        """1e-18."""
        return words.Cash.unpack(self.core.call("cash_word", account, COLLATERAL)).cash

    def size(self, account: int, instrument: int) -> int:
        """1e-18 units."""
        return words.Position.unpack(self.core.call("position_word", account, instrument)).size

    def skew(self, instrument: int) -> int:
        """Long less short open interest, 1e-18 units."""
        return words.Interest.unpack(self.core.call("interest_word", instrument)).skew

    def health(self, account: int) -> tuple[int, int, int, int]:
        """Equity, initial and maintenance requirement, gross notional; 1e-18."""
        return self.core.call("health", account)


def owner_of(account: int) -> str:
    """The address an account belongs to."""
    return f"0x{words.owner_of(account):040x}"
