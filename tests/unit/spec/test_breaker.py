"""Laws of the breaker, on its specification."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.harness.breaker import CALM, DEPTH, PRICE, SETTINGS
from tidegate.spec import breaker
from tidegate.spec.breaker import Halts, Level, Market, Readings, Sample, Seen, State
from tidegate.spec.rounding import WAD

START = 1_700_000_400
SCALE = DEPTH * WAD
WINDOW, LONGEST = SETTINGS.window, SETTINGS.halt_seconds

milles = st.integers(0, 200)
readings = st.builds(Readings, price=milles, skew=milles, liquidated=milles, drawn=milles)
gaps = st.one_of(st.integers(15, 60), st.integers(200, 1_300))


def seen_at(drawn: int = 0, age: int = 0, price: int = PRICE) -> Seen:
    return replace(CALM, drawn=(drawn, 1000), price_age=age, price=price)


def poke(market: Market, now: int, drawn: int = 0, age: int = 0) -> Market:
    return breaker.step(market, seen_at(drawn, age), SCALE, now)


@given(readings, readings)
def test_a_higher_reading_never_measures_a_lower_level(low: Readings, high: Readings):
    both = Readings(*(max(pair) for pair in zip(astuple(low), astuple(high), strict=True)))
    assert breaker.measured(SETTINGS, both) >= breaker.measured(SETTINGS, low)


def astuple(reading: Readings) -> tuple[int, ...]:
    return reading.price, reading.skew, reading.liquidated, reading.drawn, reading.silent


markets = st.builds(
    lambda level, since, halt_end, guard, guard_for, grace, outage: Market(
        SETTINGS,
        level,
        State(
            outage=outage,
            guard=guard,
            grace_until=START + grace,
            guard_until=START + guard_for,
            since=START - since,
        ),
        halts=Halts(end=START + halt_end, rest_until=START + halt_end + LONGEST),
    ),
    st.integers(0, 4),
    st.integers(0, 2_000),
    st.integers(-2_000, LONGEST),
    st.integers(0, 4),
    st.integers(-100, 5_000),
    st.integers(-100, LONGEST),
    st.integers(0, 1),
)


@given(markets, st.integers(0, 1000), st.integers(0, 1000), st.booleans())
def test_who_measures_more_is_never_on_a_lower_level(
    market: Market, one: int, other: int, dead: bool
):
    age = 3_600 if dead else 0
    low, high = sorted((one, other))
    assert poke(market, START, low, age).level <= poke(market, START, high, age).level


@given(markets, st.integers(0, 1000), st.booleans())
def test_a_poke_falls_by_one_at_most(market: Market, drawn: int, dead: bool):
    after = poke(market, START, drawn, 3_600 if dead else 0)
    assert after.level >= market.level - 1


@given(markets, st.integers(0, 1000), st.booleans())
def test_two_pokes_in_a_second_are_one(market: Market, drawn: int, dead: bool):
    age = 3_600 if dead else 0
    # a state that a poke leaves: not one of those a level is due to fall from
    once = poke(market, START, drawn, age)
    assert poke(once, START, drawn, age) == once


@settings(max_examples=30, deadline=None)
@given(markets, st.lists(gaps, min_size=1, max_size=60))
def test_every_level_ends_when_nothing_is_measured(market: Market, waits: list[int]):
    """Each in its hold, after guard and grace, and the delay of a poke."""
    now = START
    bound = 5_000 + LONGEST + sum(SETTINGS.hold(level) for level in range(5)) + LONGEST
    delay = max(waits)
    while now <= START + bound + 6 * delay:
        now += waits[(now - START) % len(waits)]
        market = poke(market, now)
    assert market.level == Level.NORMAL


Step = tuple[int, tuple[int, int], tuple[int, int]]


@st.composite
def spells(draw: st.DrawFn) -> tuple[list[Market], list[Step]]:
    """Two markets in any state, and what comes: seconds since the last pokes, what is drawn at the
    poke of each, the guardian's wish for each."""
    drawn, wish = st.sampled_from([0, 500, 900]), st.sampled_from([0, 0, 4, 2])
    steps = st.tuples(st.integers(1, 400), st.tuples(drawn, drawn), st.tuples(wish, wish))
    pair = [draw(markets), draw(markets)]
    return pair, draw(st.lists(steps, min_size=20, max_size=80))


