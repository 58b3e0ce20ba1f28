from dataclasses import replace

from tests.harness.breaker import CALM, DEPTH, PRICE, SETTINGS
from tidegate.keepers.actions import PokeBreaker
from tidegate.keepers.breaker_pokes import REFRESH, BreakerState, Watched, decide
from tidegate.spec import breaker
from tidegate.spec.breaker import Market
from tidegate.spec.rounding import WAD

NOW = 1_700_000_400
SCALE = DEPTH * WAD
CRASHED = replace(CALM, price=PRICE * 95 // 100)


def poked(market=None, seen=CALM, now=NOW):
    """A market as a poke leaves it."""
    return breaker.step(market or Market(SETTINGS), seen, SCALE, now)


def decided(market, seen=CALM, now=NOW, instrument=64):
    return decide(BreakerState(now, [Watched(instrument, market, seen, SCALE)]))


def test_a_market_never_poked_gets_its_sample():
    assert decided(Market(SETTINGS)) == [PokeBreaker(64)]


def test_a_calm_market_is_poked_once_a_window():
    market = poked()
    assert decided(market, now=NOW + SETTINGS.window - 1) == []
    assert decided(market, now=NOW + SETTINGS.window) == [PokeBreaker(64)]


def test_an_escalation_is_poked_at_once():
    assert decided(poked(), CRASHED, NOW + 1) == [PokeBreaker(64)]


def test_a_level_that_is_still_measured_is_kept_now_and_then():
    market = poked(poked(), CRASHED)
    assert market.level == 2
    assert decided(market, CRASHED, NOW + REFRESH - 1) == []
    assert decided(market, CRASHED, NOW + REFRESH) == [PokeBreaker(64)]


def test_a_level_is_fallen_from_when_its_hold_is_over():
    market = poked(poked(), CRASHED)
    # with a sample of the window, so that only the fall is left to do
    due = NOW + SETTINGS.hold(2)
    market = poked(market, now=due - 1)
    assert decided(market, now=due - 1) == []
    assert decided(market, now=due) == [PokeBreaker(64)]


def test_an_outage_and_its_end_are_poked():
    dead = replace(CALM, price_age=SETTINGS.outage * 60 + 1)
    assert decided(poked(), dead) == [PokeBreaker(64)]
    market = poked(poked(), dead)
    assert decided(market, dead) == []
    assert decided(market) == [PokeBreaker(64)]


def test_the_gravest_comes_first():
    fund = replace(CALM, drawn=(90, 100))
    markets = [
        Watched(64, poked(), CRASHED, SCALE),
        Watched(128, poked(), fund, SCALE),
        Watched(192, poked(), CALM, SCALE),
        Watched(256, poked(poked(), fund), CALM, SCALE),
    ]
    later = NOW + SETTINGS.hold(4)
    calm = replace(CALM, price_age=0)
    markets[3] = replace(markets[3], seen=calm)
    assert decide(BreakerState(NOW, markets)) == [PokeBreaker(128), PokeBreaker(64)]
    assert decide(BreakerState(later, markets))[:2] == [PokeBreaker(128), PokeBreaker(256)]
