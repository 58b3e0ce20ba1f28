"""What is offered for gas: enough to be mined, enough to be taken, never over the cap."""

import pytest

from tidegate.fees import GWEI, Fees, offer, raised

CAP = 200 * GWEI


def test_the_first_offer_outlasts_a_doubled_base_fee():
    assert offer(10 * GWEI, GWEI, CAP) == Fees(21 * GWEI, GWEI)


@pytest.mark.parametrize(("price", "more"), [(0, 1), (1, 2), (7, 8), (8, 9), (9, 11), (800, 900)])
def test_a_raise_is_an_eighth_rounded_up_and_never_nothing(price, more):
    assert raised(price) == more


def test_a_replacement_raises_both_prices():
    assert offer(10 * GWEI, GWEI, CAP, Fees(40 * GWEI, 2 * GWEI)) == Fees(
        45 * GWEI, 9 * GWEI * 2 // 8
    )


def test_a_replacement_follows_the_market_where_that_is_more():
    assert offer(50 * GWEI, 3 * GWEI, CAP, Fees(21 * GWEI, GWEI)) == Fees(103 * GWEI, 3 * GWEI)


def test_the_cap_bounds_the_offer_and_the_tip_with_it():
    assert offer(150 * GWEI, GWEI, CAP) == Fees(CAP, GWEI)
    assert offer(GWEI // 2, 5 * GWEI, 4 * GWEI) == Fees(4 * GWEI, 4 * GWEI)


@pytest.mark.parametrize(
    ("base", "before"),
    [(CAP + 1, None), (CAP + 1, Fees(GWEI, GWEI)), (GWEI, Fees(178 * GWEI, GWEI))],
    ids=["gas above the cap", "gas above the cap, replacing", "no room for a raise"],
)
def test_no_offer_beyond_the_cap(base, before):
    assert offer(base, GWEI, CAP, before) is None
