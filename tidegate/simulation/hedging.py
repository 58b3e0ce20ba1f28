"""Who sells outside what the exchange takes over: the vault's hedge, and bidders with inventory.

Quantities are in units of the underlying, money in the collateral, both floats: this happens on
another market, not in the ledger.
"""

import math
from dataclasses import dataclass, field

from tidegate.simulation.external_market import LN2, ExternalMarket


@dataclass(slots=True)
class Book:
    """A position outside and the cash that its trades left."""

    position: float = 0.0
    cash: float = 0.0

    def trade(self, size: float, price: float) -> None:
        self.position += size
        self.cash -= size * price

    def worth(self, price: float) -> float:
        return self.cash + self.position * price


@dataclass(slots=True)
class Hedger:
    """Holds outside what the vault's pool owes its traders: their skew, a step late."""

    crowd: float  # accounts that each account of the exchange stands for
    book: Book = field(default_factory=Book)

    def begin(self, skew: float, price: float) -> None:
        """Hedged before the crash, at no cost."""
        self.book.trade(skew, price)

    def follow(self, skew: float, market: ExternalMarket, recorded: float) -> float:
        """Trade to the skew; the money sold outside (bought: negative), of one account's scale."""
        size = skew - self.book.position
        if not size:
            return 0.0
        money = -size * market.price(recorded)
        # the market sees the whole crowd, the book keeps one account's share of it
        price = market.trade(money * self.crowd, recorded)
        self.book.trade(size, price)
        return money


@dataclass(slots=True)
class Unloader:
    """Sells outside, evenly, what a bidder took over and keeps here: half of it per half life."""

    crowd: float
    half_life: float  # seconds
    book: Book = field(default_factory=Book)
    pending: float = 0.0  # not sold yet; negative: not bought back yet
    least: float = 1.0  # money: a smaller rest goes at once

    def take(self, size: float) -> None:
        self.pending += size

    def unload(self, seconds: float, market: ExternalMarket, recorded: float) -> float:
        """The money sold outside, of one account's scale."""
        if not self.pending:
            return 0.0
        here = market.price(recorded)
        size = self.pending * (1 - math.exp(-LN2 * seconds / self.half_life))
        if abs(self.pending) * here < self.least:
            size = self.pending
        money = size * here
        price = market.trade(money * self.crowd, recorded)
        self.book.trade(-size, price)
        self.pending -= size
        return money


@dataclass(frozen=True, slots=True)
class Appetite:
    """What a bidder wants. Money in the collateral, discounts as shares of notional."""

    limit: float = 2_000_000.0  # most that is not sold outside yet, over all markets
    least: float = 0.004  # discount it wants with an empty book
    full: float = 0.016  # with a full one

    def room(self, inventory: float) -> float:
        return max(0.0, self.limit - abs(inventory))

    def wants(self, inventory: float) -> float:
        """The discount it asks for: more, the more it has to sell already."""
        filled = min(1.0, abs(inventory) / self.limit)
        return self.least + (self.full - self.least) * filled
