"""Cash out: principal at once, gains through the bucket, and only what margin leaves."""

import pytest

from tests.unit.core.clearing_house.conftest import (
    PRICE,
    SHARE_PPM,
    UNIT,
    WINDOW,
    House,
)
from tidegate.local_accounts import local_address
from tidegate.spec import words
from tidegate.spec.rounding import PPM, WAD

TRADER, DELEGATE = local_address("trader"), local_address("delegate")


@pytest.fixture
def winner(house: House) -> int:
    """100 of principal and 400 of gains, among 10,000 tokens in custody."""
    account = house.fund("winner", 100 * WAD)
    house.clear(house.payment(house.fund("loser", 400 * WAD), account, 400 * WAD))
    house.fund("lp", 9_500 * WAD)
    house.chain.advance(WINDOW)
    return account


def bucket(house: House) -> tuple[int, int]:
    """Gains that may leave, and since when; 1e-18 and seconds."""
    word = house.core.call("outflow_word", 0)
    return word >> 40, word & (2**40 - 1)


def test_principal_leaves_at_once(house: House, trader: int):
    house.vault.transact("set_short", True)  # nobody asks
    paid = house.withdraw(trader, 1_000 * WAD)
    assert house.word(trader) == words.Cash(0, 0, words.ALIVE)
    assert house.tokens(TRADER) == 1_000 * WAD
    event = paid.one("Withdrawn").args
    assert (event.account, event.asset, event.amount, event.paid) == (
        trader,
        0,
        1_000 * WAD,
        1_000 * WAD,
    )
    assert bucket(house) == (0, house.chain.time())


