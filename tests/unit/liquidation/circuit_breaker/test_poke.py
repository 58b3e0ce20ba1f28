import pytest

from tests.harness.breaker import DEPTH, INSTRUMENT, PRICE, SETTINGS, Bench
from tests.harness.reverts import reverts
from tidegate.spec.breaker import Level, Readings
from tidegate.spec.rounding import WAD

WINDOW = SETTINGS.window
LEVELS = {"price": 4, "skew": 2, "liquidated": 3, "drawn": 4}


def shown(meter: str, mille: int) -> dict[str, object]:
    """What makes a meter read so many per mille right after a poke of a calm market."""
    return {
        "price": {"price": PRICE * (1000 - mille) // 1000},
        "skew": {"skew": DEPTH * WAD * mille // 1000},
        "liquidated": {"liquidated": DEPTH * PRICE * mille // 1000},
        "drawn": {"drawn": (mille * WAD, 1000 * WAD)},
    }[meter]


@pytest.mark.parametrize(
    ("meter", "level"), [(name, level) for name in LEVELS for level in range(1, LEVELS[name] + 1)]
)
def test_a_meter_reaches_a_level_at_its_threshold(bench: Bench, meter: str, level: int):
    threshold = SETTINGS.thresholds(meter)[level - 1]
    bench.poke()
    below, at = shown(meter, threshold), shown(meter, threshold)
    short = {"price": 60 * WAD // 1000, "skew": -1, "liquidated": -1}
    if meter == "drawn":
        below["drawn"] = (threshold * WAD - 1, 1000 * WAD)
    else:
        # the smallest unit that a sample holds
        below[meter] += short[meter] * (1 if meter == "price" else 10**12)
    bench.show(**below)
    assert getattr(bench.readings(), meter) == threshold - 1
    assert bench.poke() == level - 1
    bench.show(**at)
    assert getattr(bench.readings(), meter) == threshold
    assert bench.poke() == level


@pytest.mark.parametrize(("meter", "most"), [("skew", 2), ("liquidated", 3)])
def test_some_meters_stop_short_of_halting(bench: Bench, meter: str, most: int):
    bench.poke()
    bench.show(**shown(meter, 5_000))
    assert bench.poke() == most


def test_the_level_is_the_highest_of_all_meters(bench: Bench):
    bench.poke()
    bench.show(**shown("skew", 15), **shown("liquidated", 20), **shown("drawn", 250))
    assert bench.readings() == Readings(0, 15, 20, 250, 0)
    assert bench.poke() == Level.AUCTION_ONLY


def test_a_rise_is_as_fast_as_a_fall(bench: Bench):
    bench.poke()
    bench.show(price=PRICE * 108 // 100)
    assert bench.poke() == Level.AUCTION_ONLY


def test_a_poke_says_what_it_saw(bench: Bench):
    bench.poke()
    bench.show(price=PRICE * 95 // 100, liquidated=None, **shown("drawn", 120))
    receipt = bench.breaker.transact("poke", INSTRUMENT)
    said = receipt.one("LevelSet")
    assert said.args._asdict() == {
        "instrument": INSTRUMENT,
        "level": 2,
        "before": 0,
        "price": 50,
        "skew": 0,
        "liquidated": 0,
        "drawn": 120,
        "silent": 2,
    }
    braked = receipt.one("Braked")
    assert (braked.args.instrument, braked.args.level) == (INSTRUMENT, 2)


def test_a_poke_that_changes_nothing_says_nothing(bench: Bench):
    bench.poke()
    assert bench.breaker.transact("poke", INSTRUMENT).events == []


def test_preview_is_what_a_poke_does(bench: Bench):
    bench.poke()
    bench.show(price=PRICE * 92 // 100)
    assert bench.breaker.call("preview", INSTRUMENT) == 3
    assert bench.level == 0
    assert bench.poke() == 3


@pytest.mark.parametrize("fn", ["poke", "preview", "readings"])
def test_a_market_without_settings_has_no_breaker(bench: Bench, fn: str):
    with reverts("NotListed"):
        bench.breaker.call(fn, 65)


# Falling


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_a_level_falls_by_one_when_its_hold_is_over(bench: Bench, level: int):
    bench.reach(level)
    bench.rest()
    bench.pass_time(SETTINGS.hold(level) - 1)
    assert bench.poke() == level
    bench.pass_time(1)
    assert bench.poke() == level - 1


def test_the_way_down_takes_the_sum_of_the_holds(bench: Bench):
    start = bench.now
    bench.reach(4)
    bench.rest()
    steps = []
    while bench.level:
        bench.pass_time(1)
        if bench.breaker.call("preview", INSTRUMENT) != bench.level:
            steps.append((bench.now - start, bench.poke()))
    assert steps == [(360, 3), (1260, 2), (1860, 1), (2160, 0)]


def test_while_a_meter_is_above_the_hold_begins_again(bench: Bench):
    bench.reach(1)
    bench.pass_time(WINDOW - 1)
    assert bench.poke() == 1  # still read against the sample of before the fall
    bench.rest()
    bench.pass_time(SETTINGS.hold(1) - 1)
    assert bench.poke() == 1
    bench.pass_time(1)
    assert bench.poke() == 0


def test_a_lower_measure_does_not_keep_a_level(bench: Bench):
    """Its own meter must be above, or the level falls to what is measured."""
    bench.reach(3)
    bench.show(**shown("drawn", 250), price=PRICE)
    for _ in range(14):
        bench.pass_time(60)
        assert bench.poke() == 3
    bench.pass_time(60)
    assert bench.poke() == 2
    for _ in range(30):
        bench.pass_time(60)
        assert bench.poke() == 2


def test_an_escalation_begins_a_new_hold(bench: Bench):
    bench.reach(1)
    bench.pass_time(200)
    bench.show(price=PRICE * 95 // 100)
    assert bench.poke() == 2
    bench.rest()
    bench.pass_time(SETTINGS.hold(2) - 1)
    assert bench.poke() == 2


# Pokes too many and too few


def test_two_pokes_in_a_second_are_one(bench: Bench):
    bench.reach(3)
    bench.rest()
    bench.pass_time(SETTINGS.hold(3))
    assert bench.poke() == 2
    words = bench.breaker.call("state_word", INSTRUMENT)
    for _ in range(3):
        assert bench.poke() == 2
    assert bench.breaker.call("state_word", INSTRUMENT) == words


def test_poking_every_second_does_not_lengthen_a_level(bench: Bench):
    bench.reach(1)
    bench.rest()
    start = bench.now
    while bench.poke():
        bench.pass_time(1)
    assert bench.now - start == SETTINGS.hold(1)


def test_a_late_poke_reads_an_hours_move_as_a_twelfth(bench: Bench):
    bench.poke()
    bench.pass_time(3600)
    bench.show(price=PRICE * 75 // 100, liquidated=DEPTH * PRICE // 25)
    # 250 over 12 windows are at least 20 in one of them; 40, at three quarters of the price, 4
    assert bench.readings() == Readings(20, 0, 4, 0, 0)
    assert bench.poke() == 0


def test_a_late_poke_still_sees_a_crash_that_is_one_however_it_was_spread(bench: Bench):
    bench.poke()
    bench.pass_time(3600)
    bench.show(price=PRICE * 40 // 100)
    assert bench.readings().price == 50
    assert bench.poke() == 2


def test_a_late_poke_lets_one_level_fall_and_not_all(bench: Bench):
    bench.reach(3)
    bench.rest()
    bench.pass_time(86_400)
    assert [bench.poke(), bench.poke()] == [2, 2]


def test_what_comes_after_a_late_poke_is_read_against_it(bench: Bench):
    bench.poke()
    bench.pass_time(3600)
    bench.poke()
    bench.pass_time(2)
    bench.show(price=PRICE * 95 // 100)
    assert bench.poke() == 2


def test_the_sample_is_of_the_first_poke_of_a_window(bench: Bench):
    bench.poke()
    first = bench.breaker.call("sample_word", INSTRUMENT, (bench.now // WINDOW) % 2)
    bench.pass_time(WINDOW - 1)
    bench.show(skew=WAD)
    bench.poke()
    assert bench.breaker.call("sample_word", INSTRUMENT, (bench.now // WINDOW) % 2) == first
    bench.pass_time(1)
    bench.poke()
    assert bench.breaker.call("sample_word", INSTRUMENT, (bench.now // WINDOW + 1) % 2) == first
    assert bench.market.samples[(bench.now // WINDOW) % 2].skew == 10**6


def test_a_fall_in_steps_across_windows_is_read_whole_and_then_by_halves(bench: Bench):
    bench.poke()
    bench.pass_time(WINDOW - 10)
    bench.show(price=PRICE * 97 // 100)
    assert bench.readings().price == 30
    bench.poke()
    bench.pass_time(20)
    bench.show(price=PRICE * 94 // 100)
    assert bench.readings().price == 30  # 60 over two windows
    bench.poke()


def test_the_price_of_the_second_it_changes_in_is_the_earlier_one(bench: Bench):
    bench.poke()
    bench.show(price=PRICE * 9 // 10, price_age=None)
    assert bench.readings().price == 100  # `price` is what is in force, whichever field says so
    slot = bench.now // 4
    word = 1 | PRICE << 90 | slot << 180 | bench.now << 212
    bench.answer(bench.oracle, "latest_word(uint256)", word)
    assert bench.breaker.call("readings", INSTRUMENT)[0] == 0


def test_a_skew_that_shrinks_or_turns_is_no_growth(bench: Bench):
    bench.show(skew=100 * WAD)
    bench.poke()
    bench.show(skew=-100 * WAD)
    assert bench.readings().skew == 0
    bench.show(skew=-175 * WAD)
    assert bench.readings().skew == 15
    assert bench.poke() == 1
