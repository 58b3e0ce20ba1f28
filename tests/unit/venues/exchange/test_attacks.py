"""What owners, keepers and delegates try; the rest of the catalogue has its place by function."""

import pytest

from tidegate.client.errors import ProtocolError
from tidegate.client.orders import OrderState
from tidegate.spec import words
from tidegate.spec.rounding import WAD

KEEPER_FEE = 2 * WAD
LAPSE_FEE = 25 * WAD


def test_an_owner_who_executes_only_the_winner_of_two_pays_for_the_loser(market):
    """He alone executes, as late as allowed; one of two opposite orders has turned out well."""
    other = words.account(market.trader, 2)
    market.deposit(other, 10_000)
    long, short = market.place(), market.place(account=other, size=-WAD)
    slot = market.next_slot
    market.open(slot)
    market.later(slot, 30)
    market.execute(long, keeper_account=market.account)
    market.chain.advance(1)
    assert market.ended(market.execute(short, keeper_account=other)) == ("TooLate", LAPSE_FEE)
    assert market.cash(other) == 10_000 * WAD - LAPSE_FEE


def test_an_owner_who_withdraws_his_margin_pays_for_the_refusal(market):
    order = market.place()
    slot = market.next_slot
    market.open(slot, 49_000 * WAD)
    market.core.transact(
        "withdraw", market.account, 0, 9_000 * 10**6, market.trader, sender=market.trader
    )
    assert market.ended(market.execute(order)) == ("InsufficientMargin", LAPSE_FEE)


def test_an_owner_who_fills_up_his_margin_elsewhere_pays_too(market):
    first, second = market.place(size=2 * WAD), market.place(size=2 * WAD)
    market.open(market.next_slot)
    market.execute(first).one("Executed")
    assert market.ended(market.execute(second)) == ("InsufficientMargin", 2 * LAPSE_FEE)


def test_a_keeper_cannot_spoil_a_fill_by_the_account_he_names(market):
    """One that would fail every verdict is only paid."""
    broke = words.account(market.keeper, 5)
    market.deposit(broke, 3_000)
    order = market.place(account=broke, sender=market.keeper)
    market.open(market.next_slot)
    market.execute(order)
    market.open(market.next_slot, 45_000 * WAD)
    market.chain.advance(1)
    assert market.core.call("health", broke)[0] < 0
    order = market.place(limit=60_000 * WAD)
    market.open(market.next_slot, 45_000 * WAD)
    before = market.cash(broke)
    market.execute(order, keeper_account=broke).one("Executed")
    assert market.cash(broke) == before + KEEPER_FEE


def test_a_keeper_cannot_be_paid_into_a_lie(market):
    """Pool, treasury, nobody: whatever he names, the fill is the same and the fee is gone."""
    for account in (market.pool, market.treasury, 0, 2**256 - 1):
        snapshot = market.chain.snapshot()
        order = market.place()
        market.open(market.next_slot)
        market.execute(order, keeper_account=account).one("Executed")
        assert market.position(market.account) == WAD
        assert market.cash(market.escrow) == 0
        market.chain.restore(snapshot)


def test_a_trading_key_drains_no_more_than_bounded_keeper_fees(market):
    thief = market.attacker
    market.core.transact("set_delegate", thief, 1, 2**40, sender=market.trader)
    with pytest.raises(ProtocolError) as refusal:
        market.place(sender=thief, keeper_fee=101 * WAD, size=10**16)
    assert refusal.value.name == "BadOrder"


def test_a_trading_key_earns_the_least_fee_by_orders_that_cannot_fill(market):
    """The rest of a generous keeper fee goes back to the account."""
    thief = words.account(market.attacker, 0)
    market.core.transact("set_delegate", market.attacker, 1, 2**40, sender=market.trader)
    order = market.place(sender=market.attacker, keeper_fee=100 * WAD, limit=1)
    market.open(market.next_slot)
    before = market.cash(market.account)
    assert market.ended(market.execute(order, keeper_account=thief)) == ("LimitBroken", 0)
    assert market.cash(thief) == WAD
    assert market.cash(market.account) == before + 99 * WAD + LAPSE_FEE


def test_an_order_outlives_no_pause(market):
    """Placed before it, openings end with a refund: a pause is nobody's option."""
    order = market.place()
    slot = market.next_slot
    market.set_venue(1, market.now + 20)
    market.open(slot)
    assert market.ended(market.execute(order)) == ("Paused", 0)
    market.chain.set_time(slot * 4 + 25)
    with pytest.raises(ProtocolError) as refusal:
        market.execute(order)
    assert refusal.value.name == "UnknownOrder"


def test_nobody_kills_a_resting_order_by_waking_it_in_vain(market):
    """The price is within the limit, its quote is not: woken all day, it only rests again."""
    order = market.place(resting=True, limit=50_000 * WAD)
    before = market.balances()
    for _ in range(3):
        slot = market.next_slot
        market.open(slot)
        market.wake(order, slot)
        market.open(slot + 1)
        market.chain.advance(100)
        market.push(50_000 * WAD)
        market.execute(order).one("Rested")
    assert market.moved(before) == {}
    assert market.word(order).state == OrderState.RESTING


def test_one_escrow_pays_for_one_order(market):
    """Many orders share the escrow account; each takes out exactly what it put in."""
    orders = [market.place(size=size * WAD // 10) for size in range(1, 8)]
    assert market.cash(market.escrow) == sum(
        KEEPER_FEE + market.lapse_fee(order.size) for order in orders
    )
    slot = market.next_slot
    market.cancel(orders[0])
    market.open(slot)
    market.cancel(orders[1])
    for order in orders[2:5]:
        market.execute(order)
    market.chain.advance(31)
    assert market.cash(market.escrow) == sum(
        KEEPER_FEE + market.lapse_fee(order.size) for order in orders[5:]
    )
    for order in orders[5:]:
        market.execute(order)
    assert market.cash(market.escrow) == 0
    lost = [market.lapse_fee(order.size) for order in (orders[1], *orders[5:])]
    assert market.cash(market.treasury) == 1_000_000 * WAD + sum(lost)


def test_a_revoked_venue_fills_nothing_and_gives_back_its_escrow(market, refuses):
    kept, late = market.place(), market.place()
    market.set_venue(0)
    market.cancel(kept)
    assert market.cash(market.escrow) == KEEPER_FEE + market.lapse_fee(late.size)
    market.open(market.next_slot)
    refuses("NotVenue", market.execute, late)
    market.cancel(late)
    assert market.cash(market.escrow) == 0
