"""Every bound of IConfigurator's table, at its last allowed value and one beyond."""

from dataclasses import replace

import pytest

from tests.harness.reverts import reverts
from tests.harness.words import LIMITS, RISK, TRADE

# The default terms: max premium 10,000 + max half spread 2,000 + taker fee 500 + penalty 7,500 ppm.
QUOTED = 12_000
LEAST_COST = 12_507  # of these, and the fee on the quote above the mark
DEAREST = 20_000
WHOLE = 10**6

RISK_BOUNDS = [
    # fields at the bound, the field that goes beyond, its value there
    ({}, "kind", 0),
    ({}, "kind", 2),
    ({}, "settle_asset", 1),
    ({"initial_shock": 30_001}, "initial_shock", 30_000),
    ({"initial_shock": 250_000}, "initial_shock", 250_001),  # the stress
    ({"maintenance_shock": DEAREST + 1, "contingency": 0}, "maintenance_shock", DEAREST),
    ({"maintenance_shock": 49_999}, "maintenance_shock", 50_000),
    ({"contingency": 30_000}, "contingency", 30_001),
    ({"size_slope": WHOLE}, "size_slope", WHOLE + 1),
    ({"scale": 1}, "scale", 0),
    ({"max_velocity": 10 * WHOLE}, "max_velocity", 10 * WHOLE + 1),
    ({"max_rate": WHOLE}, "max_rate", WHOLE + 1),
    ({"half_life": 60}, "half_life", 59),
]
TRADE_BOUNDS = [
    ({"taker_fee": 10_499}, "taker_fee", 10_500),
    ({"insurance_share": WHOLE}, "insurance_share", WHOLE + 1),
    ({"band": QUOTED + 1}, "band", QUOTED),
    ({"band": 200_000}, "band", 200_001),
    ({"crowding": 200_000}, "crowding", 200_001),
    ({"minimum": 50 * WHOLE}, "minimum", 50 * WHOLE - 1),  # ten keeper rewards
    ({"minimum": 10**6 * WHOLE}, "minimum", 10**6 * WHOLE + 1),
    ({"soft": 800 * WHOLE}, "soft", 800 * WHOLE + 1),
    ({"soft": 0, "hard": 0}, "soft", 1),
    ({"hard": 2**103 // 10**12}, "hard", 2**103 // 10**12 + 1),  # the width of a side
]
LIMITS_BOUNDS = [
    ({"max_premium": 19_999, "max_cost": 22_510, "penalty": 0}, "max_cost", 22_509),
    ({"penalty": 17_499}, "penalty", 17_500),
    ({"max_cost": LEAST_COST}, "max_cost", LEAST_COST - 1),
    ({"max_cost": 30_000}, "max_cost", 30_001),
    ({"buffer": WHOLE}, "buffer", WHOLE + 1),
    ({"stress": 50_000}, "stress", 49_999),
    ({"stress": WHOLE}, "stress", WHOLE + 1),
    ({"reward": 10 * WHOLE}, "reward", 10 * WHOLE + 1),
]


@pytest.mark.parametrize(("at", "name", "beyond"), RISK_BOUNDS)
def test_keeps_each_bound_of_the_risk_word(bare_desk, at, name, beyond):
    limits = replace(LIMITS, max_cost=LEAST_COST)
    allowed = replace(RISK, **at)
    bare_desk.check(risk=allowed, limits=limits)
    with reverts("OutOfBounds"):
        bare_desk.check(risk=replace(allowed, **{name: beyond}), limits=limits)


@pytest.mark.parametrize(("at", "name", "beyond"), TRADE_BOUNDS)
def test_keeps_each_bound_of_the_trade_word(bare_desk, at, name, beyond):
    # Wide limits, so that the bound in question is the one that refuses.
    limits = replace(LIMITS, max_cost=30_000)
    allowed = replace(TRADE, **at)
    bare_desk.check(trade=allowed, limits=limits)
    with reverts("OutOfBounds"):
        bare_desk.check(trade=replace(allowed, **{name: beyond}), limits=limits)


@pytest.mark.parametrize(("at", "name", "beyond"), LIMITS_BOUNDS)
def test_keeps_each_bound_of_the_limits_word(bare_desk, at, name, beyond):
    allowed = replace(LIMITS, **at)
    bare_desk.check(limits=allowed)
    with reverts("OutOfBounds"):
        bare_desk.check(limits=replace(allowed, **{name: beyond}))


def test_refuses_a_minimum_below_one(bare_desk):
    limits = replace(LIMITS, reward=0)
    bare_desk.check(trade=replace(TRADE, minimum=WHOLE), limits=limits)
    with reverts("OutOfBounds"):
        bare_desk.check(trade=replace(TRADE, minimum=WHOLE - 1), limits=limits)


@pytest.mark.parametrize("bit", [244, 255])
def test_refuses_unused_bits_of_the_risk_word(bare_desk, bit):
    with reverts("OutOfBounds"):
        bare_desk.configurator.call(
            "check_terms", RISK.pack() | 1 << bit, TRADE.pack(), LIMITS.pack()
        )


@pytest.mark.parametrize("bit", [120, 139, 188, 255])
def test_refuses_unused_bits_of_the_limits_word(bare_desk, bit):
    with reverts("OutOfBounds"):
        bare_desk.configurator.call(
            "check_terms", RISK.pack(), TRADE.pack(), LIMITS.pack() | 1 << bit
        )


def test_the_largest_rate_saturates_no_index_within_a_century(bare_desk):
    """100 % a day at a price of 4.65 million for 100 years stays within int128 of 1e-27."""
    days = 36_525
    assert 4_650_000 * days * 10**27 < 2**127 - 1 < 4_660_000 * days * 10**27
    bare_desk.check(risk=replace(RISK, max_rate=WHOLE))
