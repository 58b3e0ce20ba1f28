"""The price in force from an aggregator's rounds; what else may stand there: _hostile.py."""

import pytest

from tests.harness.reverts import reverts
from tests.unit.pricing.chainlink_feed.conftest import GRACE, HEARTBEAT
from tidegate.spec.rounding import WAD

UNTIL = 86_400


def test_moves_the_price_in_force_and_prices_no_slot(chainlink):
    feed = chainlink.feed
    slot, updated = feed.slot, feed.now
    chainlink.chain.advance(2)
    assert chainlink.adapter.call("answer") == (100 * WAD, updated)
    receipt = chainlink.post()
    event = receipt.one("Observed").args
    assert (event.feed, event.slot, event.price, event.updated) == (1, slot, 100 * WAD, updated)
    assert receipt.named("Posted") == []
    assert feed.latest() == (0, False)
    chainlink.chain.advance(1)
    assert feed.latest() == (100 * WAD, True)
    assert feed.marks() == (100 * WAD, True, 100 * WAD)
    assert feed.words()[1] == [0] * 128
    assert feed.marks(slot) == (0, True, 100 * WAD)
    assert feed.slot_price(slot) == (0, 0)


def test_is_fresh_for_max_age_after_the_slot_in_which_it_was_read(chainlink):
    feed = chainlink.feed
    chainlink.chain.advance(HEARTBEAT)
    opened = feed.slot * 4
    chainlink.post()
    chainlink.chain.set_time(opened + 60)
    assert feed.latest() == (100 * WAD, True)
    chainlink.chain.advance(1)
    assert feed.latest() == (100 * WAD, False)


def test_the_first_of_a_slot_counts(chainlink):
    chainlink.post()
    before = chainlink.feed.words()
    chainlink.chain.advance(3)
    chainlink.answer(101)
    assert chainlink.post().events == []
    assert chainlink.feed.words() == before
    chainlink.chain.advance(1)
    chainlink.post()
    chainlink.chain.advance(1)
    assert chainlink.feed.latest() == (101 * WAD, True)


def test_every_second_has_one_price(chainlink):
    price = 100
    chainlink.post()
    for read in range(12):
        chainlink.chain.advance((1, 4, 7)[read % 3])
        before = chainlink.feed.latest()
        price += (1, -1, 1, -1)[read % 4]
        chainlink.answer(price)
        chainlink.post()
        assert chainlink.feed.latest() == before


def test_the_deviation_guard_holds(chainlink):
    chainlink.post()
    chainlink.feed.next_slot()
    chainlink.answer(102)
    before = chainlink.feed.words()
    with reverts("BadPrice"):
        chainlink.post()
    assert chainlink.feed.words() == before
    chainlink.feed.next_slot()
    chainlink.post()
    chainlink.chain.advance(1)
    assert chainlink.feed.latest() == (102 * WAD, True)


def test_reads_until_the_heartbeat(chainlink, declines):
    chainlink.chain.advance(HEARTBEAT)
    chainlink.post()
    chainlink.chain.advance(1)
    declines("StalePrice")
    chainlink.answer(100)
    chainlink.feed.next_slot()
    assert len(chainlink.post().named("Observed")) == 1


def set_round(chainlink, answer=10**10, started=0, updated=0, behind=0):
    """Times relative to now."""
    now = chainlink.now
    chainlink.aggregator.transact("set_round", answer, now + started, now + updated, behind)


@pytest.mark.parametrize(
    "answer", [0, -1, -(10**10), -(2**255), 2**255 - 1, 2**90, 1_237_940_039 * 10**9]
)
def test_refuses_what_is_no_price(chainlink, declines, answer):
    set_round(chainlink, answer)
    declines("BadPrice")


def test_refuses_an_answer_from_the_future(chainlink, declines):
    set_round(chainlink, updated=1)
    declines("BadTime")


def test_refuses_a_round_without_an_answer_yet(chainlink, declines):
    set_round(chainlink, answer=10**10, updated=-chainlink.now)
    declines("FeedFailed")


@pytest.mark.parametrize("behind", [1, 5])
def test_refuses_an_answer_carried_over(chainlink, declines, behind):
    set_round(chainlink, behind=behind)
    declines("StalePrice")


def test_another_aggregator_behind_the_proxy(chainlink, declines):
    """Without a round it reverts; its rounds begin at 1 of a later phase."""
    chainlink.aggregator.transact("begin_phase")
    declines("FeedFailed")
    chainlink.answer(101)
    assert chainlink.adapter.call("answer")[0] == 101 * WAD
    assert chainlink.aggregator.call("latestRoundData")[0] == 2 << 64 | 1


def test_reads_nothing_while_the_sequencer_is_down(chainlink, declines):
    chainlink.uptime.transact("report_status", True)
    for passed in (0, GRACE + 1, UNTIL):
        chainlink.chain.advance(passed)
        chainlink.answer(100)
        declines("SequencerDown")


def test_reads_nothing_within_the_grace_period(chainlink, declines):
    """Down, up, grace, over: the last price stays, stale, until then."""
    feed = chainlink.feed
    chainlink.post()
    chainlink.uptime.transact("report_status", True)
    chainlink.chain.advance(900)
    chainlink.uptime.transact("report_status", False)
    up = chainlink.now
    chainlink.answer(90)
    for passed in (0, 1, 60, GRACE):
        chainlink.chain.set_time(up + passed)
        declines("SequencerDown")
        assert feed.latest() == (100 * WAD, False)
    chainlink.chain.set_time(up + GRACE + 1)
    chainlink.post()
    chainlink.chain.advance(1)
    assert feed.latest() == (90 * WAD, True)


def test_a_status_reported_again_begins_no_grace_anew(chainlink):
    chainlink.uptime.transact("report_status", False)
    chainlink.post()
    chainlink.chain.advance(1)
    assert chainlink.feed.latest() == (100 * WAD, True)


@pytest.mark.parametrize(("answer", "started"), [(0, None), (2, -UNTIL), (-1, -UNTIL), (0, 1)])
def test_an_uptime_feed_that_says_nothing_clear_means_down(chainlink, declines, answer, started):
    """Never started, an answer that is neither up nor down, up since later than now."""
    now = chainlink.now
    started = 0 if started is None else now + started
    chainlink.uptime.transact("set_round", answer, started, now, 0)
    declines("SequencerDown")


def test_only_the_feeds_source_may_observe(chainlink):
    feed = chainlink.feed
    feed.oracle.transact("set_source", 1, chainlink.aggregator.address, True, sender=feed.owner)
    with reverts("WrongSource"):
        chainlink.post()
