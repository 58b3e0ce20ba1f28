"""Placing: who may, what is staked, what an order may say."""

from dataclasses import replace

import pytest

from tidegate.client.errors import selector
from tidegate.client.orders import Order, OrderState
from tidegate.local_accounts import local_address
from tidegate.spec import words
from tidegate.spec.rounding import WAD

MIN_KEEPER_FEE = WAD
STAKE = 26 * WAD  # of one unit at 50,000: 0.05 % and the least keeper fee


def test_stakes_the_least_keeper_fee_and_the_lapse_fee(market):
    before = market.balances()
    order = market.place(keeper_fee=100 * WAD)
    assert market.moved(before) == {"account": -STAKE, "escrow": STAKE}
    assert market.word(order).stake == STAKE


def test_lapse_fee_is_rounded_up_to_a_millionth(market):
    size = -(2 * 10**16 + 1)  # a wei more than 0.02 units: 0.5 and a bit
    before = market.balances()
    order = market.place(size=size)
    stake = MIN_KEEPER_FEE + WAD // 2 + 10**12
    assert market.word(order).stake == stake
    assert market.moved(before)["escrow"] == stake


# What the place holds already


@pytest.mark.parametrize("size", [WAD // 2, WAD])
def test_a_stake_that_covers_the_order_stays_where_it_is(market, size):
    market.cancel(market.place(nonce=7))
    before = market.balances()
    order = market.order(nonce=256 + 7, size=size)
    receipt = market.exchange.transact("place", order, sender=market.trader)
    assert [event.name for event in receipt.events] == ["Placed"]
    assert receipt.one("Placed").args.lapse_fee == market.lapse_fee(size)
    assert (market.moved(before), market.word(order).stake) == ({}, STAKE)


def test_only_what_is_missing_is_pulled(market):
    market.cancel(market.place(nonce=7))
    before = market.balances()
    order = market.place(nonce=256 + 7, size=WAD + 2 * 10**10)
    assert market.moved(before) == {"account": -(10**12), "escrow": 10**12}
    assert market.word(order).stake == STAKE + 10**12


def test_after_a_fill_the_same_again_moves_nothing(market):
    order = market.place(nonce=7)
    market.open(market.next_slot)
    market.execute(order).one("Executed")
    before = market.balances()
    again = market.place(nonce=256 + 7)
    assert (market.moved(before), market.word(again).stake) == ({}, STAKE)


def test_after_an_end_the_keepers_part_is_pulled(market):
    order = market.place(nonce=7, limit=49_999 * WAD)
    market.open(market.next_slot)
    assert market.ended(market.execute(order)) == ("LimitBroken", 0)
    before = market.balances()
    market.place(nonce=256 + 7)
    assert market.moved(before) == {"account": -MIN_KEEPER_FEE, "escrow": MIN_KEEPER_FEE}


def test_after_a_lapse_all_of_it_is_pulled(market):
    order = market.place(nonce=7)
    market.open(market.next_slot)
    market.chain.advance(31)
    market.execute(order).one("Ended")
    market.push(50_000 * WAD)
    before = market.balances()
    again = market.place(nonce=256 + 7)
    assert market.moved(before) == {"account": -STAKE, "escrow": STAKE}
    assert market.word(again).stake == STAKE


def test_a_stake_is_of_its_place_alone(market):
    market.cancel(market.place(nonce=7, size=3 * WAD))
    other = words.account(market.trader, 2)
    market.deposit(other, 10_000)
    before = market.balances()
    market.place(nonce=8)
    assert market.moved(before) == {"account": -STAKE, "escrow": STAKE}
    market.place(nonce=7, account=other)
    assert market.cash(other) == 10_000 * WAD - STAKE


def test_a_stake_that_covers_it_places_without_margin(market, refuses):
    """Nothing is paid, so nothing is judged before the fill; a wei's worth more is."""
    poor = words.account(market.trader, 2)
    market.deposit(poor, 26)
    market.cancel(market.place(account=poor, nonce=7))
    refuses("InsufficientMargin", market.place, account=poor, nonce=256 + 7, size=WAD + 2 * 10**10)
    market.place(account=poor, nonce=256 + 7)


def test_a_stake_places_where_none_may_be_taken(market, refuses):
    """A revoked venue takes nothing out of an account; what lies there already it may hold."""
    market.cancel(market.place(nonce=7))
    market.set_venue(0)
    refuses("NotVenue", market.place, nonce=8)
    order = market.place(nonce=256 + 7)
    market.cancel(order)
    assert market.word(order).stake == STAKE


def test_waits_for_the_first_slot_to_open(market):
    market.chain.set_time((market.now // 4 + 1) * 4)
    slot = market.now // 4  # opens in this very second: its price is public
    word = market.word(market.place())
    assert (word.state, word.slot) == (OrderState.WAITING, slot + 1)


def test_a_resting_order_stores_the_first_slot_that_may_wake_it(market):
    word = market.word(market.place(resting=True))
    assert (word.state, word.slot) == (OrderState.RESTING, market.next_slot)


def test_tells_all_in_the_event(market):
    order = market.order()
    receipt = market.exchange.transact("place", order, sender=market.trader)
    event = receipt.one("Placed").args
    assert receipt.returned == event.order_hash == market.hash(order)
    assert Order.placed(event) == order
    assert (event.account, event.slot) == (market.account, market.next_slot)
    assert event.lapse_fee == market.lapse_fee()


def test_the_event_has_every_field_that_may_be_set(market):
    order = market.order(size=-WAD, limit=7, resting=True, reduce_only=True, expiry=2**256 - 1)
    order = replace(order, nonce=2**256 - 1, keeper_fee=3 * WAD)
    receipt = market.exchange.transact("place", order, sender=market.trader)
    assert Order.placed(receipt.one("Placed").args) == order


def test_a_reduce_only_order_stakes_nothing(market):
    before = market.balances()
    order = market.place(reduce_only=True, size=-WAD)
    assert (market.moved(before), market.word(order).stake) == ({}, 0)


def test_a_reduce_only_order_leaves_the_stake_of_its_place(market):
    market.cancel(market.place(nonce=7))
    before = market.balances()
    order = market.place(nonce=256 + 7, reduce_only=True, size=-9 * WAD)
    assert (market.moved(before), market.word(order).stake) == ({}, STAKE)


def test_the_account_must_meet_initial_margin_after_the_stake(market, refuses):
    poor = words.account(market.trader, 2)
    market.deposit(poor, 3_000)
    market.fill(WAD, account=poor)  # needs 2,750.05; 2,896.975 are left
    refuses("InsufficientMargin", market.place, account=poor, size=584 * WAD // 100)
    market.place(account=poor, size=583 * WAD // 100)


def test_an_account_without_cash_places_nothing(market, refuses):
    refuses("InsufficientMargin", market.place, account=words.account(market.trader, 3))


def test_needs_the_right_to_trade(market, refuses):
    refuses("NotPermitted", market.place, sender=market.attacker)
    market.core.transact("set_delegate", market.attacker, 2 | 4, 2**40, sender=market.trader)
    refuses("NotPermitted", market.place, sender=market.attacker)


def test_a_delegate_with_the_right_places_until_it_expires(market, refuses):
    delegate = local_address("delegate")
    market.core.transact("set_delegate", delegate, 1, market.now + 2, sender=market.trader)
    market.place(sender=delegate)
    market.chain.advance(2)
    refuses("NotPermitted", market.place, sender=delegate)


@pytest.mark.parametrize(
    "fields",
    [
        {"trigger": 1},
        {"trigger_price": 1},
        {"trail": 1},
        {"slot": 425_000_100},
        {"group": 1},
        {"size": 0, "limit": 1},
        {"size": 2**96},
        {"size": -(2**96)},
        {"size": -(2**255)},
        {"size": WAD, "limit": 0},
        {"limit": 2**96},
        {"limit": 2**256 - 1},
        {"keeper_fee": WAD - 1},
        {"keeper_fee": 100 * WAD + 1},
        {"keeper_fee": 2**256 - 1},
    ],
)
def test_refuses_fields_without_a_meaning(market, refuses, fields):
    refuses("BadOrder", market.place, **fields)


def test_takes_fields_at_their_edges(market):
    market.place(size=2**96 - 1, limit=2**96 - 1, reduce_only=True, keeper_fee=WAD)
    market.place(size=-(2**96 - 1), limit=0, reduce_only=True, keeper_fee=100 * WAD)
    market.place(nonce=2**256 - 1)


def test_an_order_too_large_for_any_stake(market, refuses):
    refuses("AmountTooLarge", market.place, size=2**96 - 1)


def test_what_is_pulled_has_a_cap(market, refuses):
    market.deposit(market.account, 100_000)
    refuses("FeeTooHigh", market.place, size=401 * WAD)  # 10,025 and the keeper's 1
    market.cancel(market.place(size=399 * WAD, nonce=7))
    market.place(size=401 * WAD, nonce=256 + 7)


def test_expiry_is_at_the_opening_of_its_slot_or_later(market, refuses):
    opens = market.next_slot * 4
    refuses("TooLate", market.place, expiry=opens - 1)
    refuses("TooLate", market.place, expiry=opens - 1, resting=True)
    market.place(expiry=opens)


def test_refuses_what_is_not_listed(market, refuses):
    for instrument in (65, 192, 2**255, 2**256 - 1):
        refuses("NotListed", market.place, instrument=instrument, limit=WAD)
        refuses("NotListed", market.place, instrument=instrument, limit=WAD, reduce_only=True)


def test_a_feed_without_its_instrument_takes_orders_and_gives_them_back(market):
    """The first instrument of an underlying is taken to be listed with its feed."""
    market.oracle.transact("set_feed", 3, 60, 200_000, sender=market.governance)
    market.push(WAD, feed=3)
    market.chain.advance(1)
    order = market.place(instrument=192, limit=2 * WAD)
    market.open(market.next_slot, WAD, feed=3)
    market.vault.transact("set_refusal", selector("NotListed"))
    before = market.balances()
    assert market.ended(market.execute(order)) == ("NotListed", 0)
    assert market.moved(before) == {"escrow": -MIN_KEEPER_FEE, "keeper_account": MIN_KEEPER_FEE}
    assert market.word(order).stake == market.lapse_fee(price=WAD)


def test_needs_a_fresh_price_to_open(market, refuses):
    market.chain.advance(61)
    refuses("StalePrice", market.place)
    market.place(reduce_only=True, size=-WAD)


def test_one_order_a_word(market, refuses):
    order = market.place(nonce=5)
    refuses("OrderExists", market.place, order)
    refuses("OrderExists", market.place, nonce=5 + 256)
    market.place(nonce=6)


def test_the_word_is_free_again_but_never_for_the_same_order(market, refuses):
    order = market.place(nonce=5)
    market.cancel(order)
    refuses("OrderExists", market.place, order)
    market.place(replace(order, nonce=5 + 256))


def test_a_venue_that_was_revoked_takes_no_stake(market, refuses):
    market.set_venue(0)
    refuses("NotVenue", market.place)
