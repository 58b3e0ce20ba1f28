"""Every order that was placed, as its owner knows it: what it staked, from when it may fill.

Kept from the calls and the clock, not from the exchange's words: which slot an order is due in is
decided here.
"""

from dataclasses import dataclass

from tests.stateful.wealth.truth import Message, Truth
from tidegate.client.orders import Order
from tidegate.spec.rounding import PPM, WAD, div_up
from tidegate.spec.words import MICRO

GRACE_SLOTS = 2  # a refusal by caps or by the quote is free for so long after the slot opened


@dataclass(slots=True)
class Live:
    """An order between its placing and its end."""

    order: Order
    digest: bytes
    ours: bool  # the attacker's
    slot: int  # it may fill at this one's price; resting: be woken by this or a later one
    lapse_fee: int  # 1e-18
    resting: bool

    @property
    def escrow(self) -> int:
        """1e-18, what the exchange holds of it."""
        return 0 if self.order.reduce_only else self.order.keeper_fee + self.lapse_fee


class Orders:
    """Those that live, by hash."""

    def __init__(self, truth: Truth, slot_seconds: int, window: int, lapse_ratio: int) -> None:
        self.truth, self.slot_seconds = truth, slot_seconds
        self.window, self.lapse_ratio = window, lapse_ratio
        self.live: dict[bytes, Live] = {}

    def placed(self, order: Order, digest: bytes, ours: bool, now: int, latest: int) -> Live:
        """At this price in force, 1e-18; due in the next slot to open."""
        fee = 0
        if not order.reduce_only:
            share = abs(order.size) * latest * self.lapse_ratio
            fee = div_up(share, WAD * PPM * MICRO) * MICRO
        slot = now // self.slot_seconds + 1
        live = self.live[digest] = Live(order, digest, ours, slot, fee, order.resting)
        return live

    def woken(self, digest: bytes, now: int) -> None:
        live = self.live[digest]
        live.resting, live.slot = False, now // self.slot_seconds + 1

    def rested(self, digest: bytes, now: int) -> None:
        live = self.live[digest]
        live.resting, live.slot = True, now // self.slot_seconds + 1

    def ended(self, digest: bytes) -> Live:
        return self.live.pop(digest)

    @property
    def ours(self) -> list[Live]:
        return [live for live in self.live.values() if live.ours]

    @property
    def staked(self) -> int:
        """What is the attacker's of the exchange's escrow, 1e-18."""
        return sum(live.escrow for live in self.live.values() if live.ours)

    @property
    def escrow(self) -> int:
        """What the exchange must hold, 1e-18."""
        return sum(live.escrow for live in self.live.values())

    def opened(self, live: Live) -> int:
        return live.slot * self.slot_seconds

    def closes(self, live: Live) -> int:
        """The last second in which it may fill."""
        return min(self.opened(live) + self.window, live.order.expiry)

    def message(self, live: Live) -> Message:
        return self.truth.message(live.order.feed, live.slot)

    def is_due(self, live: Live, now: int) -> bool:
        """Whether its price is public and it may fill."""
        return not live.resting and self.message(live).published <= now <= self.closes(live)

    def gain(self, live: Live, now: int) -> int:
        """What a fill at its slot's price would show at the true price by now, 1e-18."""
        price = self.truth.at(live.order.feed, now)
        return live.order.size * (price - self.message(live).price) // WAD

    def escaped(self, live: Live, now: int) -> int:
        """The loss that not filling it spared its owner: seen by the end of its slot, there still.

        Later it has no claim to its slot's price any more: it would fill at the worse of two. A
        limit broken by the price of a slot itself ends it at nobody's choice.
        """
        if live.resting or now < self.opened(live) or live.order.reduce_only:
            return 0
        own, open_slot = self.message(live), now // self.slot_seconds
        newer = self.truth.message(live.order.feed, open_slot)
        if own.published > now or not live.order.met_by(own.price):
            return 0
        if newer.published <= now and not live.order.met_by(newer.price):
            return 0
        end = min(now, self.opened(live) + self.slot_seconds)
        return max(0, min(-self.gain(live, end), -self.gain(live, now)))

    def in_grace(self, live: Live, now: int) -> bool:
        return now <= self.opened(live) + GRACE_SLOTS * self.slot_seconds

    def reference(self, live: Live, now: int) -> int:
        """The price it has a right to, 1e-18; outside its window none but the true one."""
        own, present = self.message(live).price, now // self.slot_seconds
        if not self.opened(live) <= now <= self.closes(live):
            return self.truth.at(live.order.feed, now)
        if present == live.slot:
            return own
        newer = self.truth.message(live.order.feed, present).price
        return max(own, newer) if live.order.size > 0 else min(own, newer)
