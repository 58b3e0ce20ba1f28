"""One deployed exchange: its contracts, its constants, and the calls a user makes on it.

Decimals in units of the token or of the underlying go in; the calls that come out carry integers.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Self

from tidegate.chain import Chain, Contract
from tidegate.client.calls import Transaction
from tidegate.client.orders import PLACES, Order, OrderState, OrderWord
from tidegate.client.units import wad
from tidegate.deployment import Deployment
from tidegate.spec import words
from tidegate.spec.rounding import WAD

COLLATERAL = 0
SLIPPAGE = Decimal("0.03")  # how far a market order's limit lies from the price it saw
FOREVER = 2**32 - 1
MOVE = 2  # the right to withdraw and transfer


@dataclass(frozen=True, slots=True)
class Market:
    """An instrument by its name."""

    name: str
    instrument: int

    @property
    def feed(self) -> int:
        return self.instrument // words.INSTRUMENTS_PER_UNDERLYING


@dataclass
class Venue:
    """The contracts of one deployment and what never changes about them."""

    chain: Chain
    core: Contract
    oracle: Contract
    vault: Contract
    exchange: Contract
    liquidator: Contract
    fund: Contract
    breaker: Contract
    losses: Contract  # what sides of markets shared
    token: Contract
    lens_accounts: Contract
    lens_markets: Contract
    markets: dict[str, Market]
    slot_seconds: int = 0
    epoch_seconds: int = 0
    window: int = 0
    keeper_fee: int = 0  # the least, 1e-18
    token_decimals: int = 0
    max_steps: dict[int, int] = field(default_factory=dict)  # ppm per slot, by feed
    max_ages: dict[int, int] = field(default_factory=dict)  # seconds, by feed
    _nonces: dict[int, int] = field(default_factory=dict)
    # the word of each place that an order was made for, by account
    _made: dict[int, dict[int, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, deployment: Deployment) -> Self:
        """From a deployment, made just now or loaded from its manifest."""
        return cls(
            chain=deployment.chain,
            core=deployment.core,
            oracle=deployment.oracle,
            vault=deployment.vault,
            exchange=deployment.exchange,
            liquidator=deployment.liquidator,
            fund=deployment.fund,
            breaker=deployment.breaker,
            losses=deployment.losses,
            token=deployment.token,
            lens_accounts=deployment.lens_accounts,
            lens_markets=deployment.lens_markets,
            markets={
                name: Market(name, instrument) for name, instrument in deployment.markets.items()
            },
        )

    def __post_init__(self) -> None:
        self.slot_seconds = self.oracle.call("SLOT_SECONDS")
        self.epoch_seconds = self.vault.call("EPOCH_SECONDS")
        self.window = self.exchange.call("WINDOW")
        self.keeper_fee = self.exchange.call("MIN_KEEPER_FEE")
        self.token_decimals = self.token.call("decimals")
        for market in self.markets.values():
            word = self.oracle.call("feed_word", market.feed)
            self.max_ages[market.feed] = word & (2**32 - 1)
            self.max_steps[market.feed] = word >> 32

    @property
    def contracts(self) -> list[Contract]:
        """Those whose events make the exchange's history."""
        return [
            self.core, self.oracle, self.vault, self.exchange, self.liquidator, self.token
        ]  # fmt: skip

    def market_of(self, instrument: int) -> Market:
        return next(one for one in self.markets.values() if one.instrument == instrument)

    def tokens(self, amount: Decimal) -> int:
        """In the token's own decimals, rounded down."""
        return wad(amount) // 10 ** (18 - self.token_decimals)

    # Calls

    def approve(self, owner: str) -> Transaction:
        return Transaction(self.token, "approve", (self.core.address, 2**256 - 1), owner, "approve")

    def deposit(self, account: int, payer: str, amount: Decimal) -> Transaction:
        args = (account, COLLATERAL, self.tokens(amount))
        return Transaction(self.core, "deposit", args, payer, "deposit")

    def withdraw(self, account: int, owner: str, amount: Decimal) -> Transaction:
        args = (account, COLLATERAL, self.tokens(amount), owner)
        return Transaction(self.core, "withdraw", args, owner, "withdraw")

    def poke(self, market: str, caller: str) -> Transaction:
        return Transaction(
            self.core, "poke", (self.markets[market].instrument,), caller, "funding_poke"
        )

    def permit_vault(self, owner: str) -> Transaction:
        """The vault moves what a provider asks it to take; it uses the right for nothing else."""
        args = (self.vault.address, MOVE, FOREVER)
        return Transaction(self.core, "set_delegate", args, owner, "permit")

    def request_deposit(self, account: int, owner: str, amount: Decimal) -> Transaction:
        args = (account, wad(amount), 0, FOREVER)
        return Transaction(self.vault, "request_deposit", args, owner, "lp_request")

    def request_redeem(self, account: int, owner: str, shares: int) -> Transaction:
        """`shares` in 1e-18."""
        args = (account, shares, 0, FOREVER)
        return Transaction(self.vault, "request_redeem", args, owner, "lp_request")

    def place(self, order: Order, trader: str) -> Transaction:
        return Transaction(self.exchange, "place", (order,), trader, "place")

    def release(self, account: int, place: int, trader: str) -> Transaction:
        """The stake of a place without an open order, back to the account."""
        return Transaction(self.exchange, "release", (account, place), trader, "release")

    # Orders

    def order(
        self,
        account: int,
        market: str,
        size: Decimal,
        price: Decimal,
        now: int,
        *,
        rest_at: Decimal | None = None,
        reduce_only: bool = False,
        lifetime: int | None = None,
    ) -> Order:
        """An immediate order with a limit around `price`, or a resting one at `rest_at`.

        Size is signed; `lifetime` in seconds, by default what an immediate order can live.
        """
        limit = rest_at
        if limit is None:
            limit = price * (1 + SLIPPAGE if size > 0 else 1 - SLIPPAGE)
        return Order(
            account=account,
            instrument=self.markets[market].instrument,
            size=wad(size),
            limit=wad(limit),
            resting=rest_at is not None,
            reduce_only=reduce_only,
            expiry=now + (lifetime or 2 * self.slot_seconds + self.window),
            keeper_fee=self.keeper_fee,
            nonce=self._nonce(account),
        )

    def _nonce(self, account: int) -> int:
        """In the free place with the largest stake: the next order stands on it.

        A place is free if no order is open there, nor one on its way that was made here.
        """
        made = self._made.setdefault(account, {})
        free: dict[int, int] = {}  # stakes
        for place in range(PLACES):
            word = self.exchange.call("order_word", account, place)
            seen = OrderWord.of(word)
            if not seen.is_open and made.get(place) != word:
                free[place] = seen.stake
            if seen.state == OrderState.UNUSED and place not in made:
                break
        place = max(free, key=lambda place: free[place], default=0)
        made[place] = self.exchange.call("order_word", account, place)
        turn = self._nonces.get(account, 0)
        self._nonces[account] = turn + 1
        return turn * PLACES + place

    # Readings

    def size(self, account: int, market: str) -> Decimal:
        """What is left of the position, units of the underlying."""
        size = self.core.call("size_of", account, self.markets[market].instrument)
        return Decimal(size) / WAD
