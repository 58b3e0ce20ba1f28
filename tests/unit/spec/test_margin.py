"""The margin rule against exact rationals, and what it promises about hedges."""

from fractions import Fraction
from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from tidegate.spec.margin import contingency_up, crowding_up, notional_up, shock_up
from tidegate.spec.words import Risk, Trade

WAD = 10**18
SIZES = st.integers(-(2**103), 2**103 - 1)
MARKS = st.integers(1, 2**90)
SHARES = st.integers(0, 2**20 - 1)


@st.composite
def risks(draw: st.DrawFn) -> Risk:
    maintenance = draw(st.integers(1, 10**6))
    return Risk(
        scale=draw(st.integers(1, 2**64 - 1)),
        size_slope=draw(SHARES),
        contingency=draw(st.integers(0, maintenance)),
        maintenance_shock=maintenance,
        initial_shock=draw(st.integers(maintenance, 10**6)),
    )


def exact_contingency(size: int, mark: int, risk: Risk) -> Fraction:
    ratio = risk.contingency + Fraction(risk.size_slope * abs(size), risk.skew_scale)
    return Fraction(abs(size) * mark, WAD) * min(ratio, risk.maintenance_shock) / 10**6


@given(SIZES, MARKS)
def test_notional(size: int, mark: int) -> None:
    assert notional_up(size, mark) == ceil(Fraction(abs(size) * mark, WAD))


@given(SIZES, MARKS, risks())
def test_contingency_is_exact_or_little_more(size: int, mark: int, risk: Risk) -> None:
    exact = exact_contingency(size, mark, risk)
    result = contingency_up(size, mark, risk)
    # one ppm of the notional by the rounded ratio, a wei by each other quotient
    assert exact <= result <= exact + Fraction(notional_up(size, mark), 10**6) + 2
    assert (
        result
        <= exact_contingency(
            size,
            mark,
            Risk(
                scale=1,
                contingency=risk.maintenance_shock,
                maintenance_shock=risk.maintenance_shock,
            ),
        )
        + 2
    )


@given(st.integers(-(2**200), 2**200), SHARES)
def test_shock(net_value: int, shock: int) -> None:
    assert shock_up(net_value, shock) == ceil(Fraction(abs(net_value) * shock, WAD * 10**6))


def requirement(legs: list[tuple[int, int]], risk: Risk, shock: int) -> int:
    """The docstring's sum for the legs (size, mark) of one underlying."""
    net = sum(size * mark for size, mark in legs)
    return shock_up(net, shock) + sum(contingency_up(size, mark, risk) for size, mark in legs)


@given(risks(), st.integers(1, 2**103 - 1), MARKS, MARKS, st.data())
def test_a_hedge_never_raises_the_requirement(
    risk: Risk, long_size: int, mark: int, other_mark: int, data: st.DataObject
) -> None:
    most = min(long_size * mark // other_mark, 2**103 - 1)  # a hedge is not larger than the leg
    hedge = -data.draw(st.integers(0, most))
    for shock in (risk.initial_shock, risk.maintenance_shock):
        alone = requirement([(long_size, mark)], risk, shock)
        hedged = requirement([(long_size, mark), (hedge, other_mark)], risk, shock)
        assert hedged <= alone + 3  # three quotients


@given(risks(), st.integers(1, 2**102), MARKS, st.data())
def test_growing_the_hedge_never_raises_it_below_the_bend(
    risk: Risk, long_size: int, mark: int, data: st.DataObject
) -> None:
    """Up to (maintenance shock - base) * K / 2 slope every unit of a hedge pays for itself."""
    bend = long_size
    if risk.size_slope:
        room = risk.maintenance_shock - risk.contingency
        bend = min(bend, room * risk.skew_scale // (2 * risk.size_slope))
    more = data.draw(st.integers(0, bend))
    less = data.draw(st.integers(0, more))
    small = requirement([(long_size, mark), (-less, mark)], risk, risk.maintenance_shock)
    large = requirement([(long_size, mark), (-more, mark)], risk, risk.maintenance_shock)
    assert large <= small + notional_up(more, mark) // 10**6 + 4  # the ratio's ppm


@given(risks(), SIZES, MARKS, st.integers(0, 2**100))
def test_growing_a_position_never_lowers_it(risk: Risk, size: int, mark: int, more: int) -> None:
    larger = size + (more if size > 0 else -more)
    shock = risk.maintenance_shock
    assert requirement([(larger, mark)], risk, shock) >= requirement([(size, mark)], risk, shock)


CAPS = st.integers(0, 2**64 - 1)


@given(st.integers(0, 2**140), st.integers(0, 2**104), st.integers(0, 2**104), CAPS, CAPS, SHARES)
def test_crowding(notional: int, skew: int, side: int, soft: int, hard: int, share: int) -> None:
    trade = Trade(hard=hard, soft=soft, crowding=share)
    full = max(
        min(Fraction(1), Fraction(skew, trade.soft_cap)) if soft else Fraction(1),
        min(Fraction(1), Fraction(side, trade.hard_cap)) if hard else Fraction(1),
    )
    exact = notional * Fraction(share, 10**6) * full
    result = crowding_up(notional, skew, side, trade)
    assert exact <= result <= exact + Fraction(notional * share, 10**12) + 1


def test_requirement_by_hand() -> None:
    risk = Risk.human(
        initial_shock="0.05",
        maintenance_shock="0.03",
        contingency="0.005",
        size_slope="0.01",
        scale=1000,
    )
    # 100 units at 200: 20,000 * (5 % + 0.5 % + 1 % * 100 / 1000)
    assert requirement([(100 * WAD, 200 * WAD)], risk, risk.initial_shock) == 1120 * WAD
    assert requirement([(-100 * WAD, 200 * WAD)], risk, risk.maintenance_shock) == 720 * WAD
    trade = Trade.human(soft=10, hard=40, crowding="0.02")
    assert crowding_up(20000 * WAD, 5 * WAD, 30 * WAD, trade) == 300 * WAD  # 3/4 of 2 %
    assert crowding_up(20000 * WAD, 50 * WAD, 30 * WAD, trade) == 400 * WAD
