"""Releasing: the stake of a place without an open order goes back to its account."""

import pytest

from tidegate.client.orders import OrderState
from tidegate.local_accounts import local_address
from tidegate.spec import words
from tidegate.spec.rounding import WAD

STAKE = 26 * WAD


def release(market, order, sender=None):
    return market.exchange.transact(
        "release", order.account, order.place, sender=sender or market.trader
    )


def test_after_a_cancel(market):
    before = market.balances()
    order = market.place(nonce=256 + 7)
    slot = market.word(order).slot
    market.cancel(order)
    event = release(market, order).one("Released").args
    assert (event.account, event.place, event.amount) == (market.account, 7, STAKE)
    assert market.moved(before) == {}
    word = market.word(order)
    assert (word.state, word.slot, word.stake) == (OrderState.ENDED, slot, 0)
    assert word.is_of(market.hash(order))


def test_after_a_fill(market):
    order = market.place()
    market.open(market.next_slot)
    market.execute(order).one("Executed")
    before = market.balances()
    release(market, order)
    assert market.moved(before) == {"escrow": -STAKE, "account": STAKE}


def test_what_a_lapse_left(market):
    order = market.place()
    market.open(market.next_slot, price=None)
    market.cancel(order)
    before = market.balances()
    release(market, order)
    assert market.moved(before) == {"escrow": -WAD, "account": WAD}


@pytest.mark.parametrize("resting", [False, True])
def test_not_while_an_order_is_open(market, refuses, resting):
    order = market.place(resting=resting)
    refuses("OrderExists", release, market, order)
    market.cancel(order)
    release(market, order)


def test_not_under_a_reduce_only_order(market, refuses):
    market.cancel(market.place(nonce=7))
    order = market.place(nonce=256 + 7, reduce_only=True, size=-WAD)
    refuses("OrderExists", release, market, order)
    market.cancel(order)
    release(market, order)


def test_once(market, refuses):
    order = market.place()
    market.cancel(order)
    release(market, order)
    refuses("ZeroAmount", release, market, order)


def test_nothing_from_a_place_never_used(market, refuses):
    refuses("ZeroAmount", release, market, market.order())


def test_of_a_nonce_the_low_byte_counts(market):
    order = market.place(nonce=7)
    market.cancel(order)
    receipt = market.exchange.transact(
        "release", market.account, 2**256 - 256 + 7, sender=market.trader
    )
    assert receipt.one("Released").args.place == 7
    assert market.word(order).stake == 0


def test_needs_the_right_to_trade(market, refuses):
    order = market.place()
    market.cancel(order)
    refuses("NotPermitted", release, market, order, sender=market.attacker)
    market.core.transact("set_delegate", market.attacker, 2 | 4, 2**40, sender=market.trader)
    refuses("NotPermitted", release, market, order, sender=market.attacker)


def test_a_delegate_releases_to_the_account(market):
    delegate = local_address("delegate")
    market.core.transact("set_delegate", delegate, 1, 2**40, sender=market.trader)
    before = market.balances()
    order = market.place()
    market.cancel(order)
    release(market, order, sender=delegate)
    assert market.moved(before) == {}
    assert market.cash(words.account(delegate, 0)) == 0


def test_of_a_revoked_venue(market):
    before = market.balances()
    order = market.place()
    market.cancel(order)
    market.set_venue(0)
    release(market, order)
    assert market.moved(before) == {}


def test_at_stale_prices_and_below_margin(market):
    poor = words.account(market.trader, 2)
    market.deposit(poor, 3_000)
    order = market.place(account=poor, nonce=7)
    market.cancel(order)
    market.fill(WAD, account=poor)
    market.open(market.next_slot, 46_000 * WAD)
    market.chain.advance(1_000)
    assert market.core.call("health", poor)[0] < 0
    before = market.cash(poor)
    release(market, order)
    assert market.cash(poor) == before + STAKE


def test_the_place_takes_its_next_order(market):
    order = market.place(nonce=7)
    market.cancel(order)
    release(market, order)
    before = market.balances()
    market.place(nonce=256 + 7)
    assert market.moved(before) == {"account": -STAKE, "escrow": STAKE}


def test_the_same_order_stays_known(market, refuses):
    order = market.place(nonce=7)
    market.cancel(order)
    release(market, order)
    refuses("OrderExists", market.place, order)


def test_money_that_cannot_move_stays_in_the_place(scripted):
    order = scripted.place()
    scripted.cancel(order)
    scripted.core.transact("set_transfer_refusal", b"\x01\x02\x03\x04")
    with pytest.raises(Exception, match="01020304"):
        release(scripted, order)
    assert scripted.word(order).stake == STAKE
