import pytest

from tests.harness.breaker import INSTRUMENT, SETTINGS, Bench
from tests.harness.reverts import reverts

WEEK = 7 * 86_400
LONGEST = SETTINGS.halt_seconds


@pytest.mark.parametrize("level", [1, 2, 3])
def test_the_guardian_holds_a_market_at_a_level_for_a_time(bench: Bench, level: int):
    bench.poke()
    assert bench.escalate(level, WEEK) == level
    bench.pass_time(WEEK - 1)
    assert bench.poke() == level
    bench.pass_time(1)
    assert bench.poke() == level - 1


def test_it_is_said(bench: Bench):
    receipt = bench.breaker.transact("escalate", INSTRUMENT, 2, 100, sender=bench.guardian)
    said = receipt.one("Escalated")
    assert said.args._asdict() == {
        "instrument": INSTRUMENT,
        "level": 2,
        "until": bench.now + 100,
        "next": bench.now + 200,
    }


def test_only_the_guardian(bench: Bench):
    with reverts("NotOwner"):
        bench.escalate(1, 60, sender=bench.owner)


@pytest.mark.parametrize(
    ("level", "duration"),
    [(0, 60), (5, 60), (1, 0), (3, WEEK + 1), (4, 0), (4, LONGEST + 1), (2**255, 60)],
)
def test_bounds(bench: Bench, level: int, duration: int):
    with reverts("OutOfBounds"):
        bench.escalate(level, duration)


def test_a_market_without_settings(bench: Bench):
    with reverts("NotListed"):
        bench.breaker.transact("escalate", 65, 1, 60, sender=bench.guardian)


def test_the_next_comes_after_as_long_without(bench: Bench):
    bench.escalate(1, 1000)
    bench.pass_time(1999)
    with reverts("TooSoon"):
        bench.escalate(1, 1)
    bench.pass_time(1)
    bench.escalate(1, 1)


def test_never_lowers_a_level(bench: Bench):
    bench.reach(3)
    assert bench.escalate(1, 60) == 3
    bench.rest()
    bench.pass_time(SETTINGS.hold(3))
    assert bench.poke() == 2


def test_does_not_restart_a_hold(bench: Bench):
    bench.reach(2)
    bench.rest()
    bench.pass_time(SETTINGS.hold(2) - 1)
    assert bench.escalate(2, 1) == 2
    bench.pass_time(1)
    assert bench.poke() == 1


def test_a_guarded_halt_lasts_its_duration(bench: Bench):
    bench.poke()
    assert bench.escalate(4, LONGEST) == 4
    bench.pass_time(LONGEST - 1)
    assert bench.poke() == 4
    bench.pass_time(1)
    assert bench.poke() == 3


def test_a_guarded_halt_has_no_more_time_than_any(bench: Bench):
    bench.poke()
    bench.show(drawn=(90, 100))
    bench.poke()
    bench.pass_time(LONGEST - 60)
    assert bench.escalate(4, LONGEST) == 4
    bench.pass_time(60)
    assert bench.poke() == 3


def test_no_halt_while_the_last_one_rests(bench: Bench):
    bench.poke()
    bench.show(drawn=(90, 100))
    bench.poke()
    bench.pass_time(LONGEST)
    bench.poke()
    with reverts("TooSoon"):
        bench.escalate(4, 60)
    assert bench.escalate(3, 60) == 3
    bench.pass_time(LONGEST)
    bench.escalate(4, 60)


def test_a_halt_after_one_that_nobody_ended(bench: Bench):
    bench.poke()
    bench.show(drawn=(90, 100))
    bench.poke()
    bench.pass_time(10 * LONGEST)
    with reverts("TooSoon"):
        bench.escalate(4, 60)


def test_a_level_fallen_into_has_its_whole_hold(bench: Bench):
    bench.reach(2)
    bench.rest()
    bench.pass_time(300)
    assert bench.escalate(3, 60) == 3
    bench.pass_time(60)
    assert bench.poke() == 2
    # fallen into now: the whole hold again, which the guardian cannot do twice in a row
    bench.pass_time(SETTINGS.hold(2) - 1)
    assert bench.poke() == 2
    bench.pass_time(1)
    assert bench.poke() == 1
