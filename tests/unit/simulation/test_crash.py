"""A small crash on the deployed bytecode, from bars made here: nothing recorded is needed."""

from dataclasses import replace

import pytest

from tidegate.simulation import crowd
from tidegate.simulation.compare import (
    ALL,
    AUCTION,
    BRAKED,
    BTC,
    BUCKET,
    CROWDING,
    ETH,
    GENERATED,
    NONE,
    SPEEDS,
    THEORY,
    Setting,
    Task,
    in_process,
    path_of,
    same,
)
from tidegate.simulation.crash_exchange import Terms

SMALL = replace(GENERATED, bars=120)
ACCOUNTS = 90


def play(setting: Setting, seed: int = 1):
    return in_process(Task(SMALL, setting, seed, ACCOUNTS))


@pytest.fixture(scope="module")
def plain():
    return play(NONE)


def test_a_crash_liquidates_and_sells_the_price_below_the_recorded_low(plain):
    assert 5 < plain.liquidated < ACCOUNTS
    assert plain.slices >= plain.liquidated
    assert plain.extra_low[BTC] < 0
    assert plain.extra_low[ETH] < 0
    assert 0 < plain.liquidated_notional < 1
    assert plain.cost > 0
    assert plain.minutes > 0


def test_every_law_of_the_ledger_holds_at_the_end(plain):
    assert plain.broken == []


def test_the_same_seed_comes_to_the_same_to_the_last_digit(plain):
    assert same(plain, play(NONE))
    assert not same(plain, play(NONE, seed=2))


def test_who_reacts_within_a_minute_is_there_in_time(plain, monkeypatch):
    """The generated crash lasts four minutes: the usual quarter of an hour is too late."""
    monkeypatch.setattr(crowd, "REACTION", 20)
    monkeypatch.setattr(crowd, "SOONEST", 15)
    monkeypatch.setattr(crowd, "HABITS", ((crowd.Habit.TOP_UP, 50), (crowd.Habit.HALVE, 50)))
    quick = play(NONE)
    assert quick.topped_up + quick.reduced > plain.topped_up + plain.reduced
    assert quick.topped_up > 0
    assert quick.reduced > 0
    assert quick.broken == []


def test_crowding_margin_lets_fewer_open_what_they_want(plain):
    # a fifth of the usual crowd fills a fifth of the caps
    crowded = play(replace(CROWDING, terms=Terms(crowding="0.2")))
    assert crowded.shrunk > plain.shrunk
    assert crowded.broken == []


def test_a_narrow_bucket_makes_liquidation_wait(plain):
    slowed = play(replace(BUCKET, terms=Terms(bucket="0.0005", bucket_window=600)))
    assert slowed.refused["BucketEmpty"] > 0
    assert slowed.liquidated_notional < plain.liquidated_notional
    assert (slowed.auctions, slowed.bids) == (0, 0)
    assert slowed.broken == []


def test_bidders_take_what_the_bucket_leaves_and_sell_it_outside():
    setting = replace(AUCTION, terms=Terms(bucket="0.0005", bucket_window=600))
    sold = play(setting)
    assert sold.auctions > 0
    assert sold.bids > 0
    assert sold.bidders != 0
    assert sold.broken == []
    assert same(sold, play(setting))


def test_the_breaker_stops_slices_while_prices_run(plain):
    braked = play(BRAKED)
    assert max(map(int, braked.levels)) >= 3
    assert braked.refused["Paused"] > 0
    assert braked.liquidated_notional < plain.liquidated_notional
    assert braked.broken == []
    # without settings it measures nothing
    assert plain.levels == {}


def test_with_everything_on_the_laws_hold_and_the_run_repeats():
    everything = play(ALL)
    assert everything.auctions > 0
    assert everything.levels
    assert everything.broken == []
    assert same(everything, play(ALL))


def test_a_deficit_is_borne_by_the_layers_in_their_order():
    """Keepers who look every quarter of an hour let a crash of four minutes go through accounts."""
    slow = play(SPEEDS[-1])
    assert slow.deficit > 0
    assert sum(slow.borne.values()) == pytest.approx(slow.deficit)
    assert slow.borne["insurance"] > 0
    assert slow.borne["fund"] > 0
    assert slow.broken == []


def test_what_is_sold_outside_stays_sold(plain):
    """The permanent part is left at the end; more was sold than bought back."""
    assert 0.9 < plain.ends[BTC] < 1


def test_with_permanent_impact_order_decides_nothing_and_speed_little():
    """Slices are parts that restore a buffer: sold early they sell less, so speed is not nothing.

    That whole liquidations end the same at any speed is in test_cascade.py.
    """
    at_once, shuffled, slow = (play(setting) for setting in THEORY)
    for market in (BTC, ETH):
        assert shuffled.ends[market] == pytest.approx(at_once.ends[market], abs=1e-3)
        assert abs(slow.ends[market] - at_once.ends[market]) < (1 - at_once.ends[market]) / 4
        # the shock stays, nothing recovers: the end is the low
        low = path_of(Task(SMALL, THEORY[0], 1, ACCOUNTS)).low(market)
        assert low > 0
        assert at_once.extra_low[market] == pytest.approx(at_once.ends[market] - 1, abs=2e-3)
