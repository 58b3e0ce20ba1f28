"""Filling: at the slot's price as the vault quotes it, once, within the window."""

from dataclasses import replace

import pytest

from tidegate.client.orders import OrderState
from tidegate.spec import words
from tidegate.spec.rounding import WAD

KEEPER_FEE = 2 * WAD
STAKE = 26 * WAD  # of one unit
PRICE = 50_500 * WAD


def test_a_buy_fills_at_the_quote_on_its_slots_price(market):
    order = market.place()
    slot = market.next_slot
    market.open(slot, PRICE)
    market.push(2_600 * WAD, slot, feed=2)  # other feeds say nothing here
    before = market.balances()
    receipt = market.execute(order)

    price = 50_550_500_000_000_000_000_000  # 0.1 % above
    fee = 25_275_250_000_000_000_000  # 0.05 % of it
    assert market.moved(before) == {
        "account": -price - fee - KEEPER_FEE,
        "pool": price + fee,
        "keeper_account": KEEPER_FEE,
    }
    assert market.cash(market.escrow) == STAKE
    assert market.position(market.account) == WAD
    assert market.position(market.pool) == -WAD
    event = receipt.one("Executed").args
    assert (event.account, event.order_hash) == (market.account, market.hash(order))
    fill = receipt.one("Filled").args
    assert (fill.taker, fill.maker, fill.instrument) == (market.account, market.pool, 64)
    assert (fill.size, fill.price, fill.fee, fill.slot) == (WAD, price, fee, slot)
    word = market.word(order)
    assert (word.state, word.stake) == (OrderState.ENDED, STAKE)


def test_a_sell_gets_the_quote_below(market):
    order = market.place(size=-2 * WAD)
    market.open(market.next_slot, PRICE)
    before = market.balances()
    event = market.execute(order).one("Filled").args
    price = PRICE - PRICE // 1000
    assert (event.size, event.price) == (-2 * WAD, price)
    fee = market.taker_fee(2 * WAD, price)
    assert market.moved(before)["account"] == 2 * price - fee - KEEPER_FEE
    assert market.position(market.account) == -2 * WAD


def test_the_taker_fee_is_rounded_up(market):
    size = 10**16 + 1
    order = market.place(size=size)
    market.open(market.next_slot, PRICE)
    fill = market.execute(order).one("Filled").args
    exact = size * market.quote(size, PRICE) * 500  # 1e-42
    assert exact % 10**24 != 0
    assert fill.fee == exact // 10**24 + 1


@pytest.mark.parametrize("late", [0, 1, 4, 5, 30])
def test_from_the_opening_to_the_end_of_the_window(market, late):
    order = market.place()
    slot = market.next_slot
    market.open(slot, PRICE)
    market.later(slot, late, PRICE)
    assert market.execute(order).one("Filled").args.slot == slot


