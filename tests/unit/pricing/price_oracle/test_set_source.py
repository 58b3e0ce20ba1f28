"""Who gives a feed its prices; `store` and `observe` have their own files."""

import pytest

from tests.harness.reverts import reverts
from tidegate.spec.rounding import WAD

NOBODY = "0x" + "00" * 20
PRICE = 100 * WAD


def set_source(feed, adapter, reads=False, sender=None, number=1):
    return feed.oracle.transact("set_source", number, adapter, reads, sender=sender or feed.owner)


@pytest.fixture
def adapter(feed) -> str:
    """Any contract will do."""
    return feed.oracle.address


def test_the_signers_are_the_source_at_first(feed):
    assert tuple(feed.oracle.call("source", 1)) == (NOBODY, False)
    assert tuple(feed.oracle.call("source", 9)) == (NOBODY, False)


@pytest.mark.parametrize("reads", [False, True])
def test_names_an_adapter_and_keeps_guards_and_prices(priced, adapter, reads):
    slot = priced.slot - 1
    words = priced.words()
    event = set_source(priced, adapter, reads).one("SourceSet").args
    assert (event.feed, event.source, event.reads) == (1, adapter, reads)
    assert tuple(priced.oracle.call("source", 1)) == (adapter, reads)
    assert priced.oracle.call("feed_word", 1) == 60 | 10_000 << 32
    assert priced.words() == words
    assert priced.latest() == (PRICE, True)
    assert priced.slot_price(slot) == (PRICE, 0)
    assert priced.marks(slot) == (PRICE, True, PRICE)


@pytest.mark.parametrize("reads", [False, True])
def test_signers_push_nothing_into_an_adapters_feed(priced, refuses, adapter, reads):
    set_source(priced, adapter, reads)
    refuses("WrongSource", priced.push)


def test_the_signers_come_back(priced, adapter):
    set_source(priced, adapter, True)
    set_source(priced, NOBODY)
    assert tuple(priced.oracle.call("source", 1)) == (NOBODY, False)
    assert priced.oracle.call("feed_word", 1) == 60 | 10_000 << 32
    assert priced.push(101 * WAD).one("Posted").args.moved


@pytest.mark.parametrize("guards_set", [False, True])
def test_a_price_that_was_read_prices_no_slot_once_the_signers_are_back(priced, relay, guards_set):
    set_source(priced, relay.address, True)
    relay.transact(priced.oracle, "observe", 1, 101 * WAD, priced.now)
    set_source(priced, NOBODY)
    if guards_set:
        priced.oracle.transact("set_feed", 1, 60, 10_000, sender=priced.owner)
    assert priced.oracle.call("feed_word", 1) == 60 | 10_000 << 32
    assert priced.slot_price(priced.slot) == (0, 0)
    assert priced.marks(priced.slot) == (0, True, PRICE)
    # that very slot's price comes later than what was read in it
    assert not priced.push(101 * WAD).one("Posted").args.moved
    assert priced.slot_price(priced.slot)[0] == 101 * WAD
    priced.next_slot()
    assert priced.push(102 * WAD).one("Posted").args.moved
    assert priced.slot_price(priced.slot)[0] == 102 * WAD
    assert priced.marks(priced.slot) == (102 * WAD, True, 101 * WAD)
    assert priced.oracle.call("feed_word", 1) == 60 | 10_000 << 32


@pytest.mark.parametrize("reads", [False, True])
def test_guards_are_set_under_an_adapter_too(feed, adapter, reads):
    set_source(feed, adapter, reads)
    feed.oracle.transact("set_feed", 1, 8, 204_700, sender=feed.owner)
    assert feed.oracle.call("feed_word", 1) == 8 | 204_700 << 32
    assert tuple(feed.oracle.call("source", 1)) == (adapter, reads)
    set_source(feed, NOBODY)
    assert feed.oracle.call("feed_word", 1) == 8 | 204_700 << 32


def test_feeds_have_sources_of_their_own(feed, adapter):
    feed.oracle.transact("set_feed", 2, 60, 500, sender=feed.owner)
    set_source(feed, adapter, True, number=2)
    assert tuple(feed.oracle.call("source", 1)) == (NOBODY, False)
    assert feed.oracle.call("feed_word", 2) == 60 | 500 << 32
    assert feed.push().one("Posted").args.moved


def test_refuses_what_is_no_contract(feed, refuses, attacker):
    refuses("OutOfBounds", set_source, feed, attacker)
    refuses("OutOfBounds", set_source, feed, attacker, True)


def test_the_signers_do_not_read(feed, refuses):
    refuses("OutOfBounds", set_source, feed, NOBODY, True)


def test_refuses_a_feed_that_is_not_listed(feed, refuses, adapter):
    refuses("NotListed", set_source, feed, adapter, number=2)
    with reverts("NotListed"):
        set_source(feed, NOBODY, number=0)


def test_is_for_the_owner(feed, refuses, adapter, attacker):
    refuses("NotOwner", set_source, feed, adapter, False, attacker)
