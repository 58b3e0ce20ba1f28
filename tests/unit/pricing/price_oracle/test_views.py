"""latest_word, slot_word and slot_price beside what test_push.py shows of them."""

from tidegate.spec.rounding import WAD

PRICE = 100 * WAD


def test_latest_word_of_an_unknown_feed_is_zero(feed):
    assert feed.oracle.call("latest_word", 9) == 0
    assert feed.oracle.call("feed_word", 9) == 0


def test_latest_word_without_a_price_shows_nothing_of_the_guards(feed):
    assert feed.oracle.call("latest_word", 1) == 0
    assert feed.oracle.call("feed_word", 1) == 60 | 10_000 << 32


def test_latest_word_names_every_field(priced):
    slot = priced.slot
    priced.chain.advance(3)
    priced.push(99 * WAD, slot)
    expected = 99 * WAD | PRICE << 90 | slot << 180 | priced.now << 212 | 125 << 244
    assert priced.oracle.call("latest_word", 1) == expected


def test_slot_word_is_the_word_of_the_ring_whatever_it_holds(priced):
    stored = priced.slot - 1
    word = PRICE | stored << 90 | stored * 4 << 122
    assert priced.oracle.call("slot_word", 1, stored) == word
    assert priced.oracle.call("slot_word", 1, stored + 128) == word
    assert priced.oracle.call("slot_word", 1, stored + 1) == 0


def test_slot_price_is_zero_for_a_slot_without_price(priced):
    stored = priced.slot - 1
    assert priced.slot_price(stored) == (PRICE, 0)
    for other in (stored + 1, stored + 128, stored - 128, 0, 2**32 + stored, 2**256 - 1):
        assert priced.slot_price(other) == (0, 0)
