"""Time, storage and the price in force; signatures and deviation guard have their own files."""

import pytest

from tidegate.spec.rounding import WAD

PRICE = 100 * WAD
MAX_PRICE = 2**90 - 1
MAX_AGE = 60


def test_stores_the_slot_and_moves_the_price_in_force(feed):
    feed.chain.advance(2)
    slot = feed.slot
    published = feed.now - 1
    event = feed.push(PRICE, slot, published).one("Posted").args
    assert (event.feed, event.slot, event.price) == (1, slot, PRICE)
    assert (event.published, event.moved) == (published, True)
    assert feed.slot_price(slot) == (PRICE, 0)
    assert feed.oracle.call("slot_word", 1, slot) == PRICE | slot << 90 | published << 122
    assert feed.oracle.call("latest_word", 1) == PRICE | slot << 180 | feed.now << 212


def test_counts_from_the_next_second(priced):
    priced.push(101 * WAD)
    assert priced.latest() == (PRICE, True)
    priced.chain.advance(1)
    assert priced.latest() == (101 * WAD, True)


def test_two_pushes_in_one_second_leave_the_price_in_force(priced):
    first = priced.slot - 1
    priced.chain.set_time((first + 3) * 4)
    priced.push(101 * WAD, first + 1)
    priced.push(102 * WAD, first + 2)
    assert priced.latest() == (PRICE, True)
    assert priced.oracle.call("latest_word", 1) >> 90 & MAX_PRICE == PRICE
    priced.chain.advance(1)
    assert priced.latest() == (102 * WAD, True)


def test_a_push_does_not_make_a_stale_price_look_fresh(priced):
    priced.next_slot(20)
    assert priced.latest() == (PRICE, False)
    priced.push(110 * WAD)
    priced.push(110 * WAD, priced.slot - 1)
    assert priced.latest() == (PRICE, False)
    priced.chain.advance(1)
    assert priced.latest() == (110 * WAD, True)


def test_the_first_price_is_in_force_a_second_later(feed):
    feed.push(PRICE)
    assert feed.latest() == (0, False)
    feed.chain.advance(1)
    assert feed.latest() == (PRICE, True)


def test_posted_late_it_is_stored_and_moves_nothing(priced):
    late = priced.slot
    priced.next_slot()
    priced.push(101 * WAD)
    priced.chain.advance(1)
    before = priced.oracle.call("latest_word", 1)
    event = priced.push(PRICE + 1, late).one("Posted").args
    assert not event.moved
    assert priced.slot_price(late) == (PRICE + 1, 1250)  # the volatility after the newest post
    assert priced.oracle.call("latest_word", 1) == before
    assert priced.latest() == (101 * WAD, True)


def test_a_stale_message_is_stored_and_moves_nothing(priced):
    slot = priced.slot
    priced.chain.set_time(slot * 4 + MAX_AGE + 1)
    assert not priced.push(100 * WAD, slot).one("Posted").args.moved
    assert priced.slot_price(slot) == (PRICE, 0)
    assert priced.oracle.call("latest_word", 1) >> 180 & (2**32 - 1) == slot - 1


def test_a_message_of_max_age_moves(priced):
    slot = priced.slot
    priced.chain.set_time(slot * 4 + MAX_AGE)
    assert priced.push(100 * WAD, slot).one("Posted").args.moved
    assert priced.oracle.call("latest_word", 1) >> 212 & (2**32 - 1) == priced.now


def test_a_stored_slot_never_changes(priced):
    slot = priced.slot
    priced.push(101 * WAD)
    priced.chain.advance(1)
    before = priced.words()
    # another price with a true quorum, the same again, and one without signatures: all no-ops
    for message, signatures in (
        (priced.message(99 * WAD, slot), None),
        (priced.message(101 * WAD, slot), None),
        (priced.message(0, slot), []),
    ):
        assert priced.send(message, signatures).events == []
    assert priced.words() == before


def test_a_silent_slot_is_priced_by_the_first_later_publication(priced):
    silent = priced.slot
    priced.next_slot(3)
    priced.push(101 * WAD, silent, priced.now)
    assert priced.slot_price(silent) == (101 * WAD, 1250)


@pytest.mark.parametrize(("delay", "error"), [(MAX_AGE, None), (MAX_AGE + 1, "BadTime")])
def test_the_later_publication_is_at_most_max_age_late(priced, refuses, delay, error):
    silent = priced.slot
    priced.chain.set_time(silent * 4 + MAX_AGE + 8)
    if error:
        refuses(error, priced.push, PRICE, silent, silent * 4 + delay)
    else:
        priced.push(PRICE, silent, silent * 4 + delay)
        assert priced.slot_price(silent)[0] == PRICE


def test_refuses_a_publication_before_its_slot(priced, refuses):
    refuses("BadTime", priced.push, PRICE, priced.slot, priced.now - 1)


def test_refuses_the_future(priced, refuses):
    refuses("BadTime", priced.push, PRICE, priced.slot, priced.now + 1)
    refuses("BadTime", priced.push, PRICE, priced.slot + 1, priced.now + 4)
    refuses("BadTime", priced.push, PRICE, 2**256 - 1, priced.now)


@pytest.mark.parametrize("price", [0, MAX_PRICE + 1, 2**256 - 1])
def test_refuses_a_price_outside_its_bounds(feed, refuses, price):
    refuses("BadPrice", feed.push, price)


@pytest.mark.parametrize("price", [1, MAX_PRICE])
def test_takes_a_price_at_its_bounds(feed, price):
    feed.push(price)
    feed.next_slot()
    assert feed.latest() == (price, True)


def test_refuses_a_feed_that_is_not_listed(feed, refuses):
    feed.feed = 2
    refuses("NotListed", feed.push)


def test_the_ring_holds_128_slots(feed, refuses):
    feed.oracle.transact("set_feed", 1, 1023, 204_700, sender=feed.owner)
    first = feed.slot
    feed.push(PRICE)
    feed.next_slot(127)
    feed.push(101 * WAD)
    assert feed.slot_price(first) == (PRICE, 0)
    feed.push(102 * WAD, first + 1)
    feed.next_slot()
    # a turn of the ring later the first slot's place is the newest slot's
    assert feed.slot_price(first) == (PRICE, 0)
    feed.push(103 * WAD)
    assert feed.slot_price(first) == (0, 0)
    assert feed.slot_price(first + 128)[0] == 103 * WAD
    assert feed.slot_price(first + 1)[0] == 102 * WAD
    refuses("SlotGone", feed.push, PRICE, first)


def test_refuses_a_slot_a_turn_of_the_ring_ago_even_into_an_empty_place(priced, refuses):
    gone = priced.slot
    priced.next_slot(128)
    refuses("SlotGone", priced.push, PRICE, gone)
    priced.push(PRICE, gone + 1)
    assert priced.slot_price(gone + 1)[0] == PRICE


def test_feeds_do_not_touch_each_other(priced):
    before = priced.words()
    priced.oracle.transact("set_feed", 2, 60, 10_000, sender=priced.owner)
    priced.feed = 2
    priced.push(3 * WAD)
    priced.feed = 1
    assert priced.words() == before
    assert priced.oracle.call("slot_price", 2, priced.slot) == (3 * WAD, 0)
