"""Division against exact rationals."""

from fractions import Fraction
from math import ceil, floor, trunc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.spec.rounding import div_down, div_toward_zero, div_up

NUMERATORS = st.integers(-(2**255), 2**255 - 1)
DENOMINATORS = st.integers(1, 2**128)


@given(NUMERATORS, DENOMINATORS)
def test_directions(numerator: int, denominator: int) -> None:
    exact = Fraction(numerator, denominator)
    assert div_up(numerator, denominator) == ceil(exact)
    assert div_down(numerator, denominator) == floor(exact)
    assert div_toward_zero(numerator, denominator) == trunc(exact)


@pytest.mark.parametrize(
    ("numerator", "up", "down", "toward_zero"),
    [(7, 4, 3, 3), (-7, -3, -4, -3), (6, 3, 3, 3), (-6, -3, -3, -3), (0, 0, 0, 0), (-1, 0, -1, 0)],
)
def test_halves_by_hand(numerator: int, up: int, down: int, toward_zero: int) -> None:
    assert (div_up(numerator, 2), div_down(numerator, 2), div_toward_zero(numerator, 2)) == (
        up,
        down,
        toward_zero,
    )
    assert div_toward_zero(numerator, -2) == -toward_zero
