"""Waking a resting order: a proven slot arms it for the next one to open."""

from dataclasses import replace

from tidegate.client.orders import OrderState
from tidegate.spec.rounding import WAD

LIMIT = 49_000 * WAD


def resting(market, **fields):
    return market.place(**({"resting": True, "limit": LIMIT} | fields))


def test_the_next_slot_to_open_fills_it(market):
    order = resting(market)
    slot = market.next_slot
    market.open(slot, LIMIT, late=1)
    receipt = market.wake(order, slot)
    word = market.word(order)
    assert (word.state, word.slot, word.stake) == (OrderState.WAITING, slot + 1, 26 * WAD)
    event = receipt.one("Woken").args
    assert (event.account, event.order_hash, event.slot) == (
        market.account,
        market.hash(order),
        slot + 1,
    )


def test_moves_no_money(market):
    order = resting(market)
    before = market.balances()
    market.open(market.next_slot, LIMIT)
    market.wake(order, market.now // 4)
    assert market.moved(before) == {}


def test_a_buy_is_met_at_its_limit_or_below(market, refuses):
    order = resting(market)
    slot = market.next_slot
    market.open(slot, LIMIT + 1)
    refuses("TriggerNotMet", market.wake, order, slot)
    market.open(slot + 1, LIMIT)
    market.wake(order, slot + 1)


def test_a_sell_is_met_at_its_limit_or_above(market, refuses):
    order = resting(market, size=-WAD, limit=51_000 * WAD)
    slot = market.next_slot
    market.open(slot, 51_000 * WAD - 1)
    refuses("TriggerNotMet", market.wake, order, slot)
    market.open(slot + 1, 51_000 * WAD)
    market.wake(order, slot + 1)


def test_a_slot_before_the_order_proves_nothing(market, refuses):
    market.open(market.next_slot, LIMIT)
    order = resting(market)
    refuses("TriggerNotMet", market.wake, order, market.now // 4)


def test_any_later_slot_does_while_the_ring_holds_it(market):
    order = resting(market)
    first = market.next_slot
    market.open(first, LIMIT)
    market.open(first + 50)
    market.wake(order, first)
    assert market.word(order).slot == first + 51


def test_a_slot_without_a_price_proves_nothing(market, refuses):
    order = resting(market)
    slot = market.next_slot
    refuses("NoPrice", market.wake, order, slot)
    market.open(slot, LIMIT)
    refuses("NoPrice", market.wake, order, slot + 1)
    market.chain.advance(128 * 4)
    market.push(LIMIT)
    refuses("NoPrice", market.wake, order, slot)


def test_the_next_slot_must_open_within_the_expiry(market, refuses):
    slot = market.next_slot
    order = resting(market, expiry=(slot + 1) * 4)
    late = resting(market, expiry=(slot + 1) * 4 - 1)
    market.open(slot, LIMIT)
    refuses("TooLate", market.wake, late, slot)
    market.wake(order, slot)


def test_wakes_only_a_resting_order(market, refuses):
    slot = market.next_slot
    waiting = market.place()
    order = resting(market)
    market.open(slot, LIMIT)
    refuses("UnknownOrder", market.wake, waiting, slot)
    refuses("UnknownOrder", market.wake, replace(order, limit=LIMIT + 1), slot)
    market.wake(order, slot)
    refuses("UnknownOrder", market.wake, order, slot)
    market.cancel(order)
    refuses("UnknownOrder", market.wake, order, slot)


def test_rests_again_when_its_slot_breaks_the_limit(market):
    order = resting(market)
    slot = market.next_slot
    market.open(slot, LIMIT)
    market.wake(order, slot)
    before = market.balances()
    market.open(slot + 1, LIMIT)  # the vault's margin lifts the price above the limit
    receipt = market.execute(order)
    assert market.moved(before) == {}
    event = receipt.one("Rested").args
    assert (event.order_hash, event.slot) == (market.hash(order), slot + 2)
    word = market.word(order)
    assert (word.state, word.slot, word.stake) == (OrderState.RESTING, slot + 2, 26 * WAD)


def test_is_woken_again_by_a_later_slot_only(market, refuses):
    order = resting(market)
    slot = market.next_slot
    market.open(slot, LIMIT)
    market.wake(order, slot)
    market.open(slot + 1)
    market.execute(order)
    refuses("TriggerNotMet", market.wake, order, slot)
    market.open(slot + 2, LIMIT)
    market.wake(order, slot + 2)
    market.open(slot + 3, 48_900 * WAD)
    assert market.execute(order).one("Filled").args.price == 48_900 * WAD * 1001 // 1000
