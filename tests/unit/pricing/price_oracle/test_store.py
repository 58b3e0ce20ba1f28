"""Slots by an adapter; that time, ring and guard are those of `push` is in test_twin.py."""

import pytest

from tests.harness.relay import Relay
from tidegate.spec.rounding import WAD

PRICE = 100 * WAD


@pytest.fixture
def adapter(feed, relay) -> Relay:
    feed.oracle.transact("set_source", 1, relay.address, False, sender=feed.owner)
    return relay


def store(feed, sender, price=PRICE, slot=None, published=None):
    slot = feed.slot if slot is None else slot
    published = slot * 4 if published is None else published
    arguments = ("store", feed.feed, slot, price, published)
    if isinstance(sender, Relay):
        return sender.transact(feed.oracle, *arguments)
    return feed.oracle.transact(*arguments, sender=sender)


def test_stores_as_push_does(feed, adapter):
    feed.chain.advance(2)
    slot, published = feed.slot, feed.now - 1
    event = store(feed, adapter, published=published).one("Posted").args
    assert (event.feed, event.slot, event.price) == (1, slot, PRICE)
    assert (event.published, event.moved) == (published, True)
    assert feed.oracle.call("slot_word", 1, slot) == PRICE | slot << 90 | published << 122
    assert feed.oracle.call("latest_word", 1) == PRICE | slot << 180 | feed.now << 212


def test_the_word_in_force_stays_the_only_one_that_readers_read(feed, adapter):
    """Whatever the source's word says, latest and mark of a moving feed are right."""
    store(feed, adapter)
    feed.next_slot()
    store(feed, adapter, 101 * WAD)
    assert feed.latest() == (PRICE, True)
    feed.chain.advance(1)
    assert feed.latest() == (101 * WAD, True)
    assert feed.marks() == (101 * WAD, True, 101 * WAD)
    assert feed.oracle.call("volatility", 1) == 1250
    assert feed.oracle.call("feed_word", 1) == 60 | 10_000 << 32


def test_a_stored_slot_never_changes(feed, adapter):
    store(feed, adapter)
    before = feed.words()
    assert store(feed, adapter, 99 * WAD).events == []
    assert feed.words() == before


def test_a_slot_of_the_signers_stays_when_the_source_changes(feed, relay):
    feed.push()
    before = feed.words()
    feed.oracle.transact("set_source", 1, relay.address, False, sender=feed.owner)
    assert store(feed, relay, 99 * WAD).events == []
    assert feed.words() == before


@pytest.mark.parametrize("who", ["owner", "attacker", "pusher"])
def test_refuses_strangers(feed, adapter, refuses, attacker, who):
    sender = {"owner": feed.owner, "attacker": attacker, "pusher": feed.pusher}[who]
    refuses("WrongSource", store, feed, sender)


def test_refuses_everyone_while_the_signers_are_the_source(feed, refuses, attacker):
    refuses("WrongSource", store, feed, attacker)
    refuses("WrongSource", store, feed, "0x" + "00" * 19 + "01")


def test_refuses_an_adapter_that_reads(feed, adapter, refuses):
    feed.oracle.transact("set_source", 1, adapter.address, True, sender=feed.owner)
    refuses("WrongSource", store, feed, adapter)


def test_refuses_the_adapter_of_another_feed(feed, adapter, refuses):
    feed.oracle.transact("set_feed", 2, 60, 10_000, sender=feed.owner)
    feed.feed = 2
    refuses("WrongSource", store, feed, adapter)
    feed.feed = 3
    refuses("NotListed", store, feed, adapter)


@pytest.mark.parametrize("price", [0, 2**90, 2**256 - 1])
def test_refuses_a_price_outside_its_bounds(feed, adapter, refuses, price):
    refuses("BadPrice", store, feed, adapter, price)


def test_the_deviation_guard_is_the_feeds(feed, adapter, refuses):
    store(feed, adapter)
    feed.next_slot()
    refuses("BadPrice", store, feed, adapter, 101 * WAD + 1)
    refuses("BadPrice", store, feed, adapter, 99 * WAD - 1)
    store(feed, adapter, 99 * WAD)
    assert feed.slot_price(feed.slot)[0] == 99 * WAD
