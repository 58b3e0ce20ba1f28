"""Funding against exact piecewise integrals, inside the bounds that its docstring states."""

from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.spec.funding import DAY, accrued, due_up, halved, path, saturated
from tidegate.spec.words import MAX_INDEX, Carry, Indices, Interest, Risk

WAD = 10**18
RISK = Risk.human(
    calm_skew="0.01", half_life=8 * 3600, max_rate="0.10", max_velocity="0.30", scale=1000
)
RATES = st.integers(-(10**14), 10**14)
SPANS = st.integers(0, 30) | st.integers(0, 40 * DAY)


@st.composite
def risks(draw: st.DrawFn) -> Risk:
    return Risk(
        calm_skew=draw(st.integers(0, 2**16 - 1)),
        half_life=draw(st.integers(1, 2**20 - 1)),
        max_rate=draw(st.integers(0, 36 * 10**6)),  # what the rate's 56 bits hold
        max_velocity=draw(st.integers(0, 2**28 - 1)),
        scale=draw(st.integers(1, 2**64 - 1)),
    )


def exact_drift(skew: int, risk: Risk, rate: int, elapsed: int) -> tuple[Fraction, Fraction]:
    """End rate and twice the integral of clamp(rate + v t, -cap, cap), in rationals."""
    cap = risk.max_rate * 10**9
    start = Fraction(max(-cap, min(cap, rate)))
    s = max(Fraction(-1), min(Fraction(1), Fraction(skew, risk.skew_scale)))
    slope = risk.max_velocity * 10**9 * s / DAY  # per second
    end = start + slope * elapsed
    if abs(end) <= cap:
        return end, (start + end) * elapsed
    end = Fraction(cap if end > 0 else -cap)
    drifting = (end - start) / slope
    return end, (start + end) * drifting + 2 * end * (elapsed - drifting)


def exact_halved(rate: int, elapsed: int, half_life: int) -> Decimal:
    with localcontext() as context:
        context.prec = 80
        return rate * Decimal(2) ** (-Decimal(elapsed) / half_life)


@given(st.integers(-(2**55), 2**55), st.integers(0, 2**32), st.integers(1, 2**20 - 1))
def test_halved(rate: int, elapsed: int, half_life: int) -> None:
    result = halved(rate, elapsed, half_life)
    assert abs(result - exact_halved(rate, elapsed, half_life)) <= 3
    assert abs(result) <= abs(rate)


def test_halved_by_hand() -> None:
    assert halved(1024, 0, 100) == 1024
    assert halved(1024, 300, 100) == 128
    assert halved(-1024, 100, 100) == -512
    assert halved(10**15, 50, 100) == 707106781186547
    assert halved(2**55, 6400, 100) == 0


@given(st.integers(-(2**104), 2**104), risks(), st.integers(-(2**55), 2**55 - 1), SPANS)
def test_path_within_its_bounds(skew: int, risk: Risk, rate: int, elapsed: int) -> None:
    end, integral = path(skew, risk, rate, elapsed)
    cap = risk.max_rate * 10**9
    start = max(-cap, min(cap, rate))
    assert abs(end) <= cap
    assert abs(integral) <= 2 * cap * elapsed + (start != 0) * 7 * risk.half_life
    if abs(skew) * 10**6 > risk.calm_skew * risk.skew_scale:
        exact_end, exact = exact_drift(skew, risk, rate, elapsed)
        slack = 1 + Fraction(elapsed, DAY)
        assert abs(end - exact_end) <= slack
        assert abs(integral - exact) <= slack * elapsed + (abs(end) == cap) * (
            abs(exact_end - start) + 1
        )
    else:
        with localcontext() as context:
            context.prec = 80
            ln2 = Decimal(2).ln()
            exact_calm = exact_halved(start, elapsed, risk.half_life)
            assert abs(end - exact_calm) <= 3
            exact_integral = 2 * (start - exact_calm) * risk.half_life / ln2
            assert abs(integral - exact_integral) <= 7 * risk.half_life / ln2 + 1


