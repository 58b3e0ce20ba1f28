"""The price in force by an adapter that reads; the adapter itself is in chainlink_feed/."""

import pytest

from tests.harness.relay import Relay
from tidegate.spec.rounding import WAD

PRICE = 100 * WAD


@pytest.fixture
def reader(feed, relay) -> Relay:
    feed.oracle.transact("set_source", 1, relay.address, True, sender=feed.owner)
    return relay


def observe(feed, sender, price=PRICE, updated=None):
    updated = feed.now if updated is None else updated
    arguments = ("observe", feed.feed, price, updated)
    if isinstance(sender, Relay):
        return sender.transact(feed.oracle, *arguments)
    return feed.oracle.transact(*arguments, sender=sender)


def test_moves_the_price_in_force_and_no_slot(feed, reader):
    feed.chain.advance(1)
    slot = feed.slot
    event = observe(feed, reader, updated=5).one("Observed").args
    assert (event.feed, event.slot, event.price, event.updated) == (1, slot, PRICE, 5)
    word, ring = feed.words()
    assert word == PRICE | slot << 180 | feed.now << 212
    assert ring == [0] * 128


def test_leaves_the_slots_that_are_stored(priced, relay):
    stored = priced.slot - 1
    priced.oracle.transact("set_source", 1, relay.address, True, sender=priced.owner)
    observe(priced, relay, 101 * WAD)
    assert priced.slot_price(stored) == (PRICE, 0)
    assert priced.slot_price(priced.slot) == (0, 0)


def test_the_first_of_a_slot_counts(feed, reader):
    observe(feed, reader)
    feed.chain.advance(3)
    before = feed.words()
    assert observe(feed, reader, 101 * WAD).events == []
    assert feed.words() == before
    feed.chain.advance(1)
    assert len(observe(feed, reader, 101 * WAD).events) == 1


def test_after_a_slot_of_the_signers_the_next_counts(priced, relay):
    priced.push(101 * WAD)
    priced.oracle.transact("set_source", 1, relay.address, True, sender=priced.owner)
    assert observe(priced, relay, 102 * WAD).events == []
    priced.next_slot()
    observe(priced, relay, 102 * WAD)
    priced.chain.advance(1)
    assert priced.latest() == (102 * WAD, True)


def test_the_deviation_guard_counts_slots(feed, reader, refuses):
    observe(feed, reader)
    feed.next_slot(3)
    refuses("BadPrice", observe, feed, reader, 103 * WAD + 1)
    refuses("BadPrice", observe, feed, reader, 97 * WAD - 1)
    observe(feed, reader, 103 * WAD)
    feed.next_slot(100)
    observe(feed, reader, 1)
    feed.chain.advance(1)
    assert feed.latest() == (1, True)


@pytest.mark.parametrize("price", [0, 2**90, 2**256 - 1])
def test_refuses_a_price_outside_its_bounds(feed, reader, refuses, price):
    refuses("BadPrice", observe, feed, reader, price)


def test_refuses_the_future(feed, reader, refuses):
    refuses("BadTime", observe, feed, reader, PRICE, feed.now + 1)
    refuses("BadTime", observe, feed, reader, PRICE, 2**256 - 1)


@pytest.mark.parametrize("who", ["owner", "attacker", "pusher"])
def test_refuses_strangers(feed, reader, refuses, attacker, who):
    sender = {"owner": feed.owner, "attacker": attacker, "pusher": feed.pusher}[who]
    refuses("WrongSource", observe, feed, sender)


def test_refuses_everyone_while_the_signers_are_the_source(feed, refuses, attacker):
    refuses("WrongSource", observe, feed, attacker)


def test_refuses_an_adapter_that_proves_slots(feed, reader, refuses):
    feed.oracle.transact("set_source", 1, reader.address, False, sender=feed.owner)
    refuses("WrongSource", observe, feed, reader)


def test_refuses_another_feed(feed, reader, refuses):
    feed.oracle.transact("set_feed", 2, 60, 10_000, sender=feed.owner)
    feed.feed = 2
    refuses("WrongSource", observe, feed, reader)
    feed.feed = 3
    refuses("NotListed", observe, feed, reader)
