"""Slots from Pyth's updates; what its contract may do to us is in test_post_hostile.py."""

from dataclasses import replace
from itertools import pairwise

import pytest

from tests.harness.pyth import ETH_ID, encode_update
from tidegate.spec.oracle import is_first
from tidegate.spec.rounding import WAD


def test_stores_the_slot_and_moves_the_price_in_force(pyth):
    slot = pyth.slot
    pyth.chain.advance(3)
    event = pyth.post(pyth.update(published=slot * 4 + 1)).one("Posted").args
    assert (event.feed, event.slot, event.price) == (1, slot, 100 * WAD)
    assert (event.published, event.moved) == (slot * 4 + 1, True)
    assert pyth.feed.slot_price(slot) == (100 * WAD, 0)
    pyth.chain.advance(1)
    assert pyth.feed.latest() == (100 * WAD, True)


@pytest.mark.parametrize(
    ("mantissa", "expo", "price"),
    [
        (6_012_345_678_901, -8, 60_123_456_789_010_000_000_000),
        (1, -18, 1),
        (123, 0, 123 * WAD),
        (2**63 - 1, -18, 2**63 - 1),
        (2**63 - 1, -10, (2**63 - 1) * 10**8),
        (1, 9, 10**27),
    ],
)
def test_brings_every_exponent_to_18_decimals(pyth, mantissa, expo, price):
    pyth.post(replace(pyth.update(), price=mantissa, expo=expo))
    assert pyth.feed.slot_price(pyth.slot) == (price, 0)


@pytest.mark.parametrize(
    ("mantissa", "expo", "error"),
    [
        (0, -8, "BadPrice"),
        (-1, -8, "BadPrice"),
        (-(2**63), 0, "BadPrice"),
        (2**63 - 1, 0, "BadPrice"),
        (1, 10, "BadPrice"),
        (1, -19, "FeedFailed"),
        (1, 19, "FeedFailed"),
        (1, -(2**31), "FeedFailed"),
        (1, 2**31 - 1, "FeedFailed"),
    ],
)
def test_refuses_what_is_no_price(pyth, declines, mantissa, expo, error):
    declines(error, pyth.post, replace(pyth.update(), price=mantissa, expo=expo))


@pytest.mark.parametrize(("published", "previous"), [(0, -1), (1, -1), (3, -3), (9, -1)])
def test_takes_the_first_publication_of_the_slot_whenever_it_came(pyth, published, previous):
    slot = pyth.slot
    opened = slot * 4
    pyth.chain.advance(12)
    update = pyth.update(slot=slot, published=opened + published, previous=opened + previous)
    assert is_first(update.previous, update.published, slot, 4)
    pyth.post(update, slot=slot)
    assert pyth.feed.slot_price(slot) == (100 * WAD, 0)


@pytest.mark.parametrize(
    ("published", "previous"),
    [
        (1, 0),  # the second one of the slot
        (3, 2),
        (0, 0),  # the second one of its second
        (5, 1),  # of the next slot, with another before it in this one
        (-1, -2),  # before the slot
        (1024, -1),  # later than any feed takes
    ],
)
def test_refuses_every_other_publication(pyth, declines, published, previous):
    slot = pyth.slot
    opened = slot * 4
    pyth.chain.set_time(opened + max(0, published))
    update = pyth.update(slot=slot, published=opened + published, previous=opened + previous)
    assert not is_first(update.previous, update.published, slot, 4)
    declines("FeedFailed", pyth.post, update, slot=slot)


def test_there_is_one_price_whoever_chooses(pyth, declines):
    """Every publication of a minute is offered for every slot: one passes for each."""
    start = pyth.slot
    times = [start * 4 + second for second in (-3, 0, 2, 2, 5, 11, 13, 13, 14, 27, 40)]
    publications = [
        pyth.update(100, published=published, previous=previous)
        for previous, published in pairwise(times)
    ]
    publications = [
        replace(publication, price=(100 * 10**8) + number)
        for number, publication in enumerate(publications)
    ]
    pyth.chain.set_time(times[-1])
    for slot in range(start, start + 10):
        firsts = [p for p in publications if p.published >= slot * 4]
        expected = min(firsts, key=lambda p: (p.published, p.price))
        fitting = []
        for publication in publications:
            checkpoint = pyth.chain.snapshot()
            if is_first(publication.previous, publication.published, slot, 4):
                pyth.post(publication, slot=slot)
                fitting.append(publication)
            else:
                declines("FeedFailed", pyth.post, publication, slot=slot)
            pyth.chain.restore(checkpoint)
        assert fitting == [expected]


