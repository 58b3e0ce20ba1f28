"""Cash between accounts: within one owner it stays what it was, to others it is in and out."""

import pytest

from tests.unit.core.clearing_house.conftest import UNIT, WINDOW, House
from tidegate.local_accounts import local_address
from tidegate.spec import words
from tidegate.spec.rounding import WAD

TRADER = local_address("trader")


@pytest.fixture
def mixed(house: House) -> int:
    """400 of cash, 100 of it principal; 10,000 in custody."""
    account = house.fund("trader", 100 * WAD)
    house.clear(house.payment(house.fund("loser", 300 * WAD), account, 300 * WAD))
    house.fund("lp", 9_600 * WAD)
    house.chain.advance(WINDOW)
    return account


def test_within_one_owner_principal_goes_along_first(house: House, mixed: int):
    other = house.account("trader", 2**95)
    house.vault.transact("set_short", True)  # nobody asks
    moved = house.transfer(mixed, other, 150 * WAD).one("Moved").args
    assert (moved.source, moved.target, moved.asset) == (mixed, other, 0)
    assert (moved.amount, moved.principal) == (150 * WAD, 100 * WAD)
    assert house.word(mixed) == words.Cash(250 * WAD, 0, words.ALIVE)
    assert house.word(other) == words.Cash(150 * WAD, 100 * WAD, words.ALIVE)


def test_to_another_owner_gains_pass_the_bucket_and_arrive_as_principal(house: House, mixed: int):
    other = house.account("friend")
    moved = house.transfer(mixed, other, 150 * WAD).one("Moved").args
    assert (moved.amount, moved.principal) == (150 * WAD, 150 * WAD)
    assert house.word(mixed) == words.Cash(250 * WAD, 0, words.ALIVE)
    assert house.word(other) == words.Cash(150 * WAD, 150 * WAD, words.ALIVE)
    assert house.core.call("outflow_word", 0) >> 40 == 950 * WAD


def test_to_another_owner_gains_beyond_the_bucket_are_refused(house: House, refuses):
    account = house.account("winner")
    house.clear(house.payment(house.fund("loser", 2_000 * WAD), account, 2_000 * WAD))
    house.chain.advance(WINDOW)
    friend = house.account("friend")
    refuses("OutflowLimit", house.transfer, account, friend, 200 * WAD + 1)
    house.transfer(account, friend, 200 * WAD)
    house.vault.transact("set_short", True)
    house.chain.advance(WINDOW)
    refuses("VaultShort", house.transfer, account, friend, 1)


def test_a_booked_deficit_cuts_gains_to_another_owner(house: House, mixed: int):
    loser = house.lose_all("broke", 1_000 * WAD, 100 * WAD, 80 * WAD)
    house.core.transact("book_deficit", loser, 0, sender=house.liquidator)
    house.vault.transact("set_lack", 1_000 * WAD)
    held = house.tokens(house.core.address)
    friend = house.account("friend")
    moved = house.transfer(mixed, friend, 400 * WAD).one("Moved").args
    real = 300 * WAD * held // (held + 1_000 * WAD)
    assert moved.amount == moved.principal == house.cash(friend) == 100 * WAD + real
    assert house.cash(house.deficits) == -1_000 * WAD + 300 * WAD - real


def test_principal_of_the_target_is_held_to_its_net_first(house: House, mixed: int):
    dead = house.fund("trader", 100 * WAD, sub=1)
    house.trade(dead, 10 * WAD)
    house.price(91 * WAD)
    house.transfer(mixed, dead, 300 * WAD)
    # 10 that were left of its own and the 100 that came along
    assert house.principal(dead) == 110 * WAD


def test_a_gain_moved_to_a_dead_account_of_the_owner_stays_a_gain(house: House, refuses):
    winner = house.account("trader")
    house.clear(house.payment(house.fund("loser", 300 * WAD), winner, 300 * WAD))
    dead = house.fund("trader", 100 * WAD, sub=1)
    house.trade(dead, 10 * WAD)
    house.price(91 * WAD)
    house.trade(dead, -10 * WAD, 91 * WAD)
    house.chain.advance(WINDOW)
    house.transfer(winner, dead, 300 * WAD)
    assert house.word(dead) == words.Cash(310 * WAD, 10 * WAD, words.ALIVE)
    house.vault.transact("set_short", True)
    house.withdraw(dead, 10 * WAD)
    refuses("VaultShort", house.withdraw, dead, UNIT)


