"""The fund's arithmetic, checked against exact rationals."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.spec.fund import DAY, Parameters, Vesting, allocate
from tidegate.spec.rounding import WAD

amounts = st.integers(0, 2**100)


@pytest.mark.parametrize(
    ("deficit", "layers", "paid", "rest"),
    [
        (0, (5, 5), [0, 0], 0),
        (4, (5, 5), [4, 0], 0),
        (5, (5, 5), [5, 0], 0),
        (6, (5, 5), [5, 1], 0),
        (10, (5, 5), [5, 5], 0),
        (11, (5, 5), [5, 5], 1),
        (7, (0, 0, 9), [0, 0, 7], 0),
        (7, (), [], 7),
        # a layer that owes pays nothing
        (7, (-3, 9), [0, 7], 0),
    ],
)
def test_layers_pay_from_the_top(deficit, layers, paid, rest):
    assert allocate(deficit, layers) == (paid, rest)


@given(amounts, st.lists(amounts, max_size=6))
def test_every_unit_once_and_no_layer_before_those_above(deficit, layers):
    paid, rest = allocate(deficit, layers)
    assert sum(paid) + rest == deficit
    assert all(0 <= part <= layer for part, layer in zip(paid, layers, strict=True))
    for place, part in enumerate(paid):
        assert part == 0 or paid[:place] == layers[:place]
    assert rest == 0 or paid == layers


@given(amounts, st.lists(amounts, max_size=6), st.integers(0, 2**100))
def test_two_deficits_cost_what_one_of_their_sum_costs(deficit, layers, second):
    paid, rest = allocate(deficit, layers)
    left = [layer - part for layer, part in zip(layers, paid, strict=True)]
    again, more = allocate(second, left)
    whole, all_of_it = allocate(deficit + second, layers)
    assert [a + b for a, b in zip(paid, again, strict=True)] == whole
    assert rest + more == all_of_it


@given(st.integers(1, 2**112), st.integers(1, 90 * DAY), st.integers(0, 100 * DAY))
def test_vesting_is_a_straight_line_rounded_against_the_shares(amount, length, elapsed):
    left = Vesting(amount, 1_000, 1_000 + length).left(1_000 + elapsed)
    exact = max(Fraction(0), Fraction(amount) * (length - elapsed) / length)
    assert 0 <= left - exact < 1


def test_parameters_are_a_word_of_their_fields():
    word = Parameters(vesting=1, window=2, notice=3, assessment=4).pack()
    assert word >> 80 == 1 << 96 | 2 << 64 | 3 << 32 | 4
    shares = Parameters(day_share=1, payment=2, assessed=3, pledged=4).pack()
    assert shares & (2**80 - 1) == 1 << 60 | 2 << 40 | 3 << 20 | 4


def test_people_speak_in_shares():
    parameters = Parameters.human(
        vesting=7 * DAY,
        window=2 * DAY,
        notice=14 * DAY,
        assessment=30 * DAY,
        day_share="0.05",
        payment="0.01",
        assessed="0.25",
        pledged="0.5",
    )
    assert parameters == Parameters()
    assert WAD * parameters.pledged // 10**6 == WAD // 2
