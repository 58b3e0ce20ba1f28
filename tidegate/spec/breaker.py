"""The circuit breaker (contracts/liquidation/CircuitBreaker.vy, contracts/libraries/brakes.vy)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import ClassVar

from tidegate.spec.rounding import WAD, div_down, div_up
from tidegate.spec.words import MICRO, Field, Word

MILLE = 1000
MINUTE = 60
MEANT = 2**128  # an amount from here on means nothing
MOST_AMOUNT = 2**64 - 1


class Level(IntEnum):
    NORMAL = 0
    THROTTLED = 1
    REDUCE_ONLY = 2
    AUCTION_ONLY = 3
    HALTED = 4


# What a level may stop, and the highest level at which it is still done, in the order of the bits
# of brakes._allowed. Whatever is not named here no level stops.
LAST_LEVEL = {
    "raise the skew": Level.NORMAL,
    "raise a side": Level.THROTTLED,
    "slice": Level.REDUCE_ONLY,
    "auction": Level.AUCTION_ONLY,
}


def allows(level: int, what: str) -> bool:
    return level <= LAST_LEVEL[what]


def allowed(level: int) -> int:
    """One bit for each of LAST_LEVEL."""
    return sum(1 << bit for bit, what in enumerate(LAST_LEVEL) if allows(level, what))


def _thresholds(name: str, levels: int, at: int) -> dict[str, Field]:
    return {f"{name}_{i + 1}": Field(at + 10 * i, 10, unit=MILLE) for i in range(levels)}


@dataclass(frozen=True, slots=True)
class Settings(Word):
    """Per market. `price_2` is the per mille at which the price measures level 2; 0 is never."""

    price_1: int = 0
    price_2: int = 0
    price_3: int = 0
    price_4: int = 0
    skew_1: int = 0
    skew_2: int = 0
    liquidated_1: int = 0
    liquidated_2: int = 0
    liquidated_3: int = 0
    drawn_1: int = 0
    drawn_2: int = 0
    drawn_3: int = 0
    drawn_4: int = 0
    window: int = 0  # seconds
    hold_1: int = 0  # minutes, as all below
    hold_2: int = 0
    hold_3: int = 0
    hold_4: int = 0
    longest_halt: int = 0
    outage: int = 0
    grace: int = 0

    LAYOUT: ClassVar[dict[str, Field]] = {
        **_thresholds("price", 4, 0),
        **_thresholds("skew", 2, 40),
        **_thresholds("liquidated", 3, 60),
        **_thresholds("drawn", 4, 90),
        "window": Field(130, 14),
        **{f"hold_{level}": Field(134 + 10 * level, 10) for level in range(1, 5)},
        "longest_halt": Field(184, 10),
        "outage": Field(194, 10),
        "grace": Field(204, 10),
    }

    def thresholds(self, meter: str) -> list[int]:
        """Of the levels from THROTTLED up, as many as the meter reaches."""
        names = [f"{meter}_{level}" for level in range(1, 5)]
        return [getattr(self, name) for name in names if name in self.LAYOUT]

    def hold(self, level: int) -> int:
        """Seconds a level lasts after it was last measured; 0 for NORMAL, which nothing ends."""
        return getattr(self, f"hold_{level}") * MINUTE if level else 0

    @property
    def halt_seconds(self) -> int:
        return self.longest_halt * MINUTE

    def within_bounds(self) -> bool:
        """What set_settings takes, but for the feed's max age."""
        return (
            60 <= self.window <= 3600
            and 1 <= self.longest_halt <= 60
            and max(self.hold_4, self.grace) <= self.longest_halt
            and all(1 <= getattr(self, f"hold_{level}") <= 720 for level in range(1, 5))
            and _rising(self.thresholds("price"), 5, 30, 1023)
            and _rising(self.thresholds("skew"), 5, 0, 1023)
            and _rising(self.thresholds("liquidated"), 1, 0, 1023)
            and _rising(self.thresholds("drawn"), 10, 100, MILLE)
        )


def _rising(thresholds: list[int], least: int, least_halt: int, most: int) -> bool:
    bounds = [*[least] * 3, max(least, least_halt)]
    levels = [(bound, at) for bound, at in zip(bounds, thresholds, strict=False) if at]
    steps = [at for _, at in levels]
    return all(bound <= at <= most for bound, at in levels) and steps == sorted(steps)


