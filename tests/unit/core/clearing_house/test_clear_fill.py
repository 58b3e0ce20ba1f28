"""A fill moves a size one way and one integer of cash the other."""

import itertools
import random
from dataclasses import replace

import pytest

from tests.unit.core.clearing_house.conftest import (
    BTC,
    BTC_2,
    ETH,
    PRICE,
    TRADE,
    House,
)
from tidegate.local_accounts import local_address
from tidegate.spec import words
from tidegate.spec.rounding import WAD

MIN_INT = -(2**255)


def test_both_sides_move_by_the_same_integers(house: House, trader: int):
    done = house.trade(trader, 7 * WAD + 1, 101 * WAD + 1, fee=WAD // 10)
    cost = -(-(7 * WAD + 1) * (101 * WAD + 1) // WAD)
    assert house.size(trader) == 7 * WAD + 1 == -house.size(house.pool())
    assert house.cash(trader) == 1_000 * WAD - cost - WAD // 10
    assert house.cash(house.pool()) == cost + WAD // 10
    assert house.position(trader) == words.Position(7 * WAD + 1, 0, words.FIRST_EPOCH)
    assert house.holds(trader) == (BTC,)
    assert house.interest().long_side == 7 * WAD + 1
    event = done.one("Filled").args
    assert (event.taker, event.maker, event.instrument) == (trader, house.pool(), BTC)
    assert (event.size, event.price, event.fee, event.slot) == (
        7 * WAD + 1,
        101 * WAD + 1,
        WAD // 10,
        0,
    )
    assert (event.taker_due, event.maker_due) == (0, 0)


@pytest.mark.parametrize(
    ("size", "cost"), [(2 * WAD + 1, 200 * WAD + 101), (-2 * WAD - 1, -200 * WAD - 100)]
)
def test_cost_is_rounded_against_the_taker(house: House, trader: int, size: int, cost: int):
    """At 100.5 per 1e-18 the last unit is worth half an integer."""
    price = 100 * WAD + WAD // 2
    house.price(price)
    exact = size * price
    house.trade(trader, size, price)
    assert 1_000 * WAD - house.cash(trader) == -(-exact // WAD)
    assert 1_000 * WAD - house.cash(trader) == cost + (WAD if size > 0 else -WAD)


def test_a_slot_is_the_reference_when_one_is_named(house: House, trader: int, refuses):
    house.slot(77, 120 * WAD)
    refuses("OutsideBand", house.trade, trader, WAD, 120 * WAD)
    refuses("OutsideBand", house.trade, trader, WAD, PRICE, slot=77)
    house.trade(trader, WAD, 120 * WAD, slot=77)
    assert house.cash(trader) == 880 * WAD


def test_a_slot_without_a_price_is_refused(house: House, trader: int, refuses):
    for slot in (1, 2**32, 2**256 - 1):
        refuses("NoPrice", house.trade, trader, WAD, slot=slot)


def test_an_instrument_without_a_price_is_refused(house: House, trader: int, refuses):
    house.list(ETH)
    house.price(0, feed=2)
    refuses("NoPrice", house.trade, trader, WAD, instrument=ETH)


@pytest.mark.parametrize("price", [2**90, 2**200, 2**256 - 1])
def test_a_mark_beyond_its_width_is_no_price(house: House, trader: int, refuses, price: int):
    house.price(price)
    refuses("NoPrice", house.trade, trader, WAD)


@pytest.mark.parametrize("side", [1, -1])
def test_prices_stay_within_the_band(house: House, trader: int, refuses, side: int):
    edge = PRICE + side * 3 * WAD
    refuses("OutsideBand", house.trade, trader, WAD, edge + side)
    house.trade(trader, WAD, edge)


@pytest.mark.parametrize("size", [0, 2**103, -(2**103), 2**255 - 1, MIN_INT, MIN_INT + 1])
def test_sizes_without_meaning_are_refused(house: House, trader: int, refuses, size: int):
    refuses("BadFill", house.trade, trader, size)


@pytest.mark.parametrize("price", [0, 2**90, 2**128, 2**255, 2**256 - 1])
def test_prices_without_meaning_are_refused(house: House, trader: int, refuses, price: int):
    refuses("BadFill", house.trade, trader, WAD, price)


@pytest.mark.parametrize("fee", [2**120, 2**255, 2**256 - 1])
def test_fees_beyond_any_amount_are_refused(house: House, trader: int, refuses, fee: int):
    refuses("BadFill", house.trade, trader, WAD, fee=fee)
    refuses("BadFill", house.clear, house.payment(trader, house.escrow, fee))


def test_nobody_fills_against_itself(house: House, trader: int, refuses):
    refuses("BadFill", house.trade, trader, WAD, maker=trader)
    refuses("BadFill", house.clear, house.payment(trader, trader, WAD))
    refuses("BadFill", house.trade, house.pool(), WAD, maker=house.pool())


def test_no_fill_is_of_account_zero(house: House, trader: int, refuses):
    """Anyone can pay into it, and nobody answers for it."""
    house.deposit(0, 1_000 * WAD, local_address("payer"))
    refuses("BadFill", house.clear, house.payment(0, trader, WAD))
    refuses("BadFill", house.trade, 0, 1_000 * WAD)


def test_a_pool_takes_nothing_and_makes_its_own_underlying_only(house: House, trader: int, refuses):
    house.list(ETH)
    refuses("BadFill", house.trade, house.pool(), WAD, maker=trader)
    refuses("BadFill", house.trade, trader, WAD, maker=house.pool(ETH))
    refuses("BadFill", house.trade, trader, WAD, instrument=ETH, maker=house.pool(BTC))
    house.trade(trader, WAD, instrument=ETH)


def test_accounts_shaped_like_pools_fill_nothing(house: House, trader: int, refuses):
    attacker = words.pool(local_address("attacker"), 1)
    house.deposit(attacker, 1_000 * WAD, local_address("attacker"))
    refuses("BadFill", house.trade, trader, WAD, maker=attacker)
    refuses("BadFill", house.trade, attacker, WAD)
    unlisted = words.pool(house.vault.address, 9)
    refuses("BadFill", house.trade, trader, WAD, maker=unlisted)
    # the low bits name the underlying, all of them
    for odd in (1 << 63, 1 << 32):
        refuses("BadFill", house.trade, trader, WAD, maker=house.pool() | odd)


def test_escrows_hold_no_positions(house: House, trader: int, refuses):
    house.clear(house.payment(trader, house.escrow, 500 * WAD))
    refuses("BadFill", house.trade, house.escrow, WAD)
    refuses("BadFill", house.trade, trader, WAD, maker=house.escrow)


def test_only_registered_venues_clear(house: House, trader: int, refuses):
    for caller in (local_address("trader"), house.configurator, house.vault.address):
        if caller == house.vault.address:
            fills = [house.fill(trader, WAD)]
            refuses("NotVenue", house.as_vault, "clear", fills)
        else:
            refuses("NotVenue", house.clear, house.fill(trader, WAD), by=caller)
            payment = house.payment(trader, house.escrow, 0)
            refuses("NotVenue", house.clear, payment, by=caller)


def test_nothing_to_clear_changes_nothing(house: House, trader: int):
    done = house.clear()
    assert done.events == []


def test_at_most_eight_fills(house: House, trader: int):
    house.clear(*[house.payment(trader, house.insurance, WAD)] * 8)
    with pytest.raises(Exception, match="clear"):
        house.clear(*[house.payment(trader, house.insurance, WAD)] * 9)


def test_an_instrument_that_is_not_listed_is_refused(house: House, trader: int, refuses):
    for instrument in (1, 63, 65, ETH, 65535, 65536, 2**255):
        maker = words.pool(house.vault.address, instrument >> 6 & (2**64 - 1))
        refuses("NotListed", house.trade, trader, WAD, instrument=instrument, maker=maker)


def test_a_position_is_zero_or_the_minimum_notional(house: House, trader: int, refuses):
    refuses("BelowMinimum", house.trade, trader, WAD - 1)
    house.trade(trader, WAD + WAD // 2)
    refuses("BelowMinimum", house.trade, trader, -WAD)
    refuses("BelowMinimum", house.trade, trader, -2 * WAD)
    house.trade(trader, -WAD // 2)
    house.price(99 * WAD)
    refuses("BelowMinimum", house.trade, trader, -WAD // 2, 99 * WAD)
    house.trade(trader, -WAD, 99 * WAD)
    assert house.size(trader) == 0
    assert house.holds(trader) == ()


def test_a_flip_changes_sides(house: House, trader: int):
    house.trade(trader, 5 * WAD)
    house.trade(trader, -8 * WAD)
    assert (house.size(trader), house.size(house.pool())) == (-3 * WAD, 3 * WAD)
    interest = house.interest()
    assert (interest.long_side, interest.short_side) == (0, 3 * WAD)
    assert house.holds(trader) == (BTC,)


@pytest.mark.parametrize("size", [10 * WAD, -10 * WAD])
def test_a_match_moves_both_sides_and_no_pool(house: House, trader: int, size: int):
    maker = house.fund("maker", 1_000 * WAD)
    house.trade(trader, size, maker=maker, fee=WAD // 2)
    assert (house.size(trader), house.size(maker), house.size(house.pool())) == (size, -size, 0)
    interest = house.interest()
    assert interest.long_side == interest.short_side == 10 * WAD
    assert house.cash(trader) == 1_000 * WAD - size * 100 - WAD // 2
    assert house.cash(maker) == 1_000 * WAD + size * 100 + WAD // 2
    assert house.cash(house.pool()) == house.principal(house.pool()) == 0
    house.trade(maker, size, maker=trader)
    assert house.interest() == interest.moved(10 * WAD, -10 * WAD).moved(-10 * WAD, 10 * WAD)


def test_a_match_against_a_maker_without_margin_is_refused(house: House, trader: int, refuses):
    maker = house.fund("maker", 49 * WAD)
    refuses("InsufficientMargin", house.trade, trader, 10 * WAD, maker=maker)
    house.deposit(maker, WAD, local_address("maker"))
    house.trade(trader, 10 * WAD, maker=maker)


def test_takers_may_come_twice_and_be_makers_too(house: House, trader: int):
    maker = house.fund("maker", 1_000 * WAD)
    house.clear(
        house.fill(trader, 10 * WAD),
        house.fill(trader, 5 * WAD, maker=maker),
        house.fill(maker, 10 * WAD, maker=trader),
        house.fill(trader, -2 * WAD),
    )
    assert (house.size(trader), house.size(maker)) == (3 * WAD, 5 * WAD)
    assert house.size(house.pool()) == -8 * WAD


def test_markets_may_alternate_in_one_call(house: House, trader: int):
    house.list(ETH)
    house.list(BTC_2)
    house.clear(
        *[
            house.fill(trader, WAD * k, instrument=instrument)
            for k, instrument in enumerate([BTC, ETH, BTC, BTC_2, ETH, BTC], start=1)
        ]
    )
    assert house.size(trader, BTC) == 10 * WAD
    assert house.size(trader, ETH) == 7 * WAD
    assert house.size(trader, BTC_2) == 4 * WAD
    assert house.interest(BTC).long_side == 10 * WAD
    assert house.interest(ETH).long_side == 7 * WAD
    assert house.size(house.pool(BTC), BTC) == -10 * WAD
    assert house.size(house.pool(BTC), BTC_2) == -4 * WAD
    assert house.holds(trader) == (BTC, BTC_2, ETH)


def test_fifteen_instruments_and_no_more_in_ascending_order(house: House, refuses):
    whale = house.fund("whale", 1_000_000 * WAD)
    ids = [64 * underlying + k for underlying in (3, 1, 1023, 2) for k in (5, 0, 63, 17)]
    for instrument in ids:
        house.price(PRICE, feed=instrument >> 6)
        house.list(instrument)
    rng = random.Random(7)
    rng.shuffle(ids)
    for place, instrument in enumerate(ids[:15], start=1):
        house.trade(whale, WAD if place % 2 else -WAD, instrument=instrument)
        assert house.holds(whale) == tuple(sorted(ids[:place]))
    refuses("TooManyPositions", house.trade, whale, WAD, instrument=ids[15])
    # one out of any place, another in
    for gone, come in itertools.pairwise([*ids[:15], ids[15]]):
        held = house.holds(whale)
        if gone not in held:
            continue
        house.trade(whale, -house.size(whale, gone), instrument=gone)
        assert house.holds(whale) == tuple(i for i in held if i != gone)
        come = come if come not in held else ids[15] if ids[15] not in held else gone
        house.trade(whale, WAD, instrument=come)
        assert house.holds(whale) == tuple(sorted({*held, come} - ({gone} - {come})))
    equity, initial, maintenance, notional = house.health(whale)
    assert equity == 1_000_000 * WAD
    assert notional == 1_500 * WAD
    assert initial * 3 == maintenance * 5


def test_the_widest_sizes_fit(house: House):
    """Fills are below 2**103 and so is the hard cap: a side is never wider than its field."""
    widest = 2**103 // 10**12
    house.list(trade=replace(TRADE, hard=widest, soft=widest, minimum=0))
    house.price(1)
    cap = widest * 10**12
    whale, other, third = (house.fund(name, 10**15 * WAD) for name in ("whale", "other", "third"))
    house.trade(whale, cap, 1)
    assert house.size(house.pool()) == -cap
    house.trade(other, -cap, 1)
    interest = house.interest()
    assert (interest.long_side, interest.short_side) == (cap, cap)
    for size in (2**103 - 1, 1 - 2**103):
        with pytest.raises(Exception, match="OpenInterestCap"):
            house.trade(third, size, 1)
    assert house.interest() == interest
    with pytest.raises(Exception, match="clear"):
        house.trade(whale, 2**103 - 1, 1)  # no int104 holds the sum
    house.trade(whale, -cap, 1)
    house.trade(other, cap, 1)


def test_the_highest_prices_fit(house: House):
    house.list(trade=replace(TRADE, minimum=0))
    house.price(2**90 - 1)
    whale = house.fund("whale", 10**15 * WAD)
    house.trade(whale, 5_000 * WAD, 2**90 - 1)
    assert house.cash(whale) == 10**15 * WAD - 5_000 * (2**90 - 1)
    house.trade(whale, -5_000 * WAD, 2**90 - 1)
    assert house.cash(whale) == 10**15 * WAD