def test_path_by_hand() -> None:
    half = 500 * WAD  # half of the skew scale: 15 % per day per day
    assert path(half, RISK, 0, DAY // 2) == (75 * 10**12, 75 * 10**12 * DAY // 2)
    # 10 % is reached after two thirds of a day and held for the rest of two days
    assert path(half, RISK, 0, 2 * DAY) == (
        10**14,
        10**14 * (2 * DAY // 3) + 2 * 10**14 * (2 * DAY - 2 * DAY // 3),
    )
    # a rate beyond a lowered cap comes back to it at once
    assert path(half, RISK, 2 * 10**14, 0) == (10**14, 0)
    # ten hours of calm
    assert path(10 * WAD, RISK, 10**14, 8 * 3600)[0] == 5 * 10**13
    # skew beyond the scale counts as the scale
    assert path(5000 * WAD, RISK, 0, 60) == path(1000 * WAD, RISK, 0, 60)


WILD = st.integers(11 * WAD, 2**104) | st.integers(-(2**104), -11 * WAD)


@given(WILD, RATES, st.lists(st.integers(1, DAY), min_size=2, max_size=8))
def test_pokes_change_the_path_by_their_roundings_only(
    skew: int, rate: int, steps: list[int]
) -> None:
    whole_end, whole = path(skew, RISK, rate, sum(steps))
    total, at = 0, rate
    for step in steps:
        at, part = path(skew, RISK, at, step)
        total += part
    span, count = sum(steps), len(steps)
    rounding = count + Fraction(span, DAY)
    assert abs(at - whole_end) <= 2 * rounding
    met = 2 * RISK.max_rate * 10**9 + rounding  # a cap met on whole seconds, here and there
    assert abs(total - whole) <= 2 * rounding * span + 2 * met


def words(long_side: int, short_side: int, rate: int, price: int) -> tuple:
    return (Indices(3, -4), Interest(65535, 1000, short_side, long_side), Carry(-7, rate, price))


@given(st.integers(0, 2**103), st.integers(0, 2**103), RATES, st.integers(1, 2**90), SPANS)
def test_accrued_charges_the_price_at_the_start(
    long_side: int, short_side: int, rate: int, price: int, elapsed: int
) -> None:
    before = words(long_side, short_side, rate, price)
    indices, interest, carry = accrued(*before, RISK, 12345, 1000 + elapsed)
    if elapsed == 0:
        assert (indices, interest, carry) == before
        return
    end, integral = path(long_side - short_side, RISK, rate, elapsed)
    exact = Fraction(integral * price, 2 * DAY * 10**6)
    assert abs(indices.long - 3 - exact) < 1
    assert indices.short + 4 == indices.long - 3
    assert interest == Interest(65535, 1000 + elapsed, short_side, long_side)
    assert carry == Carry(-7, end, 12345)
    assert accrued(indices, interest, carry, RISK, 999, 1000 + elapsed) == (
        indices,
        interest,
        carry,
    )


def test_accrued_by_hand() -> None:
    # a day at 10 % of a price of 100: one unit pays 10
    long_side = 500 * WAD
    indices, _, carry = accrued(*words(long_side, 0, 10**14, 100 * WAD), RISK, 1, 1000 + DAY)
    assert indices.long - 3 == 10 * 10**27
    assert carry.rate == 10**14


def test_accrued_resolves_a_third_of_a_percent_a_year_on_a_tiny_price() -> None:
    rate = 10**15 * 3 // 1000 // 365
    risk = Risk.human(half_life=10**6, max_rate=1, scale=1)
    indices, _, _ = accrued(Indices(), Interest(), Carry(0, rate, 10**10), risk, 10**10, 1)
    exact = Fraction(rate * 10**10, DAY * 10**6)
    assert indices.long > 0
    assert abs(indices.long - exact) <= exact / 10**3  # the decay rounds the rate to 1e-15


@given(st.integers(-(2**130), 2**130))
def test_saturated(index: int) -> None:
    assert (
        saturated(index) == index if abs(index) <= MAX_INDEX else abs(saturated(index)) == MAX_INDEX
    )


@given(
    st.lists(st.integers(-(2**60), 2**60), min_size=1, max_size=6),
    st.lists(st.integers(-(2**90), 2**90), min_size=2, max_size=6),
)
def test_dues_cover_the_pot(sizes: list[int], indices: list[int]) -> None:
    """Whoever settles when, what is paid in covers what is paid out: at most a wei a settlement."""
    book = [*sizes, -sum(sizes)]
    settlements = len(book) * (len(indices) - 1)
    pot = sum(due_up(size, now, then) for size in book for then, now in pairwise(indices))
    assert 0 <= pot < max(settlements, 1)


@pytest.mark.parametrize(
    ("size", "now", "then", "due"),
    [
        (1, 1, 0, 1),
        (-1, 1, 0, 0),
        (10**18, 10**27, 0, 10**18),
        (-(10**18), 3 * 10**27, 10**27, -2 * 10**18),
    ],
)
def test_due_up_by_hand(size: int, now: int, then: int, due: int) -> None:
    assert due_up(size, now, then) == due
