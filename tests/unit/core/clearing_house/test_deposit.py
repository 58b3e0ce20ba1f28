"""Cash in: anyone pays into any account that has an owner."""

import pytest

from tests.unit.core.clearing_house.conftest import ESCROW_CAP, UNIT, House, deploy
from tidegate.local_accounts import local_address
from tidegate.spec import words
from tidegate.spec.rounding import WAD

PAYER = local_address("payer")


def test_cash_and_principal_grow_by_what_arrives(house: House):
    account = house.account("trader", 3)
    paid = house.deposit(account, 25 * WAD + UNIT, PAYER)
    assert house.word(account) == words.Cash(25 * WAD + UNIT, 25 * WAD + UNIT, words.ALIVE)
    assert house.core.call("account_word", account) == 1  # asset 0 was held
    event = paid.one("Deposited").args
    assert (event.account, event.asset, event.amount) == (account, 0, 25 * WAD + UNIT)
    assert house.tokens(house.core.address) == 25 * WAD + UNIT


@pytest.mark.parametrize("decimals", [0, 6, 8, 18])
def test_the_ledger_has_eighteen_decimals_whatever_the_token_has(decimals: int):
    house = deploy(decimals)
    account = house.account("trader")
    house.token.transact("mint", PAYER, 3)
    house.core.transact("deposit", account, 0, 3, sender=PAYER)
    assert house.cash(account) == 3 * 10 ** (18 - decimals)


def test_an_asset_that_is_not_listed_is_refused(house: House, refuses):
    for asset in (1, 15, 16, 2**255):
        account = house.account("trader")
        refuses("NotListed", house.core.transact, "deposit", account, asset, 1, sender=PAYER)


def test_nothing_is_refused(house: House, refuses):
    account = house.account("trader")
    refuses("ZeroAmount", house.core.transact, "deposit", account, 0, 0, sender=PAYER)


@pytest.mark.parametrize("amount", [2**112, 2**256 - 1])
def test_more_than_the_ledger_counts_is_refused(house: House, refuses, amount: int):
    account = house.account("trader")
    refuses("AmountTooLarge", house.core.transact, "deposit", account, 0, amount, sender=PAYER)


def test_what_a_cash_word_cannot_hold_reverts(house: House):
    """2**111 millionths are more than an int128 of 1e-18."""
    amount = 2**111
    house.token.transact("mint", PAYER, amount)
    with pytest.raises(Exception, match="deposit"):
        house.core.transact("deposit", house.account("trader"), 0, amount, sender=PAYER)


def test_a_token_that_keeps_a_fee_is_refused(house: House, refuses):
    house.token.transact("set_fee", 1)
    refuses("TokenMisbehaved", house.deposit, house.account("trader"), 10 * WAD, PAYER)


def test_a_token_that_says_no_is_refused(house: House, refuses):
    house.token.transact("set_refuses", True)
    refuses("TokenMisbehaved", house.deposit, house.account("trader"), 10 * WAD, PAYER)


def test_the_escrow_of_a_venue_is_refused(house: House, refuses):
    refuses("NotPermitted", house.deposit, house.escrow, 10 * WAD, PAYER)


def test_a_gift_to_a_pool_is_no_principal(house: House):
    """A pool's middle field is what it owes to insurance."""
    house.deposit(house.pool(), 10 * WAD, PAYER)
    flags = words.ALIVE | words.POOL
    assert house.word(house.pool()) == words.Cash(10 * WAD, 0, flags)


def test_an_account_shaped_like_a_pool_is_an_ordinary_one(house: House):
    account = words.pool(PAYER, 1)
    house.deposit(account, 10 * WAD, PAYER)
    house.withdraw(account, 10 * WAD, PAYER)
    assert house.cash(account) == house.principal(account) == 0
    assert house.tokens(PAYER) == 10 * WAD


def test_a_lost_deposit_frees_no_later_one(house: House):
    """90 of 100 are lost in an open position: 50 more make 60 withdrawable at most, not 150."""
    account = house.fund("trader", 100 * WAD)
    house.trade(account, 10 * WAD)
    house.price(91 * WAD)
    house.deposit(account, 50 * WAD, PAYER)
    assert house.principal(account) == 60 * WAD


def test_a_deposit_into_a_negative_account_is_principal_as_far_as_it_arrives(house: House):
    account = house.lose_all("trader", 60 * WAD, 10 * WAD, 90 * WAD)
    assert house.cash(account) == -40 * WAD
    house.deposit(account, 100 * WAD, PAYER)
    assert (house.cash(account), house.principal(account)) == (60 * WAD, 100 * WAD)
    house.withdraw(account, 10 * WAD)
    assert (house.cash(account), house.principal(account)) == (50 * WAD, 50 * WAD)


def test_a_stale_price_stops_no_top_up(house: House, trader: int):
    house.trade(trader, 10 * WAD)
    house.price(95 * WAD, fresh=False)
    house.deposit(trader, 10 * WAD, PAYER)
    assert house.cash(trader) == 10 * WAD  # 1,000 paid for 10 units at 100


def test_a_token_cannot_reenter(house: House):
    account = house.fund("trader", ESCROW_CAP)
    trader = local_address("trader")
    for name, args in (
        ("deposit", (account, 0, 1)),
        ("withdraw", (account, 0, 1, trader)),
        ("transfer", (account, house.account("other"), 0, 1)),
        ("clear", ([],)),
        ("poke", (64,)),
        ("sweep_fees", (house.pool(), 0)),
        ("health", (account,)),
    ):
        message = house.core.encode(name, *args)
        house.token.transact("set_callback", house.core.address, message)
        house.deposit(account, WAD, PAYER)
        assert not house.token.call("answered")
    message = house.core.encode("cash_word", account, 0)
    house.token.transact("set_callback", house.core.address, message)
    house.deposit(account, WAD, PAYER)
    assert house.token.call("answered")
