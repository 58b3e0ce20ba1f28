"""One signer: proposes in its turn, votes for what it can believe, signs what a quorum voted for.

Every answer is kept on disk before it leaves (store.py). The rules, with the reason for each, are
in docs/prices.md.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from eth_account.signers.local import LocalAccount

from tidegate.client.price_message import MAX_AGE, REMEMBERED_SLOTS, PriceMessage
from tidegate.prices.clock import Clock, ClockStepped
from tidegate.prices.median import is_near
from tidegate.prices.panel import PROPOSAL, VOTE, Bid, Certificate, Panel
from tidegate.prices.store import Store


@dataclass(frozen=True, slots=True)
class Sample:
    """A median of this signer's own sources. `began`: when it started to ask, `published`: when it
    knew; `price` 1e-18."""

    feed: int
    price: int
    began: int
    published: int
    sources: tuple[str, ...] = ()


class No(StrEnum):
    """Why a signer refuses."""

    UNKNOWN_FEED = "unknown feed"
    NOT_LEADER = "not the leader of this view"
    TOO_EARLY = "too early"
    TOO_OLD = "slot too old to know"
    NO_PRICE = "no price of my own"
    BAD_SIGNATURE = "bad signature"
    BAD_TIME = "published outside its slot's time"
    TOO_FAR = "too far from my price"
    ANOTHER_VOTE = "voted for another in this view"
    LATER_VIEW = "voted in a later view"
    SIGNED = "slot is signed"
    NO_QUORUM = "no quorum of votes"
    CLOCK = "my clock was set"


class Refusal(Exception):
    """A signer refuses; `certificate` is what it has signed for the slot, if that is why."""

    def __init__(self, reason: No, detail: str = "", certificate: Certificate | None = None):
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail
        self.certificate = certificate

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}" if self.detail else str(self.reason)

    def to_json(self) -> dict[str, Any]:
        held = self.certificate
        return {
            "refused": str(self.reason),
            "detail": self.detail,
            **({"certificate": held.to_json()} if held else {}),
        }


class Signer:
    """A key, its panel, its store, and `own`: its sample for a (feed, slot), None without one.

    `tolerance`: feed -> how far a proposal may lie from the own price, ppm. Threads may call it.
    """

    def __init__(
        self,
        account: LocalAccount,
        panel: Panel,
        store: Store,
        own: Callable[[int, int], Sample | None],
        tolerance: dict[int, int],
        clock: Clock,
    ) -> None:
        if account.address not in panel.signers:
            raise ValueError(f"{account.address} is no signer of {panel.domain.oracle}")
        self.account = account
        self.panel = panel
        self.store = store
        self.clock = clock
        self.tolerance = tolerance
        self._own = own
        self._turn = threading.RLock()

    def propose(self, feed: int, slot: int, view: int) -> tuple[Bid, bytes]:
        """The bid of a view that this signer leads, and its signature; the same at each call."""
        with self._turn:
            now = self._now()
            self._check_slot(feed, slot, now)
            if self.panel.leader(slot, view) != self.account.address:
                raise Refusal(No.NOT_LEADER, self.panel.leader(slot, view))
            self._check_begun(slot, view, now)
            self._check_unsigned(feed, slot)
            bid = self.store.said(PROPOSAL, feed, slot, view)
            if bid is None:
                own = self._sample(feed, slot)
                message = PriceMessage(feed, slot, own.price, own.published)
                bid = self.store.say(PROPOSAL, Bid(view, message))
            return bid, self._sign(PROPOSAL, bid)

    def vote(self, bid: Bid, signature: bytes) -> bytes:
        """A vote for a leader's bid, at most one a view and never in an earlier one."""
        with self._turn:
            now = self._now()
            feed, slot, view = bid.feed, bid.slot, bid.view
            self._check_slot(feed, slot, now)
            self._check_begun(slot, view, now)
            leader = self.panel.leader(slot, view)
            if not self.panel.is_by(leader, self.panel.typed(PROPOSAL, bid), signature):
                raise Refusal(No.BAD_SIGNATURE, f"not by {leader}")
            self._check_published(bid.message, now)
            self._check_unsigned(feed, slot)
            if self.store.newest_view(VOTE, feed, slot) > view:
                raise Refusal(No.LATER_VIEW)
            own = self._sample(feed, slot)
            if not is_near(bid.message.price, own.price, self.tolerance[feed]):
                raise Refusal(No.TOO_FAR, f"{bid.message.price} to {own.price}")
            if self.store.say(VOTE, bid) != bid:
                raise Refusal(No.ANOTHER_VOTE)
            return self._sign(VOTE, bid)

    def sign(self, certificate: Certificate) -> bytes:
        """The signature of what a quorum voted for, whether or not this signer was among them.

        One message per slot: a quorum's vote is the proof that honest signers found it near, and a
        signer that held out would leave the others one short.
        """
        with self._turn:
            now = self._now()
            message = certificate.bid.message
            self._check_slot(message.feed, message.slot, now)
            self._check_published(message, now)
            if not self.panel.is_certified(certificate):
                raise Refusal(No.NO_QUORUM)
            held = self.store.sign(certificate)
            if held.bid.message != message:
                raise Refusal(No.SIGNED, "another message", held)
            signable = self.panel.domain.signable(message)
            return bytes(self.account.sign_message(signable).signature)

    # The rules

    def _now(self) -> float:
        try:
            return self.clock.now()
        except ClockStepped as error:
            raise Refusal(No.CLOCK, str(error)) from None

    def _check_slot(self, feed: int, slot: int, now: float) -> None:
        if feed not in self.tolerance:
            raise Refusal(No.UNKNOWN_FEED, str(feed))
        if self.panel.opens(slot) > now + self.panel.skew:
            raise Refusal(No.TOO_EARLY, f"slot {slot}")
        # What was forgotten, or said before this store was made, is not said again.
        if slot <= max(self.store.newest(feed), self.panel.slot_at(now)) - REMEMBERED_SLOTS:
            raise Refusal(No.TOO_OLD, f"slot {slot}")
        if self.panel.opens(slot) <= self.store.made + self.panel.skew:
            raise Refusal(No.TOO_OLD, f"slot {slot} opened before {self.store.path.name} was made")

    def _check_begun(self, slot: int, view: int, now: float) -> None:
        if self.panel.begins(slot, view) > now + self.panel.skew:
            raise Refusal(No.TOO_EARLY, f"view {view} of slot {slot}")

    def _check_published(self, message: PriceMessage, now: float) -> None:
        opened = self.panel.opens(message.slot)
        if not opened <= message.published <= min(opened + MAX_AGE, now + self.panel.skew):
            raise Refusal(No.BAD_TIME, f"{message.published - opened} s after its start")

    def _check_unsigned(self, feed: int, slot: int) -> None:
        held = self.store.signed(feed, slot)
        if held is not None:
            raise Refusal(No.SIGNED, certificate=held)

    def _sample(self, feed: int, slot: int) -> Sample:
        own = self._own(feed, slot)
        if own is None:
            raise Refusal(No.NO_PRICE, f"feed {feed} slot {slot}")
        return own

    def _sign(self, kind: str, bid: Bid) -> bytes:
        return bytes(self.account.sign_message(self.panel.typed(kind, bid)).signature)
