"""A price in force that is too old halts the market; then traders have a grace to top up."""

from dataclasses import replace

from tests.harness.breaker import INSTRUMENT, PRICE, SETTINGS, Bench

OUTAGE, GRACE, LONGEST = SETTINGS.outage * 60, SETTINGS.grace * 60, SETTINGS.halt_seconds


def dead(bench: Bench, seconds: int) -> None:
    """The feed says nothing more; so many seconds later."""
    age = bench.seen.price_age or 0
    bench.chain.set_time(bench.now + seconds)
    bench.show(price_age=age + seconds)


def test_an_outage_begins_when_the_price_is_older_than_it_may_be(bench: Bench):
    bench.poke()
    dead(bench, OUTAGE)
    assert bench.poke() == 0
    dead(bench, 1)
    assert bench.poke() == 4


def test_it_lasts_as_long_as_the_feed_is_dead(bench: Bench):
    bench.poke()
    dead(bench, OUTAGE + 4)
    for _ in range(20):
        assert bench.poke() == 4
        dead(bench, LONGEST)


def test_after_it_the_market_waits_for_the_grace(bench: Bench):
    bench.poke()
    dead(bench, 3600)
    bench.poke()
    bench.show(price_age=0)
    assert bench.poke() == 4
    bench.pass_time(GRACE - 1)
    assert bench.poke() == 4
    bench.pass_time(1)
    assert bench.poke() == 3


def test_poking_through_the_grace_does_not_lengthen_it(bench: Bench):
    bench.poke()
    dead(bench, 3600)
    bench.poke()
    bench.show(price_age=0)
    start = bench.now
    while bench.poke() == 4:
        bench.pass_time(4)
    assert bench.now - start == GRACE


def test_in_the_second_in_which_the_price_returns_the_old_one_is_in_force(bench: Bench):
    bench.poke()
    dead(bench, 3600)
    bench.poke()
    bench.show(price_age=None)
    bench.poke()
    assert bench.market.state.outage == 1
    assert bench.market.state.grace_until == 0
    bench.pass_time(1)
    bench.poke()
    assert bench.market.state.grace_until == bench.now + GRACE


def test_the_grace_is_a_halt_like_any_other(bench: Bench):
    """A feed that comes and goes cannot halt a market for ever while it gives prices."""
    bench.poke()
    levels = []
    for _ in range(4):
        dead(bench, OUTAGE + 4)
        assert bench.poke() == 4
        bench.show(price_age=0)
        levels.append(bench.poke())
        bench.pass_time(GRACE - 40)
        bench.poke()
    # one halt begins at the first return; 504 s later comes the next, within it; then its rest
    assert levels == [4, 4, 3, 4]


def test_an_outage_nobody_poked_in_gives_no_grace(bench: Bench):
    bench.poke()
    dead(bench, 3600)
    bench.show(price_age=0)
    assert bench.poke() == 0


def test_an_outage_of_never_is_none(bench: Bench):
    bench.set_settings(replace(SETTINGS, outage=0))
    bench.poke()
    dead(bench, 86_400)
    assert bench.poke() == 0


def test_a_feed_without_any_price_is_silent_and_no_outage(bench: Bench):
    bench.answer(bench.oracle, "latest_word(uint256)", 0)
    assert bench.breaker.call("readings", INSTRUMENT)[4] == 1
    assert bench.breaker.call("preview", INSTRUMENT) == 0


def test_a_halt_that_an_outage_outlasts_ends_with_it(bench: Bench):
    bench.poke()
    bench.show(drawn=(90, 100))
    assert bench.poke() == 4
    dead(bench, LONGEST + 60)
    assert bench.poke() == 4
    bench.show(price_age=0)
    # the rest of the halt before it is not over
    assert bench.poke() == 3


def test_the_fall_of_an_outage_is_measured_when_it_ends(bench: Bench):
    bench.poke()
    dead(bench, OUTAGE)
    bench.show(price=PRICE * 9 // 10, price_age=0)
    assert bench.readings().price == 100
    assert bench.poke() == 3