@dataclass(frozen=True, slots=True)
class State(Word):
    """Per market; times in seconds. The level itself is in the core's risk word."""

    outage: int = 0
    guard: int = 0
    grace_until: int = 0
    next_guard: int = 0
    guard_until: int = 0
    since: int = 0

    LAYOUT: ClassVar[dict[str, Field]] = {
        "outage": Field(131, 1),
        "guard": Field(128, 3),
        "grace_until": Field(96, 32),
        "next_guard": Field(64, 32),
        "guard_until": Field(32, 32),
        "since": Field(0, 32),
    }


@dataclass(frozen=True, slots=True)
class Halts(Word):
    """One for all markets: until when they may be HALTED, and from when on again."""

    rest_until: int = 0
    end: int = 0

    LAYOUT: ClassVar[dict[str, Field]] = {"rest_until": Field(32, 32), "end": Field(0, 32)}


@dataclass(frozen=True, slots=True)
class Sample(Word):
    """What a poke saw: price 1e-18, |skew| 1e-6 units, liquidated 1e-6 asset."""

    counted: int = 0
    liquidated: int = 0
    skew: int = 0
    time: int = 0
    price: int = 0

    LAYOUT: ClassVar[dict[str, Field]] = {
        "counted": Field(250, 1),
        "liquidated": Field(186, 64, unit=10**6),
        "skew": Field(122, 64, unit=10**6),
        "time": Field(90, 32),
        "price": Field(0, 90, unit=WAD),
    }


@dataclass(frozen=True, slots=True)
class Seen:
    """What lies behind the meters at one second; None where a meter is silent. All 1e-18."""

    price: int | None  # in force
    price_age: int | None  # seconds since its slot opened; None in the second in which it changes
    skew: int
    liquidated: int | None
    drawn: tuple[int, int] | None  # paid in the fund's window, its size


@dataclass(frozen=True, slots=True)
class Readings:
    """Per mille, rounded down."""

    price: int = 0
    skew: int = 0
    liquidated: int = 0
    drawn: int = 0
    silent: int = 0  # 1 price, 2 liquidated, 4 drawn


@dataclass(frozen=True, slots=True)
class Market:
    """All that the breaker knows of one."""

    settings: Settings
    level: int = Level.NORMAL
    state: State = State()
    samples: tuple[Sample, Sample] = (Sample(), Sample())
    halts: Halts = Halts()  # shared by all markets


