"""Slots, the price in force, the quorum rule and outside prices (contracts/pricing/, the .vyi).

Integers only: prices 1e-18, times in seconds, volatility in 10 ppm, steps in ppm per slot. A
refusal is the contract's error. Of signatures the model knows who made them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar

from tidegate.client.errors import ProtocolError
from tidegate.spec.words import Field, Word

RING = 128
MAX_PRICE = 2**90 - 1
MAX_SLOT_SECONDS = 60
MAX_AGE = 2**10 - 1
STEP_UNIT = 100
MAX_STEP = (2**11 - 1) * STEP_UNIT
PPM = 10**6
MAX_VOLATILITY = 2**12 - 1
VOLATILITY_UNIT = 10
MEMORY = 8
MAX_SIGNERS = 16
EXPONENT = 18  # of outside prices, at most, with either sign
SEAT_REST = 40  # bits of an address that its seat leaves out


def within_step(earlier: int, later: int, slots: int, max_step: int) -> bool:
    """Whether the move between two prices so many slots apart passes the deviation guard."""
    room = max_step * slots
    return room >= PPM or abs(later - earlier) * PPM <= earlier * room


def next_volatility(volatility: int, last: int, price: int) -> int:
    """Exponentially weighted mean of |return|, 10 ppm, to the nearest; 0 at the first price."""
    if last == 0:
        return 0
    change = min(abs(price - last) * (PPM // VOLATILITY_UNIT) // last, MAX_VOLATILITY)
    return (volatility * (MEMORY - 1) + change + MEMORY // 2) // MEMORY


def price_of(mantissa: int, exponent: int) -> int:
    """An outside price, mantissa * 10**exponent, in 1e-18; exact."""
    _require(-EXPONENT <= exponent <= EXPONENT, "FeedFailed")
    price = mantissa * 10 ** (EXPONENT + exponent)
    _require(mantissa > 0 and price <= MAX_PRICE, "BadPrice")
    return price


def is_certain(mantissa: int, confidence: int, max_confidence: int) -> bool:
    """Whether a confidence interval, in units of the mantissa, is at most so many ppm of it."""
    return confidence * PPM <= mantissa * max_confidence


def is_first(previous: int, published: int, slot: int, slot_seconds: int) -> bool:
    """Whether a publication is the first at or after the slot's start: the one before was not."""
    opened = slot * slot_seconds
    return previous < opened <= published <= opened + MAX_AGE


def is_quorum(signers: int, threshold: int, faulty: int) -> bool:
    """Whether any two quorums of these sizes share an honest signer."""
    return threshold <= signers <= MAX_SIGNERS and 2 * threshold > signers + faulty > 2 * faulty


@dataclass(frozen=True, slots=True)
class SlotPrice:
    """A stored slot, for ever."""

    slot: int
    price: int
    published: int
    volatility: int

    def word(self) -> int:
        """As PriceOracle.slot_word."""
        return self.price | self.slot << 90 | self.published << 122 | self.volatility << 162


@dataclass(frozen=True, slots=True)
class Latest(Word):
    """PriceOracle.latest_word: `before` is in force until the second `changed` is past."""

    volatility: int = 0
    changed: int = 0
    slot: int = 0
    before: int = 0
    price: int = 0

    LAYOUT: ClassVar[dict[str, Field]] = {
        "volatility": Field(244, 12, unit=10**6),
        "changed": Field(212, 32),
        "slot": Field(180, 32),
        "before": Field(90, 90, unit=10**18),
        "price": Field(0, 90, unit=10**18),
    }


@dataclass(slots=True)
class Feed:
    """One feed: its guards, the price in force, the ring."""

    max_age: int
    max_step: int
    price: int = 0
    previous: int = 0
    previous_fresh: bool = False
    slot: int = 0
    changed: int = 0
    volatility: int = 0
    source: str = ""  # the adapter; empty: the signers
    reads: bool = False
    signed: bool = False  # the price in force is the signers', and they are the source since
    ring: dict[int, SlotPrice] = field(default_factory=dict)

    def word(self) -> int:
        """As PriceOracle.latest_word."""
        return (
            self.price
            | self.previous << 90
            | self.slot << 180
            | self.changed << 212
            | self.volatility << 244
        )