def test_refuses_the_future(pyth, declines):
    slot = pyth.slot
    declines("BadTime", pyth.post, pyth.update(published=slot * 4 + 1))
    declines("BadTime", pyth.post, pyth.update(slot=slot + 1), slot=slot + 1)
    for far in (2**32, 2**64, 2**256 - 1):
        declines("BadTime", pyth.post, pyth.update(), slot=far)


def test_refuses_a_publication_beyond_the_feeds_max_age(pyth, declines):
    slot = pyth.slot
    pyth.chain.advance(61)
    declines("BadTime", pyth.post, pyth.update(slot=slot, published=slot * 4 + 61), slot=slot)
    pyth.post(pyth.update(slot=slot, published=slot * 4 + 60), slot=slot)
    assert pyth.feed.slot_price(slot) == (100 * WAD, 0)


def test_posted_late_it_is_stored_and_moves_nothing(pyth):
    late = pyth.slot
    pyth.feed.next_slot(2)
    pyth.post(pyth.update(101))
    before = pyth.feed.oracle.call("latest_word", 1)
    assert not pyth.post(pyth.update(100, late), slot=late).one("Posted").args.moved
    assert pyth.feed.slot_price(late)[0] == 100 * WAD
    assert pyth.feed.oracle.call("latest_word", 1) == before


def test_refuses_a_slot_beyond_the_ring(pyth, declines):
    gone = pyth.slot
    pyth.feed.next_slot(128)
    declines("SlotGone", pyth.post, pyth.update(slot=gone), slot=gone)


def test_the_deviation_guard_holds(pyth, declines):
    pyth.post(pyth.update(100))
    pyth.feed.next_slot()
    declines("BadPrice", pyth.post, pyth.update(102))
    pyth.post(pyth.update(101))


@pytest.mark.parametrize(
    ("conf", "error"),
    [(0, None), (20_000_000, None), (20_000_001, "UncertainPrice"), (2**64 - 1, "UncertainPrice")],
)
def test_refuses_an_uncertain_price(pyth, declines, conf, error):
    """2,000 ppm of 100 are 0.2."""
    update = pyth.update(100, conf=conf)
    if error:
        declines(error, pyth.post, update)
    else:
        pyth.post(update)
        assert pyth.feed.slot_price(pyth.slot) == (100 * WAD, 0)


def test_a_second_post_costs_no_fee(pyth, declines):
    update = pyth.update()
    pyth.post(update)
    declines("AlreadySet", pyth.post, update)
    declines("AlreadySet", pyth.post_bytes, b"")


def test_the_fee_is_pyths(pyth, declines):
    poster, adapter, double = pyth.wealth()
    pyth.post(pyth.update(), pyth.update(3, price_id=ETH_ID))
    assert pyth.wealth() == [poster - 14, adapter, double + 14]
    pyth.feed.next_slot()
    declines("FeedFailed", pyth.post, pyth.update(), fee=6)
    pyth.double.transact("set_fee", 0)
    pyth.post(pyth.update(), fee=0)
    assert pyth.wealth() == [poster - 14, 0, double + 14]


def test_takes_its_own_id_out_of_several(pyth):
    other = pyth.update(3, price_id=ETH_ID)
    second = pyth.update(101, published=pyth.slot * 4, previous=pyth.slot * 4)
    pyth.post(other, second, pyth.update(100))
    assert pyth.feed.slot_price(pyth.slot) == (100 * WAD, 0)


def test_refuses_an_update_without_its_id(pyth, declines):
    declines("FeedFailed", pyth.post, pyth.update(3, price_id=ETH_ID))
    declines("FeedFailed", pyth.post)


def test_refuses_forged_and_broken_updates(pyth, declines):
    true = encode_update([pyth.update()])
    forged = encode_update([pyth.update(99)], secret=bytes(32))
    broken = [forged, b"", true[:4], true[:-1], true + b"\0", b"PNAV" + true[4:]]
    broken += [true[:40] + bytes([true[40] ^ 1]) + true[41:], true[:4] + bytes(32) + true[36:]]
    broken.append(true[:-1] + bytes([true[-1] ^ 1]))
    for update in broken:
        declines("FeedFailed", pyth.post_bytes, update)
    pyth.post_bytes(true)


def test_only_the_feeds_source_may_store(pyth, declines):
    pyth.feed.oracle.transact("set_source", 1, pyth.double.address, False, sender=pyth.feed.owner)
    declines("WrongSource", pyth.post, pyth.update())
