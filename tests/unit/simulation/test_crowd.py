from decimal import Decimal

import pytest

from tidegate.simulation.crowd import (
    LARGEST_DEPOSIT,
    LEVERAGES,
    SMALLEST_DEPOSIT,
    SOONEST,
    Alarm,
    Habit,
    Member,
    gather,
)

MARKETS = ("BTC-PERP", "ETH-PERP")


@pytest.fixture(scope="module")
def crowd():
    return gather(3, 600, MARKETS)


def test_same_seed_same_people(crowd):
    assert crowd == gather(3, 600, MARKETS)
    assert crowd != gather(4, 600, MARKETS)


def test_a_third_holds_both_markets_and_half_of_those_is_hedged(crowd):
    cross = [member for member in crowd if len(member.leverages) == 2]
    assert len(cross) == 200
    hedged = [one for one in cross if one.leverages[MARKETS[0]] == -one.leverages[MARKETS[1]]]
    assert len(hedged) == 100


def test_leverage_deposits_and_delays_are_within_what_is_named(crowd):
    levels = {level for level, _ in LEVERAGES}
    for member in crowd:
        assert sum(map(abs, member.leverages.values())) in levels
        assert SMALLEST_DEPOSIT <= member.deposit <= LARGEST_DEPOSIT
        assert member.delay >= SOONEST
    longs = sum(member.leverages.get(MARKETS[0], 0) > 0 for member in crowd)
    assert longs > 0.5 * sum(MARKETS[0] in member.leverages for member in crowd)


def person(number, habit, delay=100):
    return Member(number, Decimal(1000), {MARKETS[0]: Decimal(5)}, habit, delay)


def test_a_warned_trader_acts_once_when_the_delay_is_over():
    alarm = Alarm.of([person(0, Habit.TOP_UP), person(1, Habit.CLOSE, 50)])
    alarm.warn([0, 1], 1000)
    alarm.warn([0, 1], 1040)  # the first warning counts
    assert alarm.due(1049) == []
    assert [one.number for one in alarm.due(1050)] == [1]
    assert [one.number for one in alarm.due(1100)] == [0]
    assert alarm.due(9999) == []


def test_who_does_nothing_is_not_waited_for():
    alarm = Alarm.of([person(0, Habit.NOTHING)])
    alarm.warn([0], 0)
    assert alarm.warned_at == {}
    assert alarm.due(10**9) == []