def sample_of(seen: Seen, now: int) -> Sample:
    counted = seen.liquidated is not None and seen.liquidated < MEANT
    return Sample(
        counted=int(counted),
        liquidated=min(seen.liquidated // MICRO, MOST_AMOUNT) if counted else 0,
        skew=min(abs(seen.skew) // MICRO, MOST_AMOUNT),
        time=now,
        price=seen.price or 0,
    )


def windows(age: int, window: int) -> int:
    """Windows that an age touches, a part counting whole: in at least one of them the n-th part
    of a change over that age happened."""
    return max(1, div_up(age, window))


def readings(
    settings: Settings, samples: Iterable[Sample], seen: Seen, scale: int, now: int
) -> Readings:
    """`scale`: the market's K, 1e-18 units."""
    present = sample_of(seen, now)
    scale //= MICRO
    price = skew = liquidated = drawn = 0
    for then in samples:
        if then.time == 0:
            continue
        parts = windows(now - then.time, settings.window)
        if present.price and then.price:
            change = abs(present.price - then.price)
            price = max(price, div_down(change * MILLE, then.price * parts))
        growth = max(0, present.skew - then.skew)
        skew = max(skew, div_down(growth * MILLE, scale * parts))
        if present.price and present.counted and then.counted:
            volume = max(0, present.liquidated - then.liquidated)
            depth = scale * present.price
            liquidated = max(liquidated, div_down(volume * MILLE * WAD, depth * parts))
    silent = int(not present.price) | int(not present.counted) << 1
    if seen.drawn is not None and max(seen.drawn) < MEANT and seen.drawn[1]:
        drawn = min(div_down(seen.drawn[0] * MILLE, seen.drawn[1]), MILLE)
    else:
        silent |= 4
    return Readings(price, skew, liquidated, drawn, silent)


def measured(settings: Settings, reading: Readings) -> int:
    """The highest level a meter has reached."""
    level = Level.NORMAL
    for meter in ("price", "skew", "liquidated", "drawn"):
        for reached, threshold in enumerate(settings.thresholds(meter), 1):
            if threshold and getattr(reading, meter) >= threshold:
                level = max(level, reached)
    return level


def is_outage(market: Market, seen: Seen) -> bool:
    """Whether the price in force is too old to be one."""
    if seen.price is None or market.settings.outage == 0:
        return False
    if seen.price_age is None:
        return bool(market.state.outage)
    return seen.price_age > market.settings.outage * MINUTE


def may_halt(market: Market, now: int) -> bool:
    """Whether HALTED may begin or go on while the feed gives prices: until the end of the halts,
    and again after their rest. A halt that nobody has ended yet is no rest."""
    rested = market.level != Level.HALTED or market.state.outage
    return now < market.halts.end or bool(rested and now >= market.halts.rest_until)


def step(market: Market, seen: Seen, scale: int, now: int) -> Market:
    """The market after a poke."""
    settings, state, before = market.settings, market.state, market.level
    reading = readings(settings, market.samples, seen, scale, now)
    outage = is_outage(market, seen)
    since, grace_until, halts = state.since, state.grace_until, market.halts
    if state.outage and not outage:
        grace_until = now + settings.grace * MINUTE
    halting = outage or may_halt(market, now)
    most = Level.HALTED if halting else Level.AUCTION_ONLY
    above = min(measured(settings, reading), most)
    held = state.guard if now < state.guard_until else Level.NORMAL
    if outage or now < grace_until:
        held = Level.HALTED
    wanted = max(above, min(held, most))

    level = before
    if wanted > before:
        level, since = wanted, now if above == wanted else 0
    elif before == Level.HALTED and not halting:
        level, since = Level.AUCTION_ONLY, now
        if not state.outage:
            rest_until = max(halts.rest_until, now + settings.halt_seconds)
            halts = replace(halts, rest_until=rest_until)
    elif above == before:
        since = now if before else since
    elif wanted < before and now >= since + settings.hold(before):
        level, since = before - 1, now
    if level == Level.HALTED and not outage and now >= halts.end:
        end = now + settings.halt_seconds
        halts = Halts(end=end, rest_until=end + settings.halt_seconds)
    after = replace(state, since=since, grace_until=grace_until, outage=int(outage))
    samples = resampled(market, seen, now)
    return replace(market, level=level, state=after, samples=samples, halts=halts)


def resampled(market: Market, seen: Seen, now: int) -> tuple[Sample, Sample]:
    """The first poke of a window takes the place of the window before the last."""
    epoch = now // market.settings.window
    place = epoch % 2
    if market.samples[place].time // market.settings.window == epoch:
        return market.samples
    first, second = market.samples
    fresh = sample_of(seen, now)
    return (first, fresh) if place else (fresh, second)


def escalate(market: Market, level: int, duration: int, seen: Seen, scale: int, now: int) -> Market:
    """The guardian's call; ValueError with the contract's error."""
    longest = market.settings.halt_seconds if level == Level.HALTED else 7 * 86_400
    if not (Level.NORMAL < level <= Level.HALTED and 0 < duration <= longest):
        raise ValueError("OutOfBounds")
    if now < market.state.next_guard or (level == Level.HALTED and not may_halt(market, now)):
        raise ValueError("TooSoon")
    until = now + duration
    state = replace(market.state, guard=level, guard_until=until, next_guard=until + duration)
    return step(replace(market, state=state), seen, scale, now)


def longest_wait(needed: int, longest_halt: int, between_pokes: int) -> int:
    """What HALTED can make of `needed` seconds that a liquidation takes, in a time without an
    outage in which somebody pokes at least every `between_pokes` seconds: T_max. All in seconds.

    Each halt lasts at most the longest halt and the delay of the poke that ends it, and at least
    the longest halt passes before the next; what an outage left ends or begins at the first poke.
    """
    halts = div_up(needed, longest_halt)
    return needed + halts * (longest_halt + between_pokes) + between_pokes