def test_principal_goes_first(house: House, winner: int):
    house.withdraw(winner, 60 * WAD)
    assert (house.cash(winner), house.principal(winner)) == (440 * WAD, 40 * WAD)
    house.withdraw(winner, 60 * WAD)
    assert (house.cash(winner), house.principal(winner)) == (380 * WAD, 0)
    # a tenth of the 9,940 held, less the 20 that were gains
    assert bucket(house) == (9_940 * WAD // 10 - 20 * WAD, house.chain.time())


def test_gains_leave_at_the_rate_of_the_bucket(house: House, refuses):
    """1,000 of gains against 10,000 in custody: 10 % an hour."""
    account = house.account("winner")
    house.clear(house.payment(house.fund("loser", 2_000 * WAD), account, 2_000 * WAD))
    house.fund("lp", 8_000 * WAD)
    house.chain.advance(WINDOW)
    refuses("OutflowLimit", house.withdraw, account, 1_000 * WAD + UNIT)
    house.withdraw(account, 1_000 * WAD)
    assert bucket(house)[0] == 0
    refuses("OutflowLimit", house.withdraw, account, UNIT)
    house.chain.advance(WINDOW // 10)
    size = 9_000 * WAD * SHARE_PPM // PPM
    refuses("OutflowLimit", house.withdraw, account, size // 10 + UNIT)
    house.withdraw(account, size // 10)
    house.chain.advance(100 * WINDOW)
    # full again, not more than full
    size = house.tokens(house.core.address) * SHARE_PPM // PPM
    refuses("OutflowLimit", house.withdraw, account, size + UNIT)
    house.withdraw(account, size // UNIT * UNIT)


def test_a_deposit_for_a_moment_widens_no_bucket(house: House, refuses):
    """What flows in counts from then on: borrowed tokens let no gain out."""
    account = house.account("winner")
    house.clear(house.payment(house.fund("loser", 2_000 * WAD), account, 2_000 * WAD))
    house.fund("lp", 8_000 * WAD)
    house.chain.advance(WINDOW)
    house.fund("whale", 1_000_000 * WAD)
    refuses("OutflowLimit", house.withdraw, account, 1_000 * WAD + UNIT)
    house.chain.advance(1)
    # in a second the whole bucket, now of 101,000, gains a 3,600th
    refuses("OutflowLimit", house.withdraw, account, 1_028 * WAD + WAD // 10)
    house.withdraw(account, 1_028 * WAD)


def test_gains_wait_while_the_vault_is_short_of_its_stress(house: House, winner: int, refuses):
    house.vault.transact("set_short", True)
    refuses("VaultShort", house.withdraw, winner, 100 * WAD + UNIT)
    house.withdraw(winner, 100 * WAD)
    house.vault.transact("set_short", False)
    house.withdraw(winner, 400 * WAD)


def test_gains_pay_their_share_of_a_booked_deficit(house: House, winner: int):
    """1,000 booked against 9,500 in custody: 400 of gains are worth 9,500 / 10,500 of it."""
    loser = house.lose_all("broke", 1_000 * WAD, 100 * WAD, 80 * WAD)
    house.core.transact("book_deficit", loser, 0, sender=house.liquidator)
    assert house.cash(house.deficits) == -1_000 * WAD
    house.vault.transact("set_lack", 1_000 * WAD)
    house.withdraw(house.account("lp"), 1_500 * WAD)
    held = house.tokens(house.core.address)
    assert held == 9_500 * WAD
    paid = house.withdraw(winner, 500 * WAD).one("Withdrawn").args
    real = 400 * WAD * held // (held + 1_000 * WAD)
    whole = (100 * WAD + real) // UNIT * UNIT
    assert (paid.amount, paid.paid) == (500 * WAD, whole)
    assert house.tokens(local_address("winner")) == whole
    assert house.cash(winner) == 0
    assert house.cash(house.deficits) == -1_000 * WAD + 500 * WAD - whole


def test_a_deficit_takes_nothing_from_principal(house: House, winner: int):
    loser = house.lose_all("broke", 1_000 * WAD, 100 * WAD, 80 * WAD)
    house.core.transact("book_deficit", loser, 0, sender=house.liquidator)
    house.vault.transact("set_lack", 1_000 * WAD)
    house.withdraw(winner, 100 * WAD)
    assert house.tokens(local_address("winner")) == 100 * WAD


def test_what_positions_need_stays(house: House, trader: int, refuses):
    house.trade(trader, 100 * WAD)  # 10,000 at 5 %
    refuses("InsufficientMargin", house.withdraw, trader, 500 * WAD + UNIT)
    house.withdraw(trader, 500 * WAD)
    assert house.health(trader)[:2] == (500 * WAD, 500 * WAD)


def test_more_than_there_is_is_refused(house: House, trader: int, refuses):
    refuses("InsufficientCash", house.withdraw, trader, 1_000 * WAD + UNIT)


def test_cash_of_a_short_position_is_not_money(house: House, trader: int, refuses):
    house.trade(trader, -100 * WAD)
    assert house.cash(trader) == 11_000 * WAD
    refuses("InsufficientMargin", house.withdraw, trader, 501 * WAD)
    house.price(105 * WAD)
    refuses("InsufficientMargin", house.withdraw, trader, UNIT)


def test_a_gain_not_yet_realised_leaves_as_a_gain(house: House, trader: int, refuses):
    house.fund("lp", 9_000 * WAD)
    house.trade(trader, 10 * WAD)
    house.price(200 * WAD)
    house.chain.advance(WINDOW)
    house.vault.transact("set_short", True)
    house.withdraw(trader, 1_000 * WAD)
    refuses("VaultShort", house.withdraw, trader, UNIT)
    house.vault.transact("set_short", False)
    house.withdraw(trader, 800 * WAD)
    assert house.health(trader)[0] == 200 * WAD


def test_a_stale_price_holds_what_positions_might_need(house: House, trader: int, refuses):
    house.trade(trader, WAD)
    house.price(PRICE, fresh=False)
    refuses("StalePrice", house.withdraw, trader, UNIT)
    house.trade(trader, -WAD)
    house.withdraw(trader, 1_000 * WAD)


def test_a_price_of_nothing_moves_nothing(house: House, trader: int, refuses):
    house.trade(trader, WAD)
    house.price(0)
    refuses("NoPrice", house.withdraw, trader, UNIT)


@pytest.mark.parametrize("permissions", [0, 1, 4, 5])
def test_only_who_may_move_withdraws(house: House, trader: int, refuses, permissions: int):
    house.core.transact("set_delegate", DELEGATE, permissions, 2**40, sender=TRADER)
    refuses("NotPermitted", house.withdraw, trader, UNIT, sender=DELEGATE)


def test_a_delegate_who_may_move_withdraws_to_anyone(house: House, trader: int):
    house.core.transact("set_delegate", DELEGATE, 2, 2**40, sender=TRADER)
    house.core.transact("withdraw", trader, 0, 10**6, DELEGATE, sender=DELEGATE)
    assert house.tokens(DELEGATE) == WAD


def test_receivers_that_would_lose_it_are_refused(house: House, trader: int, refuses):
    for receiver in ("0x" + "00" * 20, house.core.address):
        args = ("withdraw", trader, 0, 1, receiver)
        refuses("NotPermitted", house.core.transact, *args, sender=TRADER)


def test_amounts_without_meaning_are_refused(house: House, trader: int, refuses):
    withdraw = house.core.transact
    refuses("ZeroAmount", withdraw, "withdraw", trader, 0, 0, TRADER, sender=TRADER)
    for amount in (2**112, 2**256 - 1):
        refuses("AmountTooLarge", withdraw, "withdraw", trader, 0, amount, TRADER, sender=TRADER)
    refuses("AmountTooLarge", withdraw, "withdraw", trader, 0, 2**111, TRADER, sender=TRADER)


@pytest.mark.parametrize("asset", [1, 15, 16, 300, 2**255])
def test_an_asset_that_is_not_listed_pays_nothing(house: House, trader: int, asset: int):
    word = house.core.call("account_word", trader)
    with pytest.raises(Exception, match="withdraw"):
        house.core.transact("withdraw", trader, asset, 1, TRADER, sender=TRADER)
    assert house.core.call("account_word", trader) == word


def test_escrows_withdraw_nothing_and_pools_gains_only(house: House, trader: int, refuses):
    house.clear(house.payment(trader, house.escrow, 10 * WAD))
    refuses("NotPermitted", house.withdraw, house.escrow, WAD)
    house.deposit(house.pool(), 10 * WAD, TRADER)
    vault = house.vault.address
    refuses("OutflowLimit", house.as_vault, "withdraw", house.pool(), 0, 10**6, vault)


def test_a_token_that_says_no_undoes_it(house: House, trader: int, refuses):
    house.token.transact("set_refuses", True)
    refuses("TokenMisbehaved", house.withdraw, trader, WAD)
    assert house.cash(trader) == 1_000 * WAD


def test_a_token_cannot_reenter(house: House, trader: int):
    house.fund("other", 10 * WAD)
    for name, args in (
        ("withdraw", (trader, 0, 1, TRADER)),
        ("deposit", (trader, 0, 1)),
        ("clear", ([],)),
    ):
        house.token.transact("set_callback", house.core.address, house.core.encode(name, *args))
        house.withdraw(trader, WAD)
        assert not house.token.call("answered")


def test_tokens_given_without_a_deposit_are_nobodys(house: House, trader: int):
    house.donated = 50 * WAD
    house.token.transact("mint", house.core.address, 50 * 10**6)
    house.withdraw(trader, 1_000 * WAD)
    assert house.tokens(house.core.address) == 50 * WAD
