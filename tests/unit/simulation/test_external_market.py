import math

import pytest

from tidegate.simulation.external_market import (
    FALL_BTC,
    FORCED,
    HALF_LIFE,
    LN2,
    MARKET_SHARE,
    OCTOBER_2025,
    RECOVERED,
    ExternalMarket,
    Impact,
    october_2025,
)

IMPACT = Impact(permanent=1e-6, temporary=4e-6, half_life=300.0)


def test_a_sale_pushes_both_parts_and_fills_at_the_mean_of_the_way():
    market = ExternalMarket(IMPACT)
    price = market.trade(1000.0, 100.0)
    assert market.permanent == pytest.approx(-0.001)
    assert market.temporary == pytest.approx(-0.004)
    assert price == pytest.approx(100 * math.exp(-0.0025))
    assert market.price(100.0) == pytest.approx(100 * math.exp(-0.005))
    assert (market.sold, market.turnover) == (1000.0, 1000.0)


def test_a_round_trip_at_once_moves_nothing():
    market = ExternalMarket(IMPACT)
    market.trade(700.0, 100.0)
    market.trade(-700.0, 100.0)
    assert market.displacement == pytest.approx(0, abs=1e-15)
    assert market.sold == 0
    assert market.turnover == 1400.0


def test_half_of_the_temporary_part_goes_in_a_half_life_and_the_rest_stays():
    market = ExternalMarket(IMPACT)
    market.trade(1000.0, 100.0)
    market.pass_time(300.0)
    assert market.temporary == pytest.approx(-0.002)
    assert market.permanent == pytest.approx(-0.001)
    market.pass_time(1e6)
    assert market.displacement == pytest.approx(-0.001)


def test_splitting_a_sale_in_time_leaves_the_permanent_part_as_it_is():
    at_once, split = ExternalMarket(IMPACT), ExternalMarket(IMPACT)
    at_once.trade(1000.0, 100.0)
    for _ in range(10):
        split.trade(100.0, 100.0)
        split.pass_time(60.0)
    assert split.permanent == pytest.approx(at_once.permanent)
    assert split.temporary > at_once.temporary


def test_wholly_permanent_is_as_strong_at_first():
    harsh = IMPACT.wholly_permanent()
    assert harsh.permanent == pytest.approx(5e-6)
    assert harsh.temporary == 0


def test_the_calibrated_market_makes_its_share_of_the_fall_under_the_published_flow():
    """The flow minute by minute: even before the peak minute, then the peak at once."""
    market = ExternalMarket(october_2025(FALL_BTC))
    flow = OCTOBER_2025
    rate = (flow.in_window - flow.in_peak_minute) / (flow.window - 1)
    parts = 200
    for _ in range(int(flow.before_peak) * parts):
        market.trade(rate / parts * flow.net * MARKET_SHARE, 1.0)
        market.pass_time(60 / parts)
    market.trade(flow.in_peak_minute * flow.net * MARKET_SHARE, 1.0)
    assert -market.displacement == pytest.approx(FORCED * FALL_BTC, rel=2e-3)
    assert market.temporary / market.displacement == pytest.approx(RECOVERED, rel=2e-3)
    assert market.impact.half_life == HALF_LIFE


def test_the_coefficients_by_hand():
    """Peak 3.21 bn, 3.72 bn even over the other 39 minutes, a quarter, 67.8 % net sales."""
    impact = october_2025(FALL_BTC)
    rate = 3.72e9 / 39
    gone_through = (25 * rate + 3.21e9) * 0.678 / 4
    standing = (rate * 5 / LN2 * (1 - 2**-5) + 3.21e9) * 0.678 / 4
    assert impact.permanent == pytest.approx(0.2 * 0.5 * FALL_BTC / gone_through)
    assert impact.temporary == pytest.approx(0.8 * 0.5 * FALL_BTC / standing)
