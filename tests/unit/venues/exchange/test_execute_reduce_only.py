"""Reduce-only: cut to the position, no escrow, the keeper paid by the fill."""

import pytest

from tidegate.client.orders import OrderState
from tidegate.spec import words
from tidegate.spec.rounding import WAD

KEEPER_FEE = 2 * WAD
PRICE = 50_500 * WAD


def reduce(market, size, **fields):
    return market.place(size=size, reduce_only=True, **fields)


def test_closes_and_pays_the_keeper_out_of_the_account(market):
    market.fill(WAD)
    order = reduce(market, -WAD)
    market.open(market.next_slot, PRICE)
    before = market.balances()
    market.execute(order)
    price = market.quote(-WAD, PRICE)
    fee = market.taker_fee(WAD, price)
    assert market.moved(before) == {
        "account": price - fee - KEEPER_FEE,
        "pool": fee - price,
        "keeper_account": KEEPER_FEE,
    }
    assert market.position(market.account) == 0


@pytest.mark.parametrize("late", [3, 4, 8, 30])
@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("moved", [200, -200])
def test_never_fills_better_than_at_the_open_slots_price(market, side, moved, late):
    """It has nothing at stake, and nothing to win by waiting."""
    market.fill(-side * WAD)
    order = reduce(market, side * WAD)
    slot = market.next_slot
    market.open(slot, PRICE)
    newest = PRICE + moved * WAD if late >= 4 else PRICE
    market.later(slot, late, newest)
    worse = newest if moved * side > 0 else PRICE
    event = market.execute(order).one("Filled").args
    assert event.price == market.quote(side * WAD, worse)
    assert event.slot == (slot if worse == PRICE else market.now // 4)


@pytest.mark.parametrize(("late", "fills"), [(3, True), (4, False), (30, False)])
def test_needs_the_price_of_the_slot_that_is_open(market, refuses, late, fills):
    market.fill(WAD)
    order = reduce(market, -WAD)
    slot = market.next_slot
    market.open(slot, PRICE)
    market.chain.set_time(slot * 4 + late)
    if fills:
        market.execute(order).one("Executed")
    else:
        refuses("NoPrice", market.execute, order)


def test_a_limit_that_the_open_slots_price_breaks_ends_it(market):
    market.fill(WAD)
    order = reduce(market, -WAD, limit=50_400 * WAD)
    slot = market.next_slot
    market.open(slot, PRICE)
    market.later(slot, 4, 50_399 * WAD)
    assert market.ended(market.execute(order)) == ("LimitBroken", 0)


@pytest.mark.parametrize("side", [1, -1])
def test_is_cut_to_the_position(market, side):
    market.fill(side * WAD)
    order = reduce(market, -side * 3 * WAD)
    market.open(market.next_slot, PRICE)
    assert market.execute(order).one("Filled").args.size == -side * WAD
    assert market.position(market.account) == 0


def test_reduces_in_part(market):
    market.fill(2 * WAD)
    order = reduce(market, -WAD // 2)
    market.open(market.next_slot, PRICE)
    assert market.execute(order).one("Filled").args.size == -WAD // 2
    assert market.position(market.account) == 3 * WAD // 2


def test_the_owner_as_keeper_pays_nobody(market):
    market.fill(WAD)
    order = reduce(market, -WAD)
    market.open(market.next_slot, PRICE)
    before = market.balances()
    market.execute(order, keeper_account=market.account)
    price = market.quote(-WAD, PRICE)
    assert market.moved(before)["account"] == price - market.taker_fee(WAD, price)


@pytest.mark.parametrize("position", [0, WAD])
def test_without_a_position_of_the_other_sign_it_ends(market, position):
    if position:
        market.fill(position)
    order = reduce(market, WAD)
    market.open(market.next_slot, PRICE)
    before = market.balances()
    receipt = market.execute(order)
    assert market.ended(receipt) == ("NothingToReduce", 0)
    assert market.moved(before) == {}
    assert market.word(order).state == OrderState.ENDED
    assert market.position(market.account) == position


def test_two_of_them_never_flip_the_position(market):
    market.fill(WAD)
    first, second = reduce(market, -WAD), reduce(market, -WAD)
    market.open(market.next_slot, PRICE)
    market.execute(first).one("Executed")
    assert market.ended(market.execute(second)) == ("NothingToReduce", 0)
    assert market.position(market.account) == 0


def test_a_rest_below_the_minimum_ends_it(market):
    market.fill(WAD)
    order = reduce(market, -WAD + 10**15)  # 50.5 of notional would stay
    market.open(market.next_slot, PRICE)
    before = market.balances()
    assert market.ended(market.execute(order)) == ("BelowMinimum", 0)
    assert market.moved(before) == {}


def test_its_limit_ends_it_without_a_payment(market):
    market.fill(WAD)
    order = reduce(market, -WAD, limit=50_500 * WAD)
    market.open(market.next_slot, PRICE)
    before = market.balances()
    assert market.ended(market.execute(order)) == ("LimitBroken", 0)
    assert market.moved(before) == {}


def test_its_window_ends_it_without_a_payment(market):
    market.fill(WAD)
    order = reduce(market, -WAD)
    market.open(market.next_slot, PRICE)
    market.chain.advance(31)
    before = market.balances()
    assert market.ended(market.execute(order)) == ("TooLate", 0)
    assert market.moved(before) == {}


def test_rests_and_wakes_like_any_other(market):
    market.fill(WAD)
    order = reduce(market, -WAD, resting=True, limit=50_400 * WAD)
    slot = market.next_slot
    market.open(slot, PRICE)
    market.wake(order, slot)
    market.open(slot + 1, PRICE)
    market.execute(order).one("Executed")


def test_an_account_below_initial_margin_still_gets_out(market, refuses):
    poor = words.account(market.trader, 2)
    market.deposit(poor, 3_000)
    market.fill(WAD, account=poor)
    market.open(market.next_slot, 49_000 * WAD)
    market.chain.advance(1)
    equity, initial, maintenance, _ = market.core.call("health", poor)
    assert maintenance < equity < initial
    refuses("InsufficientMargin", market.place, account=poor)
    refuses("InsufficientMargin", market.place, account=poor, size=-WAD)
    order = reduce(market, -WAD // 2, account=poor)
    market.open(market.next_slot, 49_000 * WAD)
    market.execute(order).one("Executed")
    assert market.position(poor) == WAD // 2


def test_an_account_below_maintenance_too(market):
    poor = words.account(market.trader, 2)
    market.deposit(poor, 3_000)
    market.fill(WAD, account=poor)
    market.open(market.next_slot, 48_000 * WAD)
    market.chain.advance(1)
    equity, _, maintenance, _ = market.core.call("health", poor)
    assert 0 < equity < maintenance
    order = reduce(market, -WAD, account=poor)
    market.open(market.next_slot, 48_000 * WAD)
    market.execute(order).one("Executed")
    assert market.position(poor) == 0


def test_openings_paused_do_not_stop_it(market):
    market.fill(WAD)
    market.set_venue(1, market.now + 1000)
    order = reduce(market, -WAD)
    market.open(market.next_slot, PRICE)
    market.execute(order).one("Executed")