@settings(max_examples=100, deadline=None)
@given(spells())
def test_halted_never_longer_than_allowed(spell: tuple[list[Market], list[Step]]):
    """T_max: however meters and guardian conspire, so many seconds in which neither of two markets
    is HALTED come to pass in the time that the formula states, from any moment of a time without
    an outage."""
    pair, steps = spell
    halts, now = pair[0].halts, START
    delay = max(step[0] for step in steps)
    lasted: list[tuple[int, int]] = []  # seconds and the higher level between pokes
    for gap, drawn, wishes in steps:
        lasted.append((gap, max(market.level for market in pair)))
        now += gap
        for i, wish in enumerate(wishes):
            market = replace(pair[i], halts=halts)
            seen = seen_at(drawn[i])
            try:
                market = breaker.escalate(market, wish, LONGEST, seen, SCALE, now)
            except ValueError:
                market = breaker.step(market, seen, SCALE, now)
            pair[i], halts = market, market.halts
    for start in range(0, len(lasted), 7):
        free = total = 0
        for seconds, level in lasted[start:]:
            total += seconds
            free += seconds if level < Level.HALTED else 0
            # within what is free by now the formula's time has not passed without it
            assert total <= breaker.longest_wait(free + 1, LONGEST, delay)


@pytest.mark.parametrize(
    ("needed", "expected"), [(1, 631), (600, 1_230), (601, 1_846), (1_800, 3_660)]
)
def test_the_longest_wait_by_hand(needed: int, expected: int):
    """A halt of 600 s, pokes every 15 s: y + ceil(y / 600) * 615 + 15."""
    assert breaker.longest_wait(needed, 600, 15) == expected


# Readings against what happened in truth, second by second


@st.composite
def paths(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    """A price for each of 1,500 seconds, in jumps and drifts, and the seconds of pokes."""
    step = st.tuples(st.integers(1, 500), st.integers(-150_000, 150_000), st.integers(-300, 300))
    prices = [1_000_000]
    for length, jump, drift in draw(st.lists(step, min_size=1, max_size=12)):
        prices[-1] = max(1_000, prices[-1] + jump)
        prices += [max(1_000, prices[-1] + drift * (i + 1)) for i in range(length)]
    prices += [prices[-1]] * 1_500
    pokes = draw(st.lists(st.integers(0, 1_499), min_size=1, max_size=40, unique=True))
    return prices[:1_500], sorted(pokes)


@settings(max_examples=25, deadline=None)
@given(paths())
def test_a_reading_never_exceeds_what_happened_in_one_window(path: tuple[list[int], list[int]]):
    """However late the pokes: nothing is invented."""
    prices, pokes = path
    samples = (Sample(), Sample())
    for second in pokes:
        now = START + second
        market = Market(SETTINGS, samples=samples)
        seen = replace(CALM, price=prices[second])
        found = breaker.readings(SETTINGS, samples, seen, SCALE, now)
        samples = breaker.resampled(market, seen, now)
        known = prices[: second + 1]
        # the largest change within a window, of the price at the sample it is measured by
        largest = max(
            (abs(later - earlier) for earlier, later in moves(known)),
            default=0,
        )
        base = min(sample.price for sample in samples if sample.time)
        assert found.price <= largest * 1000 // min(base, *(known))


def moves(prices: list[int]) -> list[tuple[int, int]]:
    """The lowest and the highest of every window of seconds."""
    step = 10  # windows that begin every ten seconds, ten longer: no smaller than the truth
    ends = range(0, len(prices), step)
    parts = [prices[end : end + WINDOW + step + 1] for end in ends]
    return [(min(part), max(part)) for part in parts]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 400), min_size=100, max_size=100),
    st.integers(5, 60),
    st.integers(0, 59),
)
def test_at_least_half_of_what_is_liquidated_is_read(amounts: list[int], every: int, offset: int):
    """By pokes every p seconds, of what was liquidated in the last window less p."""
    counter = [0]
    for amount in amounts:
        counter += [counter[-1] + amount * 10**6 * WAD] * 15  # 1,500 seconds
    samples = (Sample(), Sample())
    first = None
    for second in range(offset % every, 1_500, every):
        now = START + second
        seen = replace(CALM, liquidated=counter[second])
        found = breaker.readings(SETTINGS, samples, seen, SCALE, now).liquidated
        samples = breaker.resampled(Market(SETTINGS, samples=samples), seen, now)
        first = second if first is None else first
        back = second - WINDOW + every
        if back >= first:
            grown = counter[second] - counter[back]
            assert 2 * (found + 1) * DEPTH * PRICE >= grown * 1000


def test_words_hold_what_they_are_given():
    widest = Sample(1, 2**64 - 1, 2**64 - 1, 2**32 - 1, 2**90 - 1)
    assert Sample.unpack(widest.pack()) == widest
    state = State(1, 7, *[2**32 - 1] * 4)
    assert State.unpack(state.pack()) == state
    assert breaker.Settings.unpack(SETTINGS.pack()) == SETTINGS


def test_a_sample_of_more_than_fits_holds_the_most():
    sample = breaker.sample_of(Seen(1, 0, -(10**40), 2**128 - 1, None), START)
    assert (sample.skew, sample.liquidated) == (2**64 - 1, 2**64 - 1)


def test_the_levels_order_what_is_allowed():
    """A higher level allows nothing that a lower one does not."""
    bits = [breaker.allowed(level) for level in Level]
    assert bits == [15, 14, 12, 8, 0]
    assert all(high & ~low == 0 for low, high in pairwise(bits))
