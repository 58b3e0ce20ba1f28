"""What owners, keepers and delegates try; the rest of the catalogue has its place by function."""

import pytest

from tidegate.client.errors import ProtocolError
from tidegate.client.orders import OrderState
from tidegate.spec import words
from tidegate.spec.rounding import WAD

KEEPER_FEE = 2 * WAD
MIN_KEEPER_FEE = WAD
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
    assert market.word(short).stake == MIN_KEEPER_FEE
    market.exchange.transact("release", other, short.place, sender=market.trader)
    assert market.cash(other) == 10_000 * WAD - LAPSE_FEE


def test_an_owner_who_withdraws_his_margin_pays_for_the_refusal(market):
    order = market.place()
    slot = market.next_slot
    market.open(slot)
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
        assert market.cash(market.escrow) == market.word(order).stake == LAPSE_FEE + MIN_KEEPER_FEE
        market.chain.restore(snapshot)


def test_a_trading_key_drains_no_more_than_bounded_keeper_fees(market):
    thief = market.attacker
    market.core.transact("set_delegate", thief, 1, 2**40, sender=market.trader)
    with pytest.raises(ProtocolError) as refusal:
        market.place(sender=thief, keeper_fee=101 * WAD, size=10**16)
    assert refusal.value.name == "BadOrder"


def test_a_trading_key_earns_the_least_fee_by_orders_that_cannot_fill(market):
    """A generous keeper fee is never taken from the account; the stake loses the least fee."""
    thief = words.account(market.attacker, 0)
    market.core.transact("set_delegate", market.attacker, 1, 2**40, sender=market.trader)
    order = market.place(sender=market.attacker, keeper_fee=100 * WAD, limit=1)
    market.open(market.next_slot)
    before = market.cash(market.account)
    assert market.ended(market.execute(order, keeper_account=thief)) == ("LimitBroken", 0)
    assert market.cash(thief) == MIN_KEEPER_FEE
    assert market.cash(market.account) == before
    assert market.word(order).stake == LAPSE_FEE


def test_a_trading_key_takes_no_more_out_of_a_large_stake(market):
    """However much lies in a place: the least fee an order, and the lapse fee of its own size."""
    thief = words.account(market.attacker, 0)
    market.core.transact("set_delegate", market.attacker, 1, 2**40, sender=market.trader)
    market.cancel(market.place(size=100 * WAD, nonce=7))
    stake = 100 * LAPSE_FEE + MIN_KEEPER_FEE
    for turn in range(1, 4):
        order = market.place(sender=market.attacker, size=WAD // 10, nonce=7 + 256 * turn)
        market.open(market.next_slot)
        market.chain.advance(31)
        market.execute(order, keeper_account=thief)
        stake -= MIN_KEEPER_FEE + LAPSE_FEE // 10
        assert market.word(order).stake == stake
    assert market.cash(thief) == 3 * MIN_KEEPER_FEE


def test_an_order_outlives_no_pause(market):
    """Placed before it, openings end and keep their stake: a pause is nobody's option."""
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


def test_every_place_has_its_own_stake(market):
    """They share the escrow account, which holds what the words say, at every step."""
    orders = [market.place(size=size * WAD // 10) for size in range(1, 8)]
    full = [MIN_KEEPER_FEE + market.lapse_fee(order.size) for order in orders]

    def stakes() -> list[int]:
        found = [market.word(order).stake for order in orders]
        assert market.cash(market.escrow) == sum(found)
        return found

    assert stakes() == full
    slot = market.next_slot
    market.cancel(orders[0])
    market.open(slot)
    market.cancel(orders[1])
    for order in orders[2:5]:
        market.execute(order).one("Executed")
    market.chain.advance(31)
    assert stakes() == [full[0], MIN_KEEPER_FEE, *full[2:]]
    for order in orders[5:]:
        market.execute(order).one("Ended")
    assert stakes() == [full[0], MIN_KEEPER_FEE, *full[2:5], 0, 0]
    lost = [market.lapse_fee(order.size) for order in (orders[1], *orders[5:])]
    assert market.cash(market.treasury) == 1_000_000 * WAD + sum(lost)


def test_all_places_of_an_account_stake_apart(market):
    orders = [market.place(size=WAD // 100, nonce=place) for place in range(256)]
    each = MIN_KEEPER_FEE + market.lapse_fee(WAD // 100)
    assert {market.word(order).stake for order in orders} == {each}
    assert market.cash(market.escrow) == 256 * each
    before = market.cash(market.account)
    for order in orders:
        market.cancel(order)
        market.exchange.transact("release", market.account, order.place, sender=market.trader)
    assert market.cash(market.escrow) == 0
    assert market.cash(market.account) == before + 256 * each


def test_a_revoked_venue_fills_nothing_and_gives_back_its_escrow(market, refuses):
    kept, late = market.place(), market.place()
    each = MIN_KEEPER_FEE + LAPSE_FEE
    market.set_venue(0)
    market.cancel(kept)
    market.exchange.transact("release", market.account, kept.place, sender=market.trader)
    assert market.cash(market.escrow) == each
    market.open(market.next_slot)
    refuses("NotVenue", market.execute, late)
    market.cancel(late)
    market.exchange.transact("release", market.account, late.place, sender=market.trader)
    assert market.cash(market.escrow) == 0
    assert market.cash(market.account) == 10_000 * WAD - LAPSE_FEE


def test_an_account_without_margin_cannot_owe_its_keeper(market):
    """An old stake places an order that nothing else covers: it ends, and the stake pays."""
    poor = words.account(market.trader, 2)
    market.deposit(poor, 26)
    market.cancel(market.place(account=poor, nonce=7))
    assert market.cash(poor) == 0
    order = market.place(account=poor, nonce=256 + 7, keeper_fee=100 * WAD)
    market.open(market.next_slot)
    before = market.balances()
    assert market.ended(market.execute(order)) == ("InsufficientMargin", LAPSE_FEE)
    assert market.moved(before) == {
        "escrow": -LAPSE_FEE - MIN_KEEPER_FEE,
        "treasury": LAPSE_FEE,
        "keeper_account": MIN_KEEPER_FEE,
    }
    assert (market.cash(poor), market.word(order).stake) == (0, 0)


def test_an_account_below_zero_pays_no_keeper_by_an_ordinary_order_either(market):
    """Its stake is older than its ruin; only who pays himself closes it."""
    poor = words.account(market.trader, 2)
    market.deposit(poor, 3_000)
    market.cancel(market.place(account=poor, nonce=7))
    market.fill(WAD, account=poor)
    market.open(market.next_slot, 46_000 * WAD)
    market.chain.advance(1)
    assert market.core.call("health", poor)[0] < 0
    order = market.place(account=poor, size=-WAD, nonce=256 + 7)
    market.open(market.next_slot, 46_000 * WAD)
    snapshot = market.chain.snapshot()
    market.execute(order, keeper_account=poor).one("Executed")
    market.chain.restore(snapshot)
    reason, lost = market.ended(market.execute(order))
    assert (reason, lost) == ("InsufficientMargin", market.lapse_fee(price=46_000 * WAD))
    assert market.cash(market.keeper_account) == KEEPER_FEE + MIN_KEEPER_FEE
