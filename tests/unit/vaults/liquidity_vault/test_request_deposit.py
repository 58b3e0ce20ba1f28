"""LiquidityVault.request_deposit: collateral into escrow, one open request an account."""

import pytest

from tidegate.local_accounts import local_address
from tidegate.spec.rounding import WAD

from .conftest import DEPOSIT, EPOCH, LP, NEVER

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
    assert lp.vault.call("account_at", epoch, 0) == account
    assert lp.vault.call("queue_word") == (epoch << 8 | 1) << 48 * (epoch % 4)


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


def crowd(venue, count, amount=10 * WAD, start=0):
    """Requests of many accounts of one owner."""
    owner = local_address("lp")
    for sub in range(start, start + count):
        account = venue.account("lp", sub)
        if sub:
            venue.core.transact("transfer", venue.account("lp"), account, 0, amount, sender=owner)
        venue.vault.transact("request_deposit", account, amount, 0, NEVER, sender=owner)


def test_what_finds_no_place_goes_into_the_next_epochs(listed, refuses):
    listed.lp("lp", 3_000 * WAD)
    epoch = listed.epoch
    crowd(listed, 64 * 4)
    counts = [listed.vault.call("queue_word") >> 48 * (e % 4) for e in range(epoch, epoch + 4)]
    assert [c & 0xFF for c in counts] == [64] * 4
    assert [c >> 8 & 2**40 - 1 for c in counts] == list(range(epoch, epoch + 4))
    listed.lp("other lp", 100 * WAD)
    refuses("EpochFull", listed.request_deposit, "other lp", 10 * WAD)
    # the first is processed: its places serve the epoch after the last
    listed.settle()
    event = listed.request_deposit("other lp", 10 * WAD).one("Requested").args
    assert event.epoch == epoch + 4
    for _ in range(4):
        listed.settle()
    assert listed.vault.call("totalSupply") == 257 * (10 * WAD - 1)
    assert listed.vault.call("totalSupply") == listed.vault.call("balanceOf", listed.vault.address)
    assert listed.cash(listed.escrow) == 0


def test_small_requests_fill_only_half_of_an_epoch(listed):
    listed.lp("lp", 1_000 * WAD)
    epoch = listed.epoch
    crowd(listed, 33, 10 * WAD - 1)
    counts = [listed.vault.call("queue_word") >> 48 * (e % 4) & 0xFF for e in (epoch, epoch + 1)]
    assert counts == [32, 1]
    listed.lp("other lp", 10 * WAD)
    assert listed.request_deposit("other lp", 10 * WAD).one("Requested").args.epoch == epoch


def test_epochs_left_unprocessed_keep_their_places(lp):
    epoch = lp.epoch
    lp.request_deposit("lp", AMOUNT)
    lp.lp("other lp", AMOUNT)
    lp.chain.set_time((epoch + 4) * EPOCH)
    # the ring of epoch + 4 still holds epoch
    event = lp.request_deposit("other lp", AMOUNT).one("Requested").args
    assert event.epoch == epoch + 5
