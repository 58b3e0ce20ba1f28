from decimal import Decimal

import pytest

from tidegate.client.units import human, text, wad


def test_wad_of_a_decimal_is_exact():
    assert wad(Decimal("1.000000000000000001")) == 10**18 + 1


def test_wad_drops_toward_zero_what_is_finer():
    assert wad(Decimal("-1.0000000000000000019")) == -(10**18 + 1)


def test_wad_refuses_floats():
    with pytest.raises(TypeError, match="float is never money"):
        wad(0.1)


def test_human_keeps_every_digit_of_a_wide_word():
    widest = 2**127 - 1
    assert str(human(widest)).replace(".", "") == str(widest)


@pytest.mark.parametrize(
    ("amount", "expected"),
    [(0, "0"), (10**18, "1"), (-15 * 10**17, "-1.5"), (1, "0.000000000000000001")],
)
def test_text_has_no_exponent_and_no_idle_zeros(amount, expected):
    assert text(amount) == expected
