"""Requests to the vault, as those who made them know them.

An epoch's requests all trade at one price. What each gets is computed here from the price and the
share of redemptions served.
"""

from dataclasses import dataclass, replace
from typing import Any

from tidegate.spec.vault import PRICE_ONE, WHOLE


@dataclass(frozen=True, slots=True)
class Terms:
    """Of an epoch: collateral per share, 1e-27; share of the redemptions served, 1e-9; time."""

    price: int
    filled: int
    time: int


@dataclass(frozen=True, slots=True)
class Request:
    """Until it is claimed. Collateral and shares, 1e-18, are what lies there for the requester."""

    account: int
    epoch: int
    redeem: bool
    amount: int
    least: int
    deadline: int
    settled: bool = False
    assets: int = 0
    shares: int = 0

    def settle(self, terms: Terms) -> "Request":
        """What it got at these terms, and what comes back."""
        amount, price = self.amount, terms.price
        bought = amount * PRICE_ONE // (price + 1)
        worth = amount * price // PRICE_ONE if self.redeem else bought
        taken = price != 0 and terms.time <= self.deadline and worth >= self.least
        if not taken:
            assets, shares = (0, amount) if self.redeem else (amount, 0)
        elif self.redeem:
            assets = amount * terms.filled // WHOLE * price // PRICE_ONE
            shares = amount * (WHOLE - terms.filled) // WHOLE
        else:
            assets, shares = 0, bought
        return replace(self, settled=True, assets=assets, shares=shares)


class Requests:
    """All that were made and not yet claimed, by account."""

    def __init__(self, ours: frozenset[int]) -> None:
        self.ours = ours
        self.open: dict[int, Request] = {}

    def requested(self, args: Any) -> None:
        redeem, amount = args.redeem, args.amount
        waiting = (0, amount) if redeem else (amount, 0)
        self.open[args.account] = Request(
            args.account, args.epoch, redeem, amount, args.least, args.deadline, False, *waiting
        )

    def of_epoch(self, epoch: int) -> list[Request]:
        return [r for r in self.open.values() if r.epoch == epoch and not r.settled]

    def processed(self, epoch: int, terms: Terms) -> None:
        for request in self.of_epoch(epoch):
            self.open[request.account] = request.settle(terms)

    def claimed(self, args: Any) -> None:
        request = self.open.pop(args.account)
        left = replace(request, assets=request.assets - args.assets, shares=0)
        # a wei may stay behind where sums are rounded apart
        if left.assets > 1:
            self.open[args.account] = left

    def waiting(self) -> list[int]:
        """Epochs that are not processed, first first."""
        return sorted({r.epoch for r in self.open.values() if not r.settled})

    def claimable(self, account: int) -> bool:
        request = self.open.get(account)
        return request is not None and request.settled

    @property
    def held(self) -> tuple[int, int]:
        """Collateral and shares that wait for the attacker."""
        mine = [r for a, r in self.open.items() if a in self.ours]
        return sum(r.assets for r in mine), sum(r.shares for r in mine)

    def at(self, epoch: int, terms: Terms) -> tuple[int, int]:
        """The same, were the epoch settled at these terms."""
        mine = [r for a, r in self.open.items() if a in self.ours]
        after = [r.settle(terms) if r.epoch == epoch and not r.settled else r for r in mine]
        return sum(r.assets for r in after), sum(r.shares for r in after)


def totals(requests: list[Request], terms: Terms) -> tuple[int, int, int, int]:
    """Collateral in, shares minted, collateral out, shares burnt."""
    coming = minted = leaving = burnt = 0
    for request in requests:
        after = request.settle(terms)
        if request.redeem:
            leaving += after.assets
            burnt += request.amount - after.shares
        elif after.shares:
            coming += request.amount
            minted += after.shares
    return coming, minted, leaving, burnt
