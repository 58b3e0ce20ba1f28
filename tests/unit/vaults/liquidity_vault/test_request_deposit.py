"""LiquidityVault.request_deposit: collateral into escrow, one open request an account."""

import pytest

from tidegate.local_accounts import local_address
from tidegate.spec.rounding import WAD

from .conftest import DEPOSIT, EPOCH, LP, NEVER, REDEEM

AMOUNT = 500 * WAD


@pytest.fixture
def lp(listed):
    """Funded, the vault may move it."""
    listed.lp("lp", 1_000 * WAD)
    return listed


def test_moves_collateral_into_escrow_and_keeps_the_request(lp):
    event = lp.request_deposit("lp", AMOUNT, 7, NEVER - 1).one("Requested").args
    account, epoch = lp.account("lp"), lp.epoch
    assert (event.account, event.epoch, event.redeem) == (account, epoch, False)
    assert (event.amount, event.least, event.deadline) == (AMOUNT, 7, NEVER - 1)
    assert lp.cash(account) == 500 * WAD
    assert lp.cash(lp.escrow) == lp.principal(lp.escrow) == AMOUNT
    word = AMOUNT << 160 | 7 << 64 | (NEVER - 1) << 32 | epoch << 3 | DEPOSIT
    assert lp.vault.call("request_word", account) == word
    assert lp.vault.call("account_at", epoch, False, 0) == account
    assert lp.vault.call("waiting_word", epoch) == 1 << 32
    assert lp.vault.call("queue_word") == epoch << 32 * (1 + epoch % 4) | epoch


def test_without_bounds_it_is_added_to_the_sum_of_its_epoch(lp):
    lp.lp("other lp", 1_000 * WAD)
    lp.request_deposit("lp", AMOUNT)
    lp.request_deposit("other lp", 7)
    assert lp.vault.call("waiting_word", lp.epoch) == (AMOUNT + 7) << 48
    word = AMOUNT << 160 | NEVER << 32 | lp.epoch << 3 | DEPOSIT
    assert lp.vault.call("request_word", lp.account("lp")) == word


def test_needs_the_vault_to_be_a_delegate_for_moving(listed, refuses):
    listed.fund("lp", 1_000 * WAD)
    refuses("NotPermitted", listed.request_deposit, "lp", AMOUNT)


@pytest.mark.parametrize(
    ("permissions", "allowed"), [(LP, True), (7, True), (1, False), (2, False), (3, False)]
)
def test_is_for_who_holds_the_right(lp, refuses, permissions, allowed):
    delegate = local_address("delegate")
    lp.core.transact("set_delegate", delegate, permissions, NEVER, sender=local_address("lp"))
    call = (lp.vault.transact, "request_deposit", lp.account("lp"), AMOUNT, 0, NEVER)
    if allowed:
        call[0](*call[1:], sender=delegate)
        assert lp.cash(lp.escrow) == AMOUNT
    else:
        refuses("NotPermitted", *call, sender=delegate)


def test_a_stranger_cannot_use_the_vaults_right(lp, refuses):
    call = (lp.vault.transact, "request_deposit", lp.account("lp"), AMOUNT, 0, NEVER)
    refuses("NotPermitted", *call, sender=local_address("attacker"))


def test_one_open_request_an_account(lp, refuses):
    lp.request_deposit("lp", AMOUNT)
    refuses("RequestPending", lp.request_deposit, "lp", AMOUNT)
    lp.settle()
    # processed, not yet claimed
    refuses("RequestPending", lp.request_deposit, "lp", AMOUNT)
    lp.claim("lp")
    lp.request_deposit("lp", AMOUNT)


def test_the_deadline_lies_ahead(lp, refuses):
    now = lp.chain.time()
    refuses("TooLate", lp.request_deposit, "lp", AMOUNT, 0, now - 1)
    lp.request_deposit("lp", AMOUNT, 0, now)


def test_a_deadline_beyond_its_field_is_for_ever(lp):
    lp.request_deposit("lp", AMOUNT, 0, 2**256 - 1)
    lp.settle()
    lp.claim("lp")
    assert lp.shares("lp") == AMOUNT - 1


def test_refuses_what_it_cannot_hold(lp, refuses):
    refuses("ZeroAmount", lp.request_deposit, "lp", 0)
    refuses("AmountTooLarge", lp.request_deposit, "lp", AMOUNT, 2**96)
    refuses("InsufficientCash", lp.request_deposit, "lp", 1_000 * WAD + 1)


def test_the_last_second_of_an_epoch_belongs_to_it(lp):
    epoch = lp.epoch
    lp.chain.set_time((epoch + 1) * EPOCH - 1)
    assert lp.request_deposit("lp", AMOUNT).one("Requested").args.epoch == epoch


