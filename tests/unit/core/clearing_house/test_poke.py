"""Funding: one index per side, one pot; whoever is touched settles with the pot, rounded up."""

import random
from dataclasses import replace

import pytest

from tests.unit.core.clearing_house.conftest import BTC, ETH, PRICE, RISK, House
from tidegate.local_accounts import local_address
from tidegate.spec import funding, words
from tidegate.spec.rounding import WAD

DAY = 86400
FAST = replace(RISK, max_velocity=300_000, max_rate=100_000)


@pytest.fixture
def funded(house: House) -> House:
    house.list(BTC, FAST)
    return house


def words_of(house: House) -> tuple[words.Indices, words.Interest, words.Carry]:
    call = house.core.call
    return (
        words.Indices.unpack(call("indices_word", BTC)),
        words.Interest.unpack(call("interest_word", BTC)),
        words.Carry.unpack(call("carry_word", BTC)),
    )


def test_anyone_accrues_and_it_is_logged(funded: House, trader: int):
    funded.trade(trader, 100 * WAD)
    before = words_of(funded)
    funded.chain.advance(DAY)
    done = funded.core.transact("poke", BTC, sender=local_address("stranger"))
    after = words_of(funded)
    indices, interest, carry = funding.accrued(*before, FAST, PRICE, funded.chain.time())
    # the pool, short of what the trader is long of, settles: it earns 1.50 a unit out of the pot
    assert after == (indices, interest, replace(carry, pot=-150 * WAD))
    assert funded.cash(funded.pool()) == 100 * PRICE + 150 * WAD
    # a skew of a tenth of K: 3 % a day after a day, 1.5 % on average, on 100
    assert after[2].rate == 3 * 10**13
    assert after[0].long == after[0].short == 10**27 * 3 // 2
    event = done.one("Accrued").args
    assert event.instrument == BTC
    assert (event.indices, event.interest, event.carry) == tuple(w.pack() for w in after)


def test_it_is_idempotent_within_a_second(funded: House, trader: int):
    funded.trade(trader, 100 * WAD)
    funded.chain.advance(DAY)
    funded.core.transact("poke", BTC)
    before = words_of(funded)
    funded.price(2 * PRICE)
    funded.core.transact("poke", BTC)
    assert words_of(funded) == before


def test_what_is_not_listed_is_refused(funded: House, refuses):
    for instrument in (0, 63, 65, ETH, 2**16, 2**255):
        refuses("NotListed", funded.core.transact, "poke", instrument)


def test_an_interval_is_charged_at_the_price_it_began_with(funded: House, trader: int):
    funded.trade(trader, 100 * WAD)
    funded.chain.advance(DAY)
    funded.price(3 * PRICE)
    funded.core.transact("poke", BTC)
    assert words_of(funded)[0].long == 10**27 * 3 // 2
    assert words_of(funded)[2].price == 3 * PRICE


def test_a_stale_price_stops_no_accrual(funded: House, trader: int):
    funded.trade(trader, 100 * WAD)
    funded.chain.advance(DAY)
    funded.price(PRICE, fresh=False)
    funded.core.transact("poke", BTC)
    assert words_of(funded)[0].long == 10**27 * 3 // 2


def test_one_side_settles_today_the_other_months_later(funded: House, trader: int):
    """The pot lends what the late side owes, and ends with the roundings."""
    early, late = trader, funded.fund("late", 100_000 * WAD)
    funded.trade(late, 100 * WAD)
    funded.trade(early, -60 * WAD)
    for _ in range(90):
        funded.chain.advance(DAY)
        funded.price(PRICE)
    before = funded.cash(early)
    fill = funded.trade(early, 60 * WAD).one("Filled").args
    assert fill.taker_due == before - funded.cash(early) - 6_000 * WAD
    assert fill.taker_due < 0
    assert fill.maker_due < 0
    assert funded.carry().pot == fill.taker_due + fill.maker_due
    assert funded.pot_and_dues() >= 0
    funded.laws()
    for _ in range(90):
        funded.chain.advance(DAY)
    funded.trade(late, -100 * WAD)
    # the pool has still to draw what is its own
    assert funded.pot_and_dues() in range(4)
    funded.laws()


def test_three_who_share_a_charge_never_empty_the_pot(funded: House):
    """Sizes that divide badly, settled at random: the pot ends with a few wei, never without."""
    rng = random.Random(5)
    accounts = [funded.fund(f"trader {i}", 10**6 * WAD) for i in range(5)]
    fills = 0
    for _ in range(150):
        account = rng.choice(accounts)
        size = rng.choice([-1, 1]) * rng.randint(10 * WAD, 50 * WAD)
        if rng.random() < 0.3:
            size = -funded.size(account) or size
        price = rng.randint(98 * WAD, 102 * WAD)
        funded.price(price)
        funded.trade(account, size, price)
        fills += 2
        assert 0 <= funded.pot_and_dues() <= fills + len(accounts) + 1
        funded.chain.advance(rng.choice([1, 7, 3600, DAY, 30 * DAY]))
    for account in accounts:
        if funded.size(account):
            funded.trade(account, -funded.size(account), price)
    funded.laws()
    assert 0 <= funded.pot_and_dues() <= fills + 20


def test_a_flip_settles_the_old_side_and_starts_on_the_new(funded: House, trader: int):
    funded.trade(trader, 100 * WAD)
    funded.chain.advance(DAY)
    cash = funded.cash(trader)
    done = funded.trade(trader, -150 * WAD)
    assert done.one("Filled").args.taker_due == 150 * WAD
    assert done.one("Filled").args.maker_due == -150 * WAD
    assert funded.cash(trader) == cash + 15_000 * WAD - 150 * WAD
    assert funded.carry().pot == 0
    assert funded.position(trader).checkpoint == words_of(funded)[0].short


def test_a_health_check_sees_what_is_not_yet_written(funded: House, trader: int):
    funded.trade(trader, 100 * WAD)
    funded.chain.advance(DAY)
    assert funded.health(trader)[0] == 850 * WAD
    funded.core.transact("poke", BTC)
    assert funded.health(trader)[0] == 850 * WAD


def test_years_of_the_highest_rate_stay_within_the_words(house: House):
    """At a price of 1e9 and 100 % a day the index ends before its field: a charge, not a lock."""
    house.list(BTC, replace(RISK, max_velocity=10**7, max_rate=10**6))
    house.price(10**9 * WAD)
    whale = house.fund("whale", 10**14 * WAD)
    house.trade(whale, 1_000 * WAD, 10**9 * WAD)
    for _ in range(10):
        house.chain.advance(10 * 365 * DAY)
        house.core.transact("poke", BTC)
    indices = words.Indices.unpack(house.core.call("indices_word", BTC))
    assert 0 < indices.long == indices.short <= words.MAX_INDEX
