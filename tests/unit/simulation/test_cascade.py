import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.simulation.cascade import end_state, play_out
from tidegate.simulation.external_market import Impact

FALL = 0.05
MONEY = st.floats(1.0, 1000.0)
DISTANCE = st.floats(0.001, 0.4)


@st.composite
def crowds(draw):
    distances = draw(st.lists(DISTANCE, min_size=1, max_size=40, unique=True))
    money = draw(st.lists(MONEY, min_size=len(distances), max_size=len(distances)))
    return -np.array(distances), np.array(money)


def one_by_one(due):
    return due[:1]


def last_first(due):
    return due[-1:]


def shuffled(seed):
    rng = random.Random(seed)

    def choose(due):
        return rng.sample(due, rng.randint(1, len(due)))

    return choose


@given(crowds(), st.integers(0, 1000), st.floats(1e-6, 1e-3))
@settings(max_examples=200, deadline=None)
def test_permanent_impact_ends_the_same_at_any_speed_and_in_any_order(crowd, seed, permanent):
    thresholds, money = crowd
    price, failed = end_state(thresholds, money, FALL, permanent)
    for choose in (list, one_by_one, last_first, shuffled(seed)):
        for seconds in (1.0, 600.0):
            low, last, out = play_out(
                thresholds, money, FALL, Impact(permanent, 0.0), choose, seconds
            )
            assert (out == failed).all()
            assert last == pytest.approx(price, abs=1e-9)
            assert low == pytest.approx(price, abs=1e-9)


@given(crowds(), st.floats(1e-6, 1e-3))
@settings(max_examples=100, deadline=None)
def test_the_end_is_the_least_state_closed_under_failing_and_selling(crowd, permanent):
    thresholds, money = crowd
    price, failed = end_state(thresholds, money, FALL, permanent)
    assert price == pytest.approx(-FALL - permanent * money[failed].sum())
    assert (thresholds[failed] >= price).all()
    assert (thresholds[~failed] < price).all()


def test_a_chain_of_failures_to_the_last_figure():
    # each sale of 100 lowers the log price by 0.01, which reaches the next threshold
    thresholds = np.array([-0.05, -0.06, -0.07, -0.09])
    money = np.full(4, 100.0)
    price, failed = end_state(thresholds, money, 0.05, 1e-4)
    assert failed.tolist() == [True, True, True, False]
    assert price == pytest.approx(-0.08)


def test_where_impact_recovers_slow_selling_ends_higher_and_spares_accounts():
    thresholds = -np.linspace(0.05, 0.30, 60)
    money = np.full(60, 100.0)
    impact = Impact(permanent=1e-6, temporary=8e-5, half_life=300.0)
    fast = play_out(thresholds, money, 0.10, impact, list, 1.0)
    slow = play_out(thresholds, money, 0.10, impact, one_by_one, 600.0)
    assert fast[0] < slow[0] - 0.05
    assert fast[2].sum() > slow[2].sum()
    # and the theory's state is where both would end without recovery
    price, failed = end_state(thresholds, money, 0.10, impact.permanent + impact.temporary)
    assert price <= fast[0] + 1e-9
    assert failed.sum() >= fast[2].sum()


def test_nobody_fails_before_the_first_threshold():
    price, failed = end_state(np.array([-0.2]), np.array([5.0]), 0.1, 1.0)
    assert not failed.any()
    assert math.isclose(price, -0.1)