def test_to_insurance_and_to_the_deficit_nothing_holds_it_back(house: House, mixed: int):
    bucket = house.core.call("outflow_word", 0)
    house.vault.transact("set_short", True)
    house.transfer(mixed, house.insurance, 150 * WAD)
    house.transfer(mixed, house.deficits, 250 * WAD)
    assert house.cash(house.insurance) == 150 * WAD
    assert house.cash(house.deficits) == 250 * WAD
    assert house.core.call("outflow_word", 0) == bucket


def test_nobody_takes_from_insurance(house: House, trader: int, refuses):
    house.transfer(trader, house.insurance, 100 * WAD)
    for sender in (TRADER, house.venue, house.configurator):
        refuses("NotPermitted", house.transfer, house.insurance, trader, WAD, sender=sender)
    refuses("NotPermitted", house.as_vault, "transfer", house.insurance, trader, 0, WAD)


def test_margin_stays(house: House, trader: int, refuses):
    house.trade(trader, 100 * WAD)
    sub = house.account("trader", 1)
    refuses("InsufficientMargin", house.transfer, trader, sub, 500 * WAD + 1)
    house.transfer(trader, sub, 500 * WAD)


def test_to_itself_changes_nothing(house: House, mixed: int, refuses):
    before = house.word(mixed)
    for amount in (1, 50 * WAD, 100 * WAD, 150 * WAD, 400 * WAD):
        house.transfer(mixed, mixed, amount)
        assert house.word(mixed) == before
    refuses("InsufficientCash", house.transfer, mixed, mixed, 400 * WAD + 1)


def test_amounts_without_meaning_are_refused(house: House, trader: int, refuses):
    sub = house.account("trader", 1)
    refuses("ZeroAmount", house.transfer, trader, sub, 0)
    refuses("AmountTooLarge", house.transfer, trader, sub, 2**120)
    refuses("AmountTooLarge", house.transfer, trader, sub, 2**256 - 1)
    refuses("InsufficientCash", house.transfer, trader, sub, 2**120 - 1)


def test_strangers_and_trading_keys_are_refused(house: House, trader: int, refuses):
    thief = local_address("thief")
    refuses("NotPermitted", house.transfer, trader, house.account("thief"), WAD, sender=thief)
    house.core.transact("set_delegate", thief, 5, 2**40, sender=TRADER)
    refuses("NotPermitted", house.transfer, trader, house.account("thief"), WAD, sender=thief)


def test_escrows_give_and_take_nothing(house: House, trader: int, refuses):
    house.clear(house.payment(trader, house.escrow, 10 * WAD))
    refuses("NotPermitted", house.transfer, house.escrow, trader, WAD)
    refuses("NotPermitted", house.transfer, trader, house.escrow, WAD)


def test_a_pool_pays_others_gains_only(house: House, trader: int, refuses):
    house.deposit(house.treasury, 100 * WAD, TRADER)
    house.as_vault("transfer", house.treasury, house.pool(), 0, 60 * WAD)
    assert (house.principal(house.treasury), house.principal(house.pool())) == (40 * WAD, 0)
    refuses("OutflowLimit", house.as_vault, "transfer", house.pool(), trader, 0, WAD)
    # a pool is one side of the vault's purse: it may go below zero, and what comes is a gain
    house.as_vault("transfer", house.pool(), house.treasury, 0, 100 * WAD)
    assert house.cash(house.pool()) == -40 * WAD
    assert house.word(house.treasury) == words.Cash(
        140 * WAD, 40 * WAD, words.ALIVE | words.RESERVED
    )


@pytest.mark.parametrize("asset", [1, 15, 16, 300, 2**255])
def test_an_asset_that_is_not_listed_cannot_be_owed(house: House, trader: int, refuses, asset):
    word = house.core.call("account_word", trader)
    sub = house.account("trader", 1)
    args = ("transfer", trader, sub, asset, 1)
    refuses("InsufficientCash", house.core.transact, *args, sender=TRADER)
    assert house.core.call("account_word", trader) == word
    pool, treasury = house.pool(), house.treasury
    refuses("InsufficientCash", house.as_vault, "transfer", pool, treasury, asset, 1)
