"""The deviation guard: 1 % a slot, until any price passes. PRICE is one slot old."""

import pytest

from tidegate.spec.rounding import WAD

PRICE = 100 * WAD
# From where three slots of 1 % lead to 101.
LOWEST = -(-101 * WAD * 100 // 103)
HIGHEST = 101 * WAD * 100 // 97


@pytest.mark.parametrize("price", [101 * WAD, 99 * WAD])
def test_takes_a_full_step(priced, price):
    assert priced.push(price).one("Posted").args.moved


@pytest.mark.parametrize("price", [101 * WAD + 1, 99 * WAD - 1])
def test_refuses_more_than_a_step(priced, refuses, price):
    refuses("BadPrice", priced.push, price)


@pytest.mark.parametrize(("slots", "price"), [(4, 105 * WAD), (4, 95 * WAD)])
def test_the_room_grows_with_the_slots_that_passed(priced, refuses, slots, price):
    priced.next_slot(slots)
    sign = 1 if price > PRICE else -1
    refuses("BadPrice", priced.push, price + sign)
    priced.push(price)
    assert priced.slot_price(priced.slot)[0] == price


def test_a_gap_wider_than_the_step_delays_the_feed_until_the_room_has_grown(priced, refuses):
    first = priced.slot
    for _ in range(9):
        refuses("BadPrice", priced.push, 90 * WAD)
        priced.next_slot()
    priced.push(90 * WAD)
    priced.chain.advance(1)
    assert priced.latest() == (90 * WAD, True)
    # the slots of the gap are judged against the price that has recovered
    for slot in range(first, first + 9):
        priced.push(90 * WAD, slot)
        assert priced.slot_price(slot)[0] == 90 * WAD


@pytest.mark.parametrize("price", [1, 2**90 - 1])
def test_any_price_passes_once_the_room_is_the_whole_price(priced, refuses, price):
    priced.next_slot(98)
    refuses("BadPrice", priced.push, price)
    priced.next_slot()
    assert priced.push(price).one("Posted").args.moved


def test_a_newer_slot_that_moves_nothing_is_judged_too(priced, refuses):
    slot = priced.slot
    priced.chain.advance(61)
    refuses("BadPrice", priced.push, 102 * WAD, slot)
    assert not priced.push(101 * WAD, slot).one("Posted").args.moved


@pytest.mark.parametrize(
    ("late", "error"),
    [
        (LOWEST, None),
        (HIGHEST, None),
        (LOWEST - 1, "BadPrice"),
        (HIGHEST + 1, "BadPrice"),
    ],
)
def test_a_late_post_is_judged_against_the_last_price(priced, refuses, late, error):
    slot = priced.slot
    priced.next_slot(3)
    priced.push(101 * WAD)
    if error:
        refuses(error, priced.push, late, slot)
    else:
        priced.push(late, slot)
        assert priced.slot_price(slot)[0] == late


def test_a_full_step_down_passes_late_as_it_would_in_order(priced):
    """Relative to the earlier price in time: relative to the last one, 100 to 99 is over 1 %."""
    slot = priced.slot
    priced.next_slot()
    priced.push(99 * WAD)
    priced.push(100 * WAD, slot)
    assert priced.slot_price(slot)[0] == 100 * WAD


def test_new_guards_hold_at_once(priced, refuses):
    priced.oracle.transact("set_feed", 1, 60, 100, sender=priced.owner)
    refuses("BadPrice", priced.push, PRICE + PRICE // 10_000 + 1)
    priced.push(PRICE + PRICE // 10_000)
