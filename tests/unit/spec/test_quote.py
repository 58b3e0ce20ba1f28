"""The vault's price against the exact potential."""

from fractions import Fraction

from hypothesis import assume, given
from hypothesis import strategies as st

from tidegate.spec.quote import potential_numerator, potential_up, price
from tidegate.spec.rounding import div_up

WAD = 10**18
SCALES = st.integers(1, 2**64 - 1).map(lambda micro: micro * 10**12)
PREMIUMS = st.integers(0, 10**5)
SPREADS = st.integers(0, 10**4)
MARKS = st.integers(1, 2**90)
# on the market's own scale and far beyond, at the ledger's width
SKEWS = st.integers(-(10**22), 10**22) | st.integers(-(2**104), 2**104)
SIZES = (st.integers(-(10**22), 10**22) | st.integers(-(2**103), 2**103)).filter(bool)


def potential(skew: int, scale: int, premium: int) -> Fraction:
    """Phi in 1e-18 units, integrated piece by piece."""
    p = Fraction(premium, 10**6)
    depth, knee = abs(skew), scale * p
    inner = min(Fraction(depth), knee)
    return inner * inner / (2 * scale) + p * (depth - inner)


def exact_above(size: int, skew: int, mark: int, scale: int, premium: int, spread: int) -> Fraction:
    """What a taker pays above size * mark, wei."""
    premium_part = potential(skew + size, scale, premium) - potential(skew, scale, premium)
    return mark * (premium_part + abs(size) * Fraction(spread, 10**6)) / WAD


def paid(size: int, fill_price: int) -> int:
    """Cash out of the taker, as the ledger rounds it."""
    return div_up(size * fill_price, WAD)


def slack(size: int, mark: int) -> Fraction:
    """The bound that quote.py states, wei."""
    return Fraction(mark + abs(size), WAD) + 3


@given(SKEWS, SCALES, PREMIUMS, MARKS)
def test_potential(skew: int, scale: int, premium: int, mark: int) -> None:
    exact = potential(skew, scale, premium)
    assert potential_numerator(skew, scale, premium) == exact * 2 * scale * 10**12
    assert exact * mark / WAD <= potential_up(skew, scale, premium, mark)
    assert potential_up(skew, scale, premium, mark) < exact * mark / WAD + Fraction(mark, WAD) + 1


@given(SIZES, SKEWS, MARKS, SCALES, PREMIUMS, SPREADS)
def test_price_is_exact_or_little_worse(
    size: int, skew: int, mark: int, scale: int, premium: int, spread: int
) -> None:
    above = paid(size, price(size, skew, mark, scale, premium, spread)) - Fraction(size * mark, WAD)
    exact = exact_above(size, skew, mark, scale, premium, spread)
    assert exact <= above < exact + slack(size, mark)


@given(SIZES, SKEWS, MARKS, SCALES, PREMIUMS, SPREADS, st.data())
def test_splitting_is_never_cheaper(
    size: int, skew: int, mark: int, scale: int, premium: int, spread: int, data: st.DataObject
) -> None:
    assume(abs(size) > 1)
    first = data.draw(st.integers(1, abs(size) - 1)) * (1 if size > 0 else -1)
    rest = size - first
    terms = (mark, scale, premium, spread)
    whole = paid(size, price(size, skew, *terms))
    split = paid(first, price(first, skew, *terms)) + paid(rest, price(rest, skew + first, *terms))
    assert split > whole - slack(size, mark)  # the exact costs are one; what is left is rounding


@given(st.lists(SIZES, min_size=1, max_size=6), SKEWS, MARKS, SCALES, PREMIUMS, SPREADS)
def test_a_round_trip_never_earns(
    sizes: list[int], skew: int, mark: int, scale: int, premium: int, spread: int
) -> None:
    legs = [*sizes, -sum(sizes)]
    assume(legs[-1] != 0)
    cost, at = 0, skew
    for size in legs:
        cost += paid(size, price(size, at, mark, scale, premium, spread))
        at += size
    assert at == skew
    assert cost >= 0


@given(SIZES, SKEWS, MARKS, SCALES, PREMIUMS, SPREADS)
def test_price_stays_within_premium_and_spread(
    size: int, skew: int, mark: int, scale: int, premium: int, spread: int
) -> None:
    quoted = price(size, skew, mark, scale, premium, spread)
    most = Fraction(mark * (premium + spread), 10**6) + slack(size, mark) * WAD / abs(size)
    assert abs(quoted - mark) <= most


def test_price_by_hand() -> None:
    terms = (100 * WAD, 1000 * WAD, 10000, 2000)  # mark 100, K 1000, premium 1 %, half spread 0.2 %
    # 5 units from balance: premium on the way 0 to 0.5 %, on average 0.25 %
    assert price(5 * WAD, 0, *terms) == 100 * WAD + 45 * 10**16
    # back at once: the premium is returned, the spread is not
    assert price(-5 * WAD, 5 * WAD, *terms) == 100 * WAD + 5 * 10**16
    # beyond the knee at 10 units every unit pays 1 %
    assert price(10 * WAD, 20 * WAD, *terms) == 100 * WAD + 120 * 10**16
    assert potential_up(20 * WAD, 1000 * WAD, 10000, 100 * WAD) == 15 * WAD
