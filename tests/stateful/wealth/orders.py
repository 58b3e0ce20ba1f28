"""Every order that was placed, as its owner knows it: from when it may fill; and every stake.

Kept from the calls and the clock, not from the exchange's words: which slot an order is due in is
decided here.
"""

from collections import Counter
from dataclasses import dataclass

from tests.stateful.wealth.truth import Message, Truth
from tidegate.client.orders import PLACES, Order
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
    resting: bool

    @property
    def place(self) -> tuple[int, int]:
        """Where its stake lies."""
        return self.order.account, self.order.place


class Orders:
    """Those that live, by hash; what lies in escrow, by account and place."""

    def __init__(
        self, truth: Truth, slot_seconds: int, window: int, lapse_ratio: int, least: int
    ) -> None:
        self.truth, self.slot_seconds = truth, slot_seconds
        self.window, self.lapse_ratio, self.least = window, lapse_ratio, least
        self.live: dict[bytes, Live] = {}
        self.stakes: Counter[tuple[int, int]] = Counter()  # 1e-18
        self.attackers: set[int] = set()  # accounts

    def placed(self, order: Order, digest: bytes, ours: bool, now: int, latest: int) -> Live:
        """At this price in force, 1e-18; due in the next slot to open."""
        slot = now // self.slot_seconds + 1
        live = self.live[digest] = Live(order, digest, ours, slot, order.resting)
        if ours:
            self.attackers.add(order.account)
        if not order.reduce_only:
            need = self._fee(order, latest) + self.least
            self.stakes[live.place] = max(need, self.stakes[live.place])
        return live

    def _fee(self, order: Order, price: int) -> int:
        return div_up(abs(order.size) * price * self.lapse_ratio, WAD * PPM * MICRO) * MICRO

    def lapse_fee(self, live: Live, price: int) -> int:
        """What it would lose now, at this price in force; 1e-18."""
        return min(self.stakes[live.place] - self.least, self._fee(live.order, price))

    def unfilled(self, live: Live, lapse_fee: int, keeper: bool) -> None:
        """An opening order's end takes this out of its stake, and what a keeper gets for it."""
        self.stakes[live.place] -= lapse_fee + self.least * keeper

    def released(self, account: int, place: int) -> None:
        self.stakes[account, place] = 0

    def free_place(self, account: int) -> int:
        """The account's first without a live order: stakes are used again."""
        taken = {v.order.place for v in self.live.values() if v.order.account == account}
        return next(place for place in range(PLACES) if place not in taken)

    def releasable(self) -> list[tuple[int, int]]:
        """The attacker's places with a stake and no live order."""
        taken = {live.place for live in self.live.values()}
        return [
            place
            for place, stake in self.stakes.items()
            if stake and place[0] in self.attackers and place not in taken
        ]

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
        return sum(
            stake for (account, _), stake in self.stakes.items() if account in self.attackers
        )

    @property
    def escrow(self) -> int:
        """What the exchange must hold, 1e-18."""
        return sum(self.stakes.values())

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
