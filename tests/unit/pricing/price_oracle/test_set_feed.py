import pytest

from tidegate.spec.rounding import WAD

PRICE = 100 * WAD


def set_feed(feed, max_age, max_step, sender=None, number=1):
    return feed.oracle.transact("set_feed", number, max_age, max_step, sender=sender or feed.owner)


@pytest.mark.parametrize(("max_age", "max_step"), [(4, 100), (1023, 204_700)])
def test_sets_the_guards_at_their_bounds(feed, max_age, max_step):
    event = set_feed(feed, max_age, max_step, number=7).one("FeedSet").args
    assert (event.feed, event.word) == (7, max_age | max_step << 32)
    assert feed.oracle.call("feed_word", 7) == max_age | max_step << 32


@pytest.mark.parametrize(
    ("max_age", "max_step"),
    [(3, 10_000), (1024, 10_000), (60, 0), (60, 204_800), (60, 10_050), (2**256 - 1, 100)],
)
def test_refuses_out_of_bounds(feed, refuses, max_age, max_step):
    refuses("OutOfBounds", set_feed, feed, max_age, max_step)


def test_is_for_the_owner(feed, refuses, attacker):
    refuses("NotOwner", set_feed, feed, 60, 10_000, attacker)


def test_keeps_prices_and_changes_only_the_guards(priced):
    priced.push(101 * WAD)
    priced.chain.advance(1)
    words = priced.words()
    set_feed(priced, 4, 100)
    assert priced.words() == words
    assert priced.latest() == (101 * WAD, True)
    priced.chain.advance(4)
    assert priced.latest() == (101 * WAD, False)
