"""Each law holds on a small consistent ledger and is false once its subject is tampered with."""

from dataclasses import replace

import pytest

from tidegate.laws import LAWS, Books, MarketBooks, check, vault_equity
from tidegate.spec import words
from tidegate.spec.rounding import INDEX_ONE, WAD
from tidegate.spec.words import Carry, Cash, Indices, Interest, Position, Risk

CORE, VAULT, TRADER, LP = 1001, 1002, 1003, 1004
BTC = 64
TIME = 1_000_000
MARK = 100 * WAD
LONG = words.account(TRADER)
POOL = words.pool(VAULT, 1)
DEFICITS = words.deficits(CORE, 0)
RISK = Risk.human(scale=1000, half_life=3600, max_rate="0.1", max_velocity="0.3", kind=1)


def cash(amount, principal=0, flags=words.ALIVE):
    return Cash(amount, principal, flags)


@pytest.fixture
def books():
    """A trader long 2 of the pool at 100, funding of 3 each due to the pot, a deficit of 5."""
    size = 2 * WAD
    market = MarketBooks(
        indices=Indices(3 * INDEX_ONE, 3 * INDEX_ONE),
        interest=Interest(scale=65535, time=TIME, short_side=0, long_side=size),
        carry=Carry(pot=-1 * WAD, rate=0, price=MARK),
        risk=RISK,
        mark=MARK,
        max_premium=10_000,
    )
    built = Books(
        time=TIME,
        core=CORE,
        vault=VAULT,
        asset=0,
        cash={
            LONG: cash(50 * WAD - 200 * WAD, 50 * WAD),
            POOL: cash(200 * WAD, 4 * WAD, words.ALIVE | words.POOL),
            words.treasury(VAULT): cash(1000 * WAD),
            words.account(LP): cash(7 * WAD),
            DEFICITS: cash(-5 * WAD),
        },
        positions={
            (LONG, BTC): Position(size, 2 * INDEX_ONE, 1),
            (POOL, BTC): Position(-size, 1 * INDEX_ONE, 1),
        },
        markets={BTC: market},
        held=1054 * WAD,
        donations=3 * WAD,
        booked=5 * WAD,
        vault_equity=0,
    )
    # the pot holds -1; 2 is due from the trader, -4 from the pool: make it whole
    market = replace(market, carry=Carry(pot=2 * WAD, rate=0, price=MARK))
    built = replace(built, markets={BTC: market}, held=1057 * WAD)
    return replace(built, vault_equity=vault_equity(built))


def test_all_laws_hold(books):
    assert check(books) == dict.fromkeys(LAWS, True)


def broken(books):
    return [name for name, holds in check(books).items() if not holds]


def with_cash(books, account, amount):
    word = books.cash.get(account, cash(0))
    return replace(books, cash={**books.cash, account: replace(word, cash=word.cash + amount)})


def test_one_wei_of_cash_too_much_is_seen(books):
    assert broken(with_cash(books, words.account(LP), 1)) == ["cash_conserved"]


def test_donation_not_counted_is_seen(books):
    assert broken(replace(books, donations=0)) == ["cash_conserved"]


def test_one_wei_of_size_too_much_is_seen(books):
    position = books.positions[LONG, BTC]
    positions = {**books.positions, (LONG, BTC): replace(position, size=position.size + 1)}
    assert "position_sum_zero" in broken(replace(books, positions=positions))


def test_open_interest_that_is_not_held_is_seen(books):
    market = books.markets[BTC]
    interest = replace(market.interest, long_side=market.interest.long_side + 1)
    books = replace(books, markets={BTC: replace(market, interest=interest)})
    assert "position_sum_zero" in broken(books)


def test_pot_one_wei_short_of_its_claims_is_seen(books):
    market = books.markets[BTC]
    carry = replace(market.carry, pot=market.carry.pot - 1)
    books = replace(books, markets={BTC: replace(market, carry=carry)}, held=books.held - 1)
    assert broken(books) == ["pots_covered"]


def test_deficit_not_booked_is_seen(books):
    idle = words.account(LP)
    amount = -books.cash[idle].cash - 1
    books = replace(with_cash(books, idle, amount), held=books.held + amount)
    assert broken(books) == ["deficits_booked"]


def test_booked_deficit_that_events_do_not_show_is_seen(books):
    assert broken(replace(books, booked=4 * WAD)) == ["deficits_booked"]


def test_equity_one_wei_off_is_seen(books):
    assert broken(replace(books, vault_equity=books.vault_equity + 1)) == ["vault_equity_matches"]


def test_vault_equity_by_hand(books):
    # treasury 1000, deficit -5, pool 200 less 4 owed to insurance, position -2 * 100,
    # due -2 * (3 - 1) = -4 (the pool is owed), potential 100 * 2 ** 2 / 2000 = 0.2
    assert books.vault_equity == 1000 * WAD - 5 * WAD + 196 * WAD - 200 * WAD + 4 * WAD - WAD // 5
