"""One price out of many: pure, integers, and nobody's minority decides it.

1. Of each source the newest observation counts; stale, future and uncertain ones are left out.
2. The price is the median of all that remain. Of an even number it is the mean of the middle two,
   rounded down: which accounts gain by it is not known.
3. Those farther than `max_distance` from it do not agree. There is a price only if at least
   `minimum` agree and they are more than half of those that remain.

What does not agree is not taken out before a second median: that would let a minority choose. Of
honest 100, 100, 110 and lying 111, 111 the median is 110, and without the far 100s it would be 111,
more than any honest source said. docs/decisions/0045-one-price-of-many.md.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from tidegate.prices.observation import Observation, Reason
from tidegate.spec.oracle import is_certain
from tidegate.spec.rounding import PPM


@dataclass(frozen=True, slots=True)
class Rules:
    """When observations make a price. Times in seconds, shares in ppm."""

    max_age: int = 10
    max_ahead: int = 2  # of a source's clock over ours
    max_confidence: int = 5_000  # half width of a source's interval, of its price
    max_distance: int = 10_000  # from the median
    minimum: int = 2  # sources that agree

    def __post_init__(self) -> None:
        if min(self.max_age, self.minimum) < 1 or self.max_ahead < 0:
            raise ValueError("max_age and minimum are at least 1, max_ahead at least 0")
        if not (0 < self.max_confidence < PPM and 0 < self.max_distance < PPM):
            raise ValueError("max_confidence and max_distance lie between 0 and 1")


@dataclass(frozen=True, slots=True)
class Agreed:
    """A price, 1e-18, the sources that agree to it, and why others do not."""

    price: int
    sources: tuple[str, ...]
    left_out: tuple[tuple[str, Reason], ...] = ()


class NoPrice(Exception):
    """Too few sources agree."""

    def __init__(self, agree: int, remain: int, left_out: tuple[tuple[str, Reason], ...]) -> None:
        reasons = ", ".join(f"{source} {reason}" for source, reason in left_out)
        super().__init__(f"{agree} of {remain} sources agree" + (f": {reasons}" if reasons else ""))
        self.agree = agree
        self.remain = remain
        self.left_out = left_out


def median(prices: Iterable[int]) -> int:
    """Of an even number the mean of the middle two, rounded down."""
    ordered = sorted(prices)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) // 2


def is_near(price: int, centre: int, distance: int) -> bool:
    """Whether a price lies within so many ppm of another."""
    return abs(price - centre) * PPM <= centre * distance


def fault(observation: Observation, rules: Rules, now: int) -> Reason | None:
    """Why an observation does not count by itself."""
    if now - observation.time > rules.max_age:
        return Reason.STALE
    if observation.time - now > rules.max_ahead:
        return Reason.FUTURE
    if not is_certain(observation.price, observation.confidence, rules.max_confidence):
        return Reason.UNCERTAIN
    return None


def agree(observations: Iterable[Observation], rules: Rules, now: int) -> Agreed:
    """The price of one feed; NoPrice if too few agree."""
    newest: dict[str, Observation] = {}
    for seen in observations:
        held = newest.get(seen.source)
        if held is None or (seen.time, seen.price) > (held.time, held.price):
            newest[seen.source] = seen
    left_out: dict[str, Reason] = {}
    for source, seen in newest.items():
        reason = fault(seen, rules, now)
        if reason is not None:
            left_out[source] = reason
    remain = {source: seen.price for source, seen in newest.items() if source not in left_out}
    price = median(remain.values()) if remain else 0
    for source, said in remain.items():
        if not is_near(said, price, rules.max_distance):
            left_out[source] = Reason.FAR
    near = sorted(remain.keys() - left_out.keys())
    why = tuple(sorted(left_out.items()))
    if len(near) < rules.minimum or 2 * len(near) <= len(remain):
        raise NoPrice(len(near), len(remain), why)
    return Agreed(price, tuple(near), why)
