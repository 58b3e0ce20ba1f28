"""Listing and terms: what lies behind is charged by the terms it had."""

from dataclasses import replace

from tests.unit.core.clearing_house.conftest import BTC, ETH, LIMITS, PRICE, RISK, TRADE, House
from tidegate.local_accounts import local_address
from tidegate.spec import words
from tidegate.spec.rounding import WAD

DAY = 86400


def test_a_listing_starts_the_market(house: House):
    house.chain.advance(77)
    pool = words.pool(house.vault.address, 2)
    assert house.core.call("cash_word", pool, 0) == 0
    done = house.list(ETH)
    event = done.one("TermsSet").args
    terms = (RISK.pack(), TRADE.pack(), LIMITS.pack())
    assert (event.instrument, event.risk, event.trade, event.limits) == (ETH, *terms)
    assert tuple(house.core.call(f"{name}_word", ETH) for name in ("risk", "trade", "limits")) == (
        terms
    )
    assert house.interest(ETH) == words.Interest(words.FULL_SCALE, house.chain.time())
    assert house.carry(ETH) == words.Carry(0, 0, PRICE)
    assert house.core.call("indices_word", ETH) == 0
    assert house.word(pool) == words.Cash(0, 0, words.ALIVE | words.POOL)


def test_new_terms_accrue_first(house: House, trader: int):
    fast = replace(RISK, max_velocity=300_000, max_rate=100_000)
    house.list(BTC, fast)
    house.trade(trader, 100 * WAD)
    house.chain.advance(DAY)
    house.list(BTC, RISK)
    indices = words.Indices.unpack(house.core.call("indices_word", BTC))
    assert indices.long == 10**27 * 3 // 2
    house.chain.advance(DAY)
    house.core.transact("poke", BTC)
    assert words.Indices.unpack(house.core.call("indices_word", BTC)) == indices


def test_new_terms_leave_the_state_alone(house: House, trader: int):
    house.trade(trader, 10 * WAD, fee=WAD // 2)
    house.as_vault("scale_caps", BTC, 5)
    before = house.interest(), house.word(house.pool()), house.position(trader)
    house.list(BTC, RISK, replace(TRADE, taker_fee=1))
    assert (house.interest(), house.word(house.pool()), house.position(trader)) == before


def test_higher_shocks_bind_at_once(house: House, trader: int, refuses):
    house.trade(trader, 200 * WAD)
    house.list(BTC, replace(RISK, initial_shock=100_000, maintenance_shock=60_000))
    assert house.health(trader)[1:3] == (2_000 * WAD, 1_200 * WAD)
    refuses("InsufficientMargin", house.trade, trader, WAD)
    house.liquidate(trader, -100 * WAD, PRICE)


def test_what_was_paid_into_a_future_pool_goes_to_insurance(house: House):
    """The field that was its principal is what a pool owes."""
    pool = words.pool(house.vault.address, 2)
    house.deposit(pool, 10 * WAD, local_address("donor"))
    house.list(ETH)
    house.core.transact("sweep_fees", pool, 0)
    assert (house.cash(pool), house.cash(house.insurance)) == (0, 10 * WAD)


def test_an_instrument_needs_a_price(house: House, refuses):
    args = ("set_terms", 9 * 64, RISK.pack(), TRADE.pack(), LIMITS.pack())
    refuses("NoPrice", house.core.transact, *args, sender=house.configurator)


def test_only_the_configurator_sets(house: House, refuses):
    args = ("set_terms", BTC, RISK.pack(), TRADE.pack(), LIMITS.pack())
    for sender in (local_address("attacker"), house.venue):
        refuses("NotOwner", house.core.transact, *args, sender=sender)
