"""What a keeper does about auctions, without a chain."""

from dataclasses import replace

from tidegate.keepers.actions import Bid, Deleverage, EndAuction, OpenAuction, TakeOver
from tidegate.keepers.auctions import Bidder, Lot, Venue, decide
from tidegate.spec.rounding import WAD

BTC, BTC_DATED, ETH = 64, 65, 128
T2 = 300
VENUE = Venue(now=10_000, t2=T2, minimum=100 * WAD)
SHORT = Lot(
    account=1, equity=900 * WAD, maintenance=1_000 * WAD, buffer=200_000,
    positions={BTC: 20_000 * WAD, ETH: -10_000 * WAD},
)  # fmt: skip
RUNNING = replace(SHORT, opened=9_900, discount=5_000, needed=500_000)
BIDDER = Bidder(
    account=9, free=10_000 * WAD,
    margin={BTC: 50_000, ETH: 50_000},
    limits={BTC: 50_000 * WAD, ETH: 50_000 * WAD},
    wants={BTC: 3_000, ETH: 6_000},
)  # fmt: skip


def test_while_slices_help_nothing_is_opened():
    assert decide([SHORT], VENUE) == []


def test_an_empty_bucket_or_no_equity_opens_one():
    empty = replace(VENUE, empty=frozenset({BTC}))
    assert decide([SHORT], empty) == [OpenAuction(1, BTC)]
    assert decide([SHORT], replace(VENUE, empty=frozenset({ETH}))) == []
    assert decide([replace(SHORT, equity=-1)], VENUE) == [OpenAuction(1, BTC)]


def test_a_hedge_opens_one():
    hedged = replace(SHORT, positions={BTC: 20_000 * WAD, BTC_DATED: -20_000 * WAD})
    assert decide([hedged], VENUE) == [OpenAuction(1, BTC_DATED)]


def test_one_that_lived_its_time_is_opened_again():
    old = replace(RUNNING, equity=-1, opened=10_000 - 4 * T2 - 1)
    assert decide([old], VENUE, BIDDER) == [OpenAuction(1, BTC)]


def test_it_bids_once_the_discount_is_what_it_wants():
    # two thirds at 3,000 and a third at 6,000
    assert BIDDER.wanted(RUNNING) == 4_000
    assert decide([replace(RUNNING, discount=3_999)], VENUE, BIDDER) == []
    assert decide([replace(RUNNING, discount=4_000)], VENUE, BIDDER) == [
        Bid(1, 9, 15_000 * WAD, 4_000, 10_060)
    ]


def test_its_limits_bound_every_leg_alike():
    # 2,000 of ETH short are left: a fifth of the leg, so a fifth of all
    full = replace(BIDDER, held={ETH: -48_000 * WAD})
    assert full.most(RUNNING) == 6_000 * WAD
    # what makes its book smaller has room on both sides of nothing
    assert replace(BIDDER, held={ETH: 48_000 * WAD}).most(RUNNING) == 30_000 * WAD
    assert replace(BIDDER, limits={BTC: 50_000 * WAD}).most(RUNNING) == 0


def test_its_margin_bounds_the_sum():
    assert replace(BIDDER, free=150 * WAD).most(RUNNING) == 3_000 * WAD
    assert replace(BIDDER, free=-1).most(RUNNING) == 0


def test_what_it_took_counts_for_the_next():
    poor = replace(BIDDER, free=1_000 * WAD)
    other = replace(RUNNING, account=2)
    first, second = decide([other, RUNNING], VENUE, poor)
    assert (first.account, first.most) == (1, 15_000 * WAD)
    assert (second.account, second.most) == (2, 5_000 * WAD)


def test_too_little_is_no_bid():
    poor = replace(BIDDER, free=4 * WAD)
    assert decide([RUNNING], VENUE, poor) == []


def test_what_nobody_cleared_goes_to_the_vault_or_the_other_side():
    failed = replace(RUNNING, opened=10_000 - T2)
    assert decide([failed], VENUE) == [TakeOver(1, BTC)]
    assert decide([failed], replace(VENUE, full=frozenset({BTC}))) == [Deleverage(1, BTC)]
    assert decide([replace(failed, opened=10_000 - T2 + 1)], VENUE) == []


def test_a_bid_comes_before_the_vault():
    failed = replace(RUNNING, opened=10_000 - T2)
    [action] = decide([failed], VENUE, BIDDER)
    assert isinstance(action, Bid)


def test_one_that_is_healthy_again_is_ended():
    healthy = replace(RUNNING, equity=1_200 * WAD)
    assert decide([healthy], VENUE, BIDDER) == [EndAuction(1)]
    assert decide([replace(healthy, equity=1_200 * WAD - 1)], VENUE, BIDDER) == []
    assert decide([replace(healthy, opened=0)], VENUE, BIDDER) == []


def test_the_largest_comes_first():
    small = replace(RUNNING, account=0, positions={BTC: 1_000 * WAD})
    rich = replace(BIDDER, free=10**9 * WAD, limits=dict.fromkeys((BTC, ETH), 10**9 * WAD))
    assert [action.account for action in decide([small, RUNNING], VENUE, rich)] == [1, 0]