def test_the_first_second_of_the_next_does_not(lp):
    epoch = lp.epoch
    lp.chain.set_time((epoch + 1) * EPOCH)
    assert lp.request_deposit("lp", AMOUNT).one("Requested").args.epoch == epoch + 1


def crowd(venue, count, amount=10 * WAD, least=1, start=0):
    """Requests of many accounts of one owner."""
    owner = local_address("lp")
    for sub in range(start, start + count):
        account = venue.account("lp", sub)
        if sub:
            venue.core.transact("transfer", venue.account("lp"), account, 0, amount, sender=owner)
        venue.vault.transact("request_deposit", account, amount, least, NEVER, sender=owner)


def test_a_bound_needs_one_of_32_places(listed, refuses):
    listed.lp("lp", 1_000 * WAD)
    listed.lp("other lp", 100 * WAD)
    epoch = listed.epoch
    crowd(listed, 32)
    assert listed.vault.call("waiting_word", epoch) == 32 << 32
    assert listed.vault.call("account_at", epoch, False, 31) == listed.account("lp", 31)
    refuses("EpochFull", listed.request_deposit, "other lp", 10 * WAD, 1)
    refuses("EpochFull", listed.request_deposit, "other lp", 10 * WAD, 0, NEVER - 1)
    # without one there is room, and in the next epoch places are free again
    listed.request_deposit("other lp", 10 * WAD)
    listed.settle()
    listed.claim("other lp")
    listed.request_deposit("other lp", 10 * WAD, 1)
    listed.settle()
    assert listed.vault.call("totalSupply") == 34 * (10 * WAD - 1)
    assert listed.cash(listed.escrow) == 0


def test_deposits_take_no_places_of_redemptions(listed):
    listed.provide("other lp", 100 * WAD)
    listed.lp("lp", 1_000 * WAD)
    crowd(listed, 32)
    listed.request_redeem("other lp", 10 * WAD, 1)
    assert listed.vault.call("waiting_word", listed.epoch) & 2**48 - 1 == (
        1 << 40 | 32 << 32 | listed.epoch - 1
    )
    assert listed.vault.call("account_at", listed.epoch, True, 0) == listed.account("other lp")
    word = listed.vault.call("request_word", listed.account("other lp"))
    assert word & 7 == REDEEM


def test_epochs_left_unprocessed_close_none_of_the_later_ones(lp, refuses):
    first = lp.epoch
    for later in range(6):
        lp.chain.set_time((first + later) * EPOCH)
        name = f"lp {later}"
        lp.lp(name, AMOUNT)
        assert lp.request_deposit(name, AMOUNT).one("Requested").args.epoch == first + later
    last = lp.close_epoch()
    # in order, each once
    refuses("TooSoon", lp.process, last)
    refuses("TooSoon", lp.process, first + 1)
    for epoch in range(first, last + 1):
        lp.process(epoch)
        refuses("NoRequest", lp.process, epoch)
    assert lp.vault.call("totalSupply") == 6 * (AMOUNT - 1)


def test_places_of_an_epoch_that_waits_are_not_given_away(lp, refuses):
    first = lp.epoch
    lp.lp("other lp", 2 * AMOUNT)
    lp.request_deposit("lp", AMOUNT, 1)
    lp.chain.set_time((first + 4) * EPOCH)
    refuses("EpochFull", lp.request_deposit, "other lp", AMOUNT, 1)
    lp.request_deposit("other lp", AMOUNT)
    lp.process(first)
    assert lp.vault.call("totalSupply") == AMOUNT - 1
    lp.settle()
    lp.claim("other lp")
    lp.chain.set_time((first + 8) * EPOCH)
    lp.request_deposit("other lp", AMOUNT, 1)
    assert lp.vault.call("account_at", first + 8, False, 0) == lp.account("other lp")


def test_a_sum_is_bound_by_its_field(lp, refuses):
    """20 million million tokens in one epoch: what does not fit waits for the next."""
    most = 2**96 - 1
    for sub in range(256):
        lp.fund("lp", (most // 10**12 + 1) * 10**12)
        owner = local_address("lp")
        account = lp.account("lp", sub + 1)
        lp.core.transact("transfer", lp.account("lp"), account, 0, most, sender=owner)
        lp.vault.transact("request_deposit", account, most, 0, NEVER, sender=owner)
    call = (lp.vault.transact, "request_deposit", lp.account("lp"), WAD, 0, NEVER)
    refuses("AmountTooLarge", *call, sender=local_address("lp"))
