"""Auctions: opens them where slices do not help, bids within limits, ends what nobody cleared.

A bidder has a book of its own: how much of each instrument it will hold, what it wants for it, and
the margin it can give. The chain judges every bid again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tidegate.keepers.actions import Bid, Deleverage, EndAuction, OpenAuction, TakeOver
from tidegate.spec.liquidator import LIVES
from tidegate.spec.rounding import PPM

AuctionAction = OpenAuction | Bid | TakeOver | Deleverage | EndAuction
DEADLINE = 60  # seconds that a bid may wait


@dataclass(frozen=True, slots=True)
class Lot:
    """An account that was below maintenance when it was read. 1e-18 of the collateral; ppm."""

    account: int
    equity: int
    maintenance: int
    buffer: int  # ppm
    positions: Mapping[int, int]  # signed notional at the mark, by instrument
    opened: int = 0  # s; 0: no auction
    discount: int = 0  # now
    needed: int = 0  # fraction that restores the account, ppm, rounded up

    @property
    def notional(self) -> int:
        return sum(map(abs, self.positions.values()))

    @property
    def largest(self) -> int:
        """The instrument with the largest notional."""
        return max(
            self.positions, key=lambda instrument: (abs(self.positions[instrument]), instrument)
        )

    @property
    def is_short(self) -> bool:
        return bool(self.positions) and self.equity < self.maintenance

    @property
    def is_restored(self) -> bool:
        return self.equity * PPM >= self.maintenance * (PPM + self.buffer)

    def is_hedged(self, underlying: int) -> bool:
        """Whether it is long and short of one underlying."""
        legs = [n for i, n in self.positions.items() if i >> 6 == underlying]
        return any(n > 0 for n in legs) and any(n < 0 for n in legs)


@dataclass(frozen=True, slots=True)
class Bidder:
    """An account, what it holds and what it is willing to hold. 1e-18 of the collateral; ppm."""

    account: int
    free: int  # equity above its initial requirement
    margin: Mapping[int, int]  # initial requirement per notional, by instrument
    limits: Mapping[int, int]  # largest |notional|, by instrument; what is not named is not taken
    wants: Mapping[int, int]  # least discount, by instrument
    held: Mapping[int, int] = field(default_factory=dict)  # signed notional

    def wanted(self, lot: Lot) -> int:
        """The discount at which the lot is worth having: each leg's, by notional, rounded up."""
        wanted = sum(abs(n) * self.wants.get(i, PPM) for i, n in lot.positions.items())
        return -(-wanted // lot.notional)

    def most(self, lot: Lot) -> int:
        """Notional it can take of the lot, the same part of every leg."""
        whole = lot.notional
        most = whole
        used = 0
        for instrument, notional in lot.positions.items():
            limit, held = self.limits.get(instrument, 0), self.held.get(instrument, 0)
            # from what it holds to its limit on the leg's side
            room = limit - held if notional > 0 else limit + held
            most = min(most, max(0, room) * whole // abs(notional))
            used += abs(notional) * self.margin.get(instrument, PPM)
        if used:
            most = min(most, max(0, self.free) * PPM * whole // used)
        return most


@dataclass(frozen=True, slots=True)
class Venue:
    """What the markets allow now."""

    now: int
    t2: int
    minimum: int  # notional that a bid takes, the least
    empty: frozenset[int] = (
        frozenset()
    )  # instruments whose bucket is empty or that may not be sliced
    full: frozenset[int] = frozenset()  # instruments of which the vault takes no more


def decide(lots: Iterable[Lot], venue: Venue, bidder: Bidder | None = None) -> list[AuctionAction]:
    """At most one action an account: the largest first."""
    actions: list[AuctionAction] = []
    free, held = (bidder.free, dict(bidder.held)) if bidder else (0, {})
    for lot in sorted(lots, key=lambda lot: (-lot.notional, lot.account)):
        age = venue.now - lot.opened
        runs = lot.opened != 0 and age <= LIVES * venue.t2
        if not lot.is_short:
            if lot.opened != 0 and lot.is_restored:
                actions.append(EndAuction(lot.account))
            continue
        if not runs:
            opens = lot.equity < 0 or lot.largest in venue.empty
            if opens or lot.is_hedged(lot.largest >> 6):
                actions.append(OpenAuction(lot.account, lot.largest))
            continue
        if bidder is not None:
            now = Bidder(bidder.account, free, bidder.margin, bidder.limits, bidder.wants, held)
            wanted, most = now.wanted(lot), min(now.most(lot), -(-lot.notional * lot.needed // PPM))
            if lot.discount >= wanted and most >= min(venue.minimum, lot.notional):
                actions.append(Bid(lot.account, bidder.account, most, wanted, venue.now + DEADLINE))
                for instrument, notional in lot.positions.items():
                    part = notional * most // lot.notional
                    held[instrument] = held.get(instrument, 0) + part
                    free -= -(-abs(part) * bidder.margin.get(instrument, PPM) // PPM)
                continue
        if age >= venue.t2:
            kind = Deleverage if lot.largest in venue.full else TakeOver
            actions.append(kind(lot.account, lot.largest))
    return actions
