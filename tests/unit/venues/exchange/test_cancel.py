"""Cancelling: before the slot opens the stake stays whole, later the lapse fee is the vault's."""

from dataclasses import replace

from tidegate.client.orders import OrderState
from tidegate.spec.rounding import WAD

LAPSE_FEE = 25 * WAD
STAKE = LAPSE_FEE + WAD


def test_before_the_slot_opens_the_stake_stays_whole(market):
    order = market.place()
    before = market.balances()
    market.chain.set_time(market.next_slot * 4 - 1)
    receipt = market.cancel(order)
    assert (market.moved(before), market.word(order).stake) == ({}, STAKE)
    event = receipt.one("Ended").args
    assert (event.reason, event.lapse_fee) == (bytes(4), 0)
    assert event.order_hash == market.hash(order)
    assert market.word(order).state == OrderState.ENDED


def test_from_the_opening_on_the_lapse_fee_is_the_vaults(market):
    order = market.place()
    before = market.balances()
    # nobody has posted its price yet, but it is public: walking away now is the option
    market.open(market.next_slot, price=None)
    receipt = market.cancel(order)
    assert market.moved(before) == {"escrow": -LAPSE_FEE, "treasury": LAPSE_FEE}
    assert market.word(order).stake == WAD
    assert receipt.one("Ended").args.lapse_fee == LAPSE_FEE


def test_in_the_last_second_of_the_window_it_is_still_lost(market):
    order = market.place()
    before = market.balances()
    market.open(market.next_slot, price=None, late=30)
    market.cancel(order)
    assert market.moved(before) == {"escrow": -LAPSE_FEE, "treasury": LAPSE_FEE}
    assert market.word(order).stake == WAD


def test_after_the_window_of_a_dead_feed_the_stake_stays_whole(market):
    order = market.place()
    before = market.balances()
    market.open(market.next_slot, price=None, late=31)
    market.cancel(order)
    assert (market.moved(before), market.word(order).stake) == ({}, STAKE)


def test_after_the_window_of_a_living_feed_it_is_lost(market):
    order = market.place()
    before = market.balances()
    market.open(market.next_slot)
    market.chain.advance(31)
    market.cancel(order)
    assert market.moved(before) == {"escrow": -LAPSE_FEE, "treasury": LAPSE_FEE}
    assert market.word(order).stake == WAD


def test_a_resting_order_has_no_slot_that_opened(market):
    order = market.place(resting=True)
    before = market.balances()
    market.chain.advance(300)
    market.cancel(order)
    assert (market.moved(before), market.word(order).stake) == ({}, STAKE)


def test_a_woken_order_has_one(market):
    order = market.place(resting=True)
    before = market.balances()
    market.open(market.next_slot)
    market.wake(order, market.now // 4)
    market.chain.advance(4)
    market.cancel(order)
    assert market.moved(before) == {"escrow": -LAPSE_FEE, "treasury": LAPSE_FEE}
    assert market.word(order).stake == WAD


def test_a_reduce_only_order_has_nothing_at_stake(market):
    order = market.place(reduce_only=True, size=-WAD)
    before = market.balances()
    market.open(market.next_slot)
    receipt = market.cancel(order)
    assert market.moved(before) == {}
    assert receipt.one("Ended").args.lapse_fee == 0
    assert market.word(order).state == OrderState.ENDED


def test_needs_the_right_to_trade(market, refuses):
    order = market.place()
    refuses("NotPermitted", market.cancel, order, sender=market.attacker)
    market.core.transact("set_delegate", market.attacker, 1, 2**40, sender=market.trader)
    market.cancel(order, sender=market.attacker)


def test_only_an_open_order_of_exactly_this_body(market, refuses):
    order = market.order()
    refuses("UnknownOrder", market.cancel, order)
    market.place(order)
    refuses("UnknownOrder", market.cancel, replace(order, size=2 * WAD))
    refuses("UnknownOrder", market.cancel, replace(order, nonce=order.nonce + 256))
    market.cancel(order)
    refuses("UnknownOrder", market.cancel, order)


def test_stale_prices_keep_nobody_from_leaving(market):
    market.fill(WAD)
    before = market.balances()
    order = market.place(resting=True)
    market.chain.advance(1000)
    market.cancel(order)
    market.exchange.transact("release", market.account, order.place, sender=market.trader)
    assert market.moved(before) == {}


def test_at_no_loss_the_clearing_house_is_not_asked(market):
    order = market.place()
    assert [event.name for event in market.cancel(order).events] == ["Ended"]


def test_by_a_delegate_pays_the_delegate_nothing(market):
    market.core.transact("set_delegate", market.attacker, 1, 2**40, sender=market.trader)
    order = market.place(sender=market.attacker)
    market.open(market.next_slot, price=None)
    before = market.balances()
    market.cancel(order, sender=market.attacker)
    assert market.moved(before) == {"escrow": -LAPSE_FEE, "treasury": LAPSE_FEE}


def test_a_reduce_only_order_leaves_the_stake_of_its_place(market):
    market.cancel(market.place(nonce=7))
    order = market.place(nonce=256 + 7, reduce_only=True, size=-WAD)
    before = market.balances()
    market.open(market.next_slot)
    assert market.cancel(order).one("Ended").args.lapse_fee == 0
    assert (market.moved(before), market.word(order).stake) == ({}, STAKE)
