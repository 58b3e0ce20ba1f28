"""Which signed prices are worth their gas."""

from tidegate.keepers.actions import Publish
from tidegate.keepers.price_pusher import CarrierState, carry

NOW, OPEN = 4_000, 1_000  # slots of four seconds


def offer(slot, price=100, feed=1):
    return Publish(feed, slot, price, slot * 4, b"")


def slots(*offers, **changes):
    base = {
        "now": NOW,
        "slot_seconds": 4,
        "offers": offers,
        "prices": {},
        "newest": {},
        "wanted": {},
        "heartbeat": 40,
        "deviation": 1_000,
        "free": lambda item: True,
    }
    return [one.slot for one in carry(CarrierState(**{**base, **changes}))]


def test_the_first_price_of_a_feed_goes():
    assert slots(offer(OPEN)) == [OPEN]


def test_a_fresh_price_that_did_not_move_stays():
    known = {"prices": {(1, 995): 100_000}, "newest": {1: 995}}
    assert slots(offer(OPEN, 100_099), **known) == []
    assert slots(offer(OPEN, 100_100), **known) == [OPEN]
    assert slots(offer(OPEN, 99_900), **known) == [OPEN]


def test_an_old_price_is_replaced_whatever_the_new_one_is():
    known = {"prices": {(1, 990): 100}, "newest": {1: 990}}
    assert slots(offer(OPEN), **known) == [OPEN]
    known = {"prices": {(1, 991): 100}, "newest": {1: 991}}
    assert slots(offer(OPEN), **known) == []


def test_what_orders_wait_for_goes_with_the_open_slot_oldest_first():
    known = {"prices": {(1, 999): 100}, "newest": {1: 999}, "wanted": {1: [998]}}
    assert slots(offer(OPEN), offer(998), offer(997), **known) == [998, OPEN]


def test_stored_later_and_busy_ones_stay():
    assert slots(offer(OPEN), prices={(1, OPEN): 100}, newest={1: OPEN}) == []
    assert slots(offer(OPEN + 1)) == []
    assert slots(offer(OPEN), free=lambda item: item != f"price 1 {OPEN}") == []