@dataclass(slots=True)
class PriceOracle:
    """The contract's twin; the time of each call is an argument."""

    slot_seconds: int
    signers: frozenset[str]
    threshold: int
    faulty: int
    feeds: dict[int, Feed] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _require(0 < self.slot_seconds <= MAX_SLOT_SECONDS, "OutOfBounds")
        _require(is_quorum(len(self.signers), self.threshold, self.faulty), "OutOfBounds")

    def set_feed(self, feed: int, max_age: int, max_step: int) -> None:
        """List a feed or change its guards."""
        _require(self.slot_seconds <= max_age <= MAX_AGE, "OutOfBounds")
        _require(0 < max_step <= MAX_STEP and max_step % STEP_UNIT == 0, "OutOfBounds")
        known = self.feeds.setdefault(feed, Feed(max_age, max_step))
        known.max_age, known.max_step = max_age, max_step

    def set_signers(self, signers: Sequence[str], threshold: int, faulty: int) -> None:
        """Replace the signers."""
        seats = [int(signer, 16) >> SEAT_REST for signer in signers]
        _require(is_quorum(len(signers), threshold, faulty), "OutOfBounds")
        _require(all(a < b for a, b in pairwise([0, *seats])), "OutOfBounds")
        self.signers, self.threshold, self.faulty = frozenset(signers), threshold, faulty

    def set_source(self, feed: int, adapter: str, reads: bool) -> None:
        """Say who alone gives the feed its prices; an adapter is taken to have code."""
        known = self._listed(feed)
        _require(bool(adapter) or not reads, "OutOfBounds")
        known.source, known.reads = adapter, reads
        known.signed = known.signed and not adapter

    def push(
        self, feed: int, slot: int, price: int, published: int, signed_by: Sequence[str], now: int
    ) -> bool:
        """Store a slot's price; whether the price in force moved."""
        if self._is_stored(feed, slot):
            return False
        numbers = [int(signer, 16) for signer in signed_by]
        ascending = all(a < b for a, b in pairwise(numbers))
        _require(len(numbers) == self.threshold and ascending, "BadSignature")
        _require(set(numbers) <= {int(signer, 16) for signer in self.signers}, "BadSignature")
        return self._store(feed, slot, price, published, "", now)

    def store(
        self, feed: int, slot: int, price: int, published: int, sender: str, now: int
    ) -> bool:
        """A slot's price by the feed's adapter; whether the price in force moved."""
        if self._is_stored(feed, slot):
            return False
        return self._store(feed, slot, price, published, sender, now)

    def observe(self, feed: int, price: int, updated: int, sender: str, now: int) -> bool:
        """What an adapter reads now; whether the price in force moved. No slot gets a price."""
        known = self._listed(feed)
        _require((known.source, known.reads) == (sender, True), "WrongSource")
        _require(updated <= now, "BadTime")
        slot = now // self.slot_seconds
        if known.price != 0 and slot <= known.slot:
            return False
        return self._put_in_force(feed, known, slot, price, now)

    def _listed(self, feed: int) -> Feed:
        _require(feed in self.feeds, "NotListed")
        return self.feeds[feed]

    def _is_stored(self, feed: int, slot: int) -> bool:
        known = self.feeds.get(feed)
        held = known.ring.get(slot % RING) if known else None
        return held is not None and held.slot == slot

    def _store(
        self, feed: int, slot: int, price: int, published: int, sender: str, now: int
    ) -> bool:
        known = self._listed(feed)
        _require((known.source, known.reads) == (sender, False), "WrongSource")
        opened = slot * self.slot_seconds
        _require(opened <= published <= now and published - opened <= known.max_age, "BadTime")
        _require(slot + RING > now // self.slot_seconds, "SlotGone")
        moved = self._put_in_force(feed, known, slot, price, now)
        known.ring[slot % RING] = SlotPrice(slot, price, published, known.volatility)
        return moved

    def _put_in_force(self, feed: int, known: Feed, slot: int, price: int, now: int) -> bool:
        _require(0 < price <= MAX_PRICE, "BadPrice")
        newer = known.price == 0 or slot > known.slot
        if known.price != 0:
            earlier, later = (known.price, price) if newer else (price, known.price)
            apart = abs(slot - known.slot)
            _require(within_step(earlier, later, apart, known.max_step), "BadPrice")
        moved = newer and now - slot * self.slot_seconds <= known.max_age
        if moved:
            volatility = next_volatility(known.volatility, known.price, price)
            known.previous, known.previous_fresh = self.latest(feed, now)
            known.price, known.slot, known.changed = price, slot, now
            known.volatility = volatility
            known.signed = not known.source
        return moved

    def latest(self, feed: int, now: int) -> tuple[int, bool]:
        """The price in force and whether it is fresh."""
        known = self.feeds.get(feed)
        if known is None:
            return 0, False
        if now <= known.changed:
            return known.previous, known.previous_fresh
        fresh = known.price != 0 and now - known.slot * self.slot_seconds <= known.max_age
        return known.price, fresh

    def slot_price(self, feed: int, slot: int) -> tuple[int, int]:
        """The slot's price and its volatility in ppm; zeros if it has none."""
        known = self.feeds.get(feed)
        if known is not None and known.signed and slot == known.slot:
            return known.price, known.volatility * VOLATILITY_UNIT
        held = known.ring.get(slot % RING) if known else None
        if held is None or held.slot != slot:
            return 0, 0
        return held.price, held.volatility * VOLATILITY_UNIT


def _require(ok: bool, error: str) -> None:
    if not ok:
        raise ProtocolError(error)
