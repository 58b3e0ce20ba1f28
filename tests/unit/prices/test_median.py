from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.prices.median import Agreed, NoPrice, Rules, agree, fault, is_near, median
from tidegate.prices.observation import Observation, Reason

NOW = 1_800_000_000
ONE = 10**18
PRICES = st.integers(1, 2**90 - 1)


def seen(source: str, price: int, time: int = NOW, confidence: int = 0) -> Observation:
    return Observation(1, source, price, time, confidence)


def many(prices) -> list[Observation]:
    return [seen(f"source {number}", price) for number, price in enumerate(prices)]


@given(st.lists(PRICES, min_size=1, max_size=9))
def test_the_median_is_the_middle_one(prices):
    ordered = sorted(prices)
    low, high = ordered[(len(prices) - 1) // 2], ordered[len(prices) // 2]
    assert median(prices) == Fraction(low + high, 2).__floor__()


def test_of_two_the_mean_rounded_down():
    assert median([1, 4]) == 2


@st.composite
def honest_and_lying(draw):
    # near each other, so that some are just far enough to be left out, or anything at all
    prices = draw(st.sampled_from([st.sampled_from([100, 104, 110, 111]), PRICES]))
    honest = draw(st.lists(prices, min_size=1, max_size=6))
    lying = draw(st.lists(prices, max_size=len(honest) - 1))
    return honest, lying


@settings(max_examples=500)
@given(honest_and_lying(), st.sampled_from([20_000, 50_000, 80_000, 999_999]), st.integers(1, 4))
def test_a_minority_never_moves_it_outside_the_honest_range(parties, distance, minimum):
    honest, lying = parties
    rules = Rules(max_distance=distance, minimum=minimum)
    try:
        price = agree(many([*honest, *lying]), rules, NOW).price
    except NoPrice:
        return
    assert min(honest) <= price <= max(honest)


@given(st.lists(PRICES, min_size=1, max_size=7), st.randoms(use_true_random=False))
def test_the_order_of_sources_does_not_matter(prices, random):
    said = many(prices)
    shuffled = list(said)
    random.shuffle(shuffled)
    assert _outcome(shuffled) == _outcome(said)


def _outcome(said):
    try:
        return agree(said, Rules(max_distance=100_000, minimum=2), NOW)
    except NoPrice as error:
        return error.agree, error.remain, error.left_out


@given(st.lists(PRICES, min_size=1, max_size=7), st.data())
def test_one_that_rises_never_lowers_the_median(prices, data):
    place = data.draw(st.integers(0, len(prices) - 1))
    higher = list(prices)
    higher[place] = data.draw(st.integers(prices[place], 2**90 - 1))
    assert median(higher) >= median(prices)


@given(st.lists(PRICES, min_size=1, max_size=5), st.lists(PRICES, max_size=9))
def test_what_does_not_count_changes_nothing(prices, others):
    stale = [seen(f"stale {n}", price, NOW - 11) for n, price in enumerate(others)]
    alone, beside = _outcome(many(prices)), _outcome([*stale, *many(prices)])
    if isinstance(alone, Agreed):
        assert (beside.price, beside.sources) == (alone.price, alone.sources)
    else:
        assert beside[:2] == alone[:2]


def test_an_outlier_is_named_and_has_no_voice_in_the_count():
    found = agree(many([100 * ONE, 101 * ONE, 150 * ONE]), Rules(minimum=2), NOW)
    assert found.price == 101 * ONE
    assert found.sources == ("source 0", "source 1")
    assert found.left_out == (("source 2", Reason.FAR),)


def test_the_outlier_s_side_does_not_choose_the_price():
    # without the far ones the median would be 111, more than any of the first three said
    said = many([100 * ONE, 100 * ONE, 110 * ONE, 111 * ONE, 111 * ONE])
    assert agree(said, Rules(max_distance=50_000, minimum=3), NOW).price == 110 * ONE


def test_two_camps_have_no_price():
    with pytest.raises(NoPrice, match="0 of 4 sources agree: source 0 far from the median"):
        agree(many([100, 100, 200, 200]), Rules(minimum=1), NOW)
    with pytest.raises(NoPrice) as refused:
        agree(many([100, 100, 150, 200, 200]), Rules(minimum=1), NOW)
    assert (refused.value.agree, refused.value.remain) == (1, 5)


def test_too_few():
    with pytest.raises(NoPrice, match="2 of 2 sources agree"):
        agree(many([100, 100]), Rules(minimum=3), NOW)
    with pytest.raises(NoPrice, match="0 of 0 sources agree"):
        agree([], Rules(minimum=1), NOW)


def test_a_source_has_one_voice_and_it_is_its_newest():
    said = [seen("a", 100), seen("a", 300, NOW - 1), seen("b", 100), seen("c", 100)]
    assert agree(said, Rules(minimum=3), NOW).price == 100
    with pytest.raises(NoPrice, match="1 of 1"):
        agree([seen("a", 100), seen("a", 100), seen("a", 100)], Rules(minimum=2), NOW)


@pytest.mark.parametrize(
    ("observation", "reason"),
    [
        (seen("a", ONE, NOW - 10), None),
        (seen("a", ONE, NOW - 11), Reason.STALE),
        (seen("a", ONE, NOW + 2), None),
        (seen("a", ONE, NOW + 3), Reason.FUTURE),
        (seen("a", ONE, NOW, ONE // 200), None),
        (seen("a", ONE, NOW, ONE // 200 + 1), Reason.UNCERTAIN),
    ],
)
def test_when_an_observation_counts(observation, reason):
    assert fault(observation, Rules(), NOW) == reason


def test_near_is_within_the_distance_itself():
    assert is_near(1_010_000, 1_000_000, 10_000)
    assert is_near(990_000, 1_000_000, 10_000)
    assert not is_near(1_010_001, 1_000_000, 10_000)
    assert not is_near(989_999, 1_000_000, 10_000)


@pytest.mark.parametrize(
    "wrong", [{"minimum": 0}, {"max_age": 0}, {"max_ahead": -1}, {"max_distance": 0}]
)
def test_rules_that_are_none(wrong):
    with pytest.raises(ValueError, match=r"at least|between"):
        Rules(**wrong)