@pytest.mark.parametrize("late", [4, 8, 30])
@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("moved", [200, -200])
def test_after_its_slot_it_takes_the_worse_of_its_price_and_the_open_slots(
    market, late, side, moved
):
    order = market.place(size=side * WAD)
    slot = market.next_slot
    market.open(slot, PRICE)
    newest = PRICE + moved * WAD
    market.later(slot, late, newest)
    event = market.execute(order).one("Filled").args
    worse = newest if moved * side > 0 else PRICE
    assert event.price == market.quote(side * WAD, worse)
    assert event.slot == (market.now // 4 if worse == newest else slot)


def test_in_its_slot_only_its_own_price_counts(market):
    order = market.place()
    slot = market.next_slot
    market.open(slot, PRICE)
    market.chain.set_time(slot * 4 + 3)
    assert market.execute(order).one("Filled").args.price == market.quote(WAD, PRICE)


def test_not_before_its_slot_opens(market, refuses):
    order = market.place()
    market.chain.set_time(market.next_slot * 4 - 1)
    refuses("TooSoon", market.execute, order)


def test_not_before_its_price_is_posted(market, refuses):
    order = market.place()
    slot = market.next_slot
    market.open(slot, price=None, late=30)
    refuses("NoPrice", market.execute, order)
    market.push(PRICE, slot)  # late, and still its price
    market.push(PRICE)
    market.execute(order).one("Executed")


def test_never_at_another_slots_price(market, refuses):
    order = market.place()
    slot = market.next_slot
    market.open(slot, price=None)
    market.open(slot + 1, PRICE)
    refuses("NoPrice", market.execute, order)
    market.push(50_000 * WAD, slot)
    market.open(slot + 2, 49_000 * WAD)
    assert market.execute(order).one("Filled").args.price == 50_050 * WAD


def test_in_the_last_second_of_its_expiry(market):
    slot = market.next_slot
    order = market.place(expiry=slot * 4 + 3)
    market.open(slot, PRICE)
    market.chain.set_time(slot * 4 + 3)
    market.execute(order).one("Executed")


def test_fills_once(market, refuses):
    order = market.place()
    market.open(market.next_slot, PRICE)
    market.execute(order)
    refuses("UnknownOrder", market.execute, order)
    refuses("UnknownOrder", market.cancel, order)
    assert market.position(market.account) == WAD


def test_at_exactly_its_limit(market):
    order = market.place(limit=PRICE * 1001 // 1000)
    market.open(market.next_slot, PRICE)
    assert market.execute(order).one("Filled").args.price == order.limit


def test_anyone_executes_for_any_account(market):
    order = market.place()
    market.open(market.next_slot, PRICE)
    paid = words.account(market.attacker, 77)
    market.exchange.transact("execute", order, paid, sender=market.attacker)
    assert market.cash(paid) == KEEPER_FEE


def test_the_owner_pays_himself(market):
    order = market.place()
    market.open(market.next_slot, PRICE)
    before = market.balances()
    market.execute(order, keeper_account=market.account)
    price = market.quote(WAD, PRICE)
    fee = market.taker_fee(WAD, price)
    assert market.moved(before)["account"] == -price - fee


@pytest.mark.parametrize("reduce_only", [False, True])
def test_the_escrow_is_no_keeper(market, refuses, reduce_only):
    """It holds what the places hold, and nothing else."""
    market.fill(-WAD)
    order = market.place(reduce_only=reduce_only)
    market.open(market.next_slot, PRICE)
    refuses("BadFill", market.execute, order, keeper_account=market.escrow)
    market.execute(order).one("Executed")


def test_what_the_fill_leaves_must_cover_the_keeper(market):
    """Margin for the position and not for its keeper: another keeper ends it, the owner fills."""
    account = words.account(market.trader, 2)
    # 26 staked, spread 50, fee 25.025; initial margin 2,750.05 and 12.5 for the crowd
    market.deposit(account, 2_864)
    order = market.place(account=account)
    market.open(market.next_slot)
    snapshot = market.chain.snapshot()
    market.execute(order, keeper_account=account).one("Executed")
    market.chain.restore(snapshot)
    assert market.ended(market.execute(order)) == ("InsufficientMargin", 25 * WAD)
    assert market.cash(market.keeper_account) == WAD


def test_a_keeper_fee_above_the_payment_cap_fills_nothing(market, refuses):
    """Its owner may still execute it himself, or cancel."""
    order = market.place(keeper_fee=100 * WAD)
    asset = words.Asset.unpack(market.core.call("asset_word", 0))
    low = replace(asset, escrow=99_99)
    market.core.transact("add_asset", 0, low.pack(), market.vault.address, sender=market.governance)
    market.open(market.next_slot)
    refuses("FeeTooHigh", market.execute, order)
    market.execute(order, keeper_account=market.account).one("Executed")


def test_only_the_very_order_that_was_placed(market, refuses):
    order = market.place()
    market.open(market.next_slot, PRICE)
    for change in ({"size": 2 * WAD}, {"limit": 2**96 - 1}, {"keeper_fee": 3 * WAD}):
        refuses("UnknownOrder", market.execute, replace(order, **change))


def test_a_resting_order_must_be_woken_first(market, refuses):
    order = market.place(resting=True)
    market.open(market.next_slot, PRICE)
    refuses("TooSoon", market.execute, order)


def test_a_resting_order_never_fills_at_the_price_that_woke_it(market, refuses):
    order = market.place(resting=True)
    slot = market.next_slot
    market.open(slot, PRICE)
    market.wake(order, slot)
    refuses("TooSoon", market.execute, order)
    market.open(slot + 1, 50_100 * WAD)
    event = market.execute(order).one("Filled").args
    assert (event.price, event.slot) == (market.quote(WAD, 50_100 * WAD), slot + 1)
