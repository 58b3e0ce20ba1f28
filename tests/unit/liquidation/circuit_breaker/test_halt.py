"""HALTED ends, whatever is measured, and then stays away for as long."""

import pytest

from tests.harness.breaker import INSTRUMENT, PRICE, SETTINGS, Bench
from tests.harness.reverts import reverts

LONGEST = SETTINGS.halt_seconds
DRAWN = (90, 100)  # over the last threshold of all


def halted(bench: Bench) -> None:
    bench.poke()
    bench.show(drawn=DRAWN)
    assert bench.poke() == 4


def test_it_ends_although_a_meter_is_above(bench: Bench):
    halted(bench)
    bench.pass_time(LONGEST - 1)
    assert bench.poke() == 4
    bench.pass_time(1)
    assert not bench.breaker.call("may_halt", INSTRUMENT)
    assert bench.poke() == 3


def test_it_returns_after_as_long_and_not_before(bench: Bench):
    halted(bench)
    bench.pass_time(LONGEST)
    assert bench.poke() == 3
    bench.pass_time(LONGEST - 1)
    assert bench.poke() == 3
    bench.pass_time(1)
    assert bench.breaker.call("may_halt", INSTRUMENT)
    assert bench.poke() == 4


def test_a_halt_nobody_ended_is_no_rest(bench: Bench):
    halted(bench)
    bench.pass_time(5 * LONGEST)
    assert bench.poke() == 3
    bench.pass_time(LONGEST - 1)
    assert bench.poke() == 3
    bench.pass_time(1)
    assert bench.poke() == 4


def test_within_its_time_it_may_come_and_go(bench: Bench):
    halted(bench)
    bench.show(drawn=(0, 100))
    bench.pass_time(SETTINGS.hold(4))
    assert bench.poke() == 3
    bench.pass_time(60)
    bench.show(drawn=DRAWN)
    assert bench.poke() == 4
    # the end is that of the first of the two
    bench.pass_time(LONGEST - SETTINGS.hold(4) - 61)
    assert bench.poke() == 4
    bench.pass_time(1)
    assert bench.poke() == 3


def test_half_the_time_at_most(bench: Bench):
    """Everything above, a poke every 20 s for ten hours."""
    bench.poke()
    bench.show(drawn=DRAWN, liquidated=10**30)
    start, steps = bench.now, 1800
    spent = sum(bench.poke() == 4 for _ in range(steps) if bench.pass_time(20) is None)
    assert bench.now - start == 36_000
    assert spent == steps // 2


def test_the_rest_holds_the_lower_level_while_it_is_measured(bench: Bench):
    halted(bench)
    bench.pass_time(LONGEST)
    assert bench.poke() == 3
    bench.show(drawn=(0, 100))
    bench.pass_time(SETTINGS.hold(3) - 1)
    assert bench.poke() == 3
    bench.pass_time(1)
    assert bench.poke() == 2


def test_a_breaker_that_finds_a_market_halted_ends_it(bench: Bench):
    """The state word of a new breaker is empty: no halt of its own began."""
    bench.core.transact("set_brake", INSTRUMENT, 4)
    bench.market = type(bench.market)(bench.settings, 4)
    bench.show(price=PRICE // 2)
    assert bench.poke() == 3


OTHER = 128


@pytest.fixture
def two(bench: Bench) -> Bench:
    """A second market beside the first."""
    bench.core.transact("set_market", OTHER, bench.core.call("risk_word", INSTRUMENT), 0)
    bench.breaker.transact("set_settings", OTHER, SETTINGS.pack(), sender=bench.owner)
    return bench


def poke(bench: Bench, instrument: int) -> int:
    return bench.breaker.transact("poke", instrument).returned


def test_a_market_that_joins_a_halt_ends_with_it(two: Bench):
    """Or an account of two markets would wait for one after the other."""
    two.escalate(4, LONGEST)
    two.pass_time(LONGEST - 1)
    two.show(drawn=DRAWN)
    assert poke(two, OTHER) == 4
    two.pass_time(1)
    assert [poke(two, OTHER), poke(two, INSTRUMENT)] == [3, 3]


def test_no_market_halts_while_the_halt_of_another_rests(two: Bench):
    two.escalate(4, LONGEST)
    two.pass_time(LONGEST)
    assert poke(two, INSTRUMENT) == 3
    two.show(drawn=DRAWN)
    assert poke(two, OTHER) == 3
    with reverts("TooSoon"):
        two.breaker.transact("escalate", OTHER, 4, 60, sender=two.guardian)
    two.pass_time(LONGEST - 1)
    assert poke(two, OTHER) == 3
    two.pass_time(1)
    assert poke(two, OTHER) == 4


def test_a_halt_ended_late_rests_for_all(two: Bench):
    two.escalate(4, LONGEST)
    two.pass_time(3 * LONGEST)
    two.show(drawn=DRAWN)
    assert [poke(two, INSTRUMENT), poke(two, OTHER)] == [3, 3]
