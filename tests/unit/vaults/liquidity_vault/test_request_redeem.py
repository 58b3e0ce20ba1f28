"""LiquidityVault.request_redeem: shares into the vault's hands."""

from tidegate.local_accounts import local_address
from tidegate.spec.rounding import WAD

from .conftest import LP, NEVER, REDEEM


def test_takes_the_shares_and_keeps_the_request(venue):
    held = venue.shares("lp")
    event = venue.request_redeem("lp", 100 * WAD, 9, NEVER).one("Requested").args
    account, epoch = venue.account("lp"), venue.epoch
    assert (event.account, event.epoch, event.redeem) == (account, epoch, True)
    assert (event.amount, event.least, event.deadline) == (100 * WAD, 9, NEVER)
    assert venue.shares("lp") == held - 100 * WAD
    assert venue.vault.call("balanceOf", venue.vault.address) == 100 * WAD
    word = 100 * WAD << 160 | 9 << 64 | NEVER << 32 | epoch << 3 | REDEEM
    assert venue.vault.call("request_word", account) == word


def test_shares_in_escrow_are_still_in_being(venue):
    supply, price = venue.vault.call("totalSupply"), venue.vault.call("share_price")
    venue.request_redeem("lp", 100 * WAD)
    assert venue.vault.call("totalSupply") == supply
    assert venue.vault.call("share_price") == price


def test_needs_the_shares(venue, refuses):
    refuses("InsufficientShares", venue.request_redeem, "lp", venue.shares("lp") + 1)
    refuses("InsufficientShares", venue.request_redeem, "trader", 1)
    refuses("ZeroAmount", venue.request_redeem, "lp", 0)


def test_a_stranger_cannot_block_an_account(venue, refuses):
    stranger = local_address("attacker")
    venue.vault.transact("transfer", stranger, 50 * WAD, sender=local_address("lp"))
    call = (venue.vault.transact, "request_redeem", venue.account("lp"), 50 * WAD, 0, NEVER)
    refuses("NotPermitted", *call, sender=stranger)


def test_a_delegate_gives_its_own_shares_for_the_account(venue):
    delegate = local_address("delegate")
    owner = local_address("lp")
    venue.core.transact("set_delegate", delegate, LP, NEVER, sender=owner)
    venue.vault.transact("transfer", delegate, 50 * WAD, sender=owner)
    held = venue.shares("lp")
    venue.vault.transact("request_redeem", venue.account("lp"), 50 * WAD, 0, NEVER, sender=delegate)
    assert venue.shares("delegate") == 0
    assert venue.shares("lp") == held


def test_without_bounds_any_number_finds_room(venue):
    owner = local_address("lp")
    for sub in range(80):
        account = venue.account("lp", sub)
        venue.vault.transact("request_redeem", account, WAD, 0, NEVER, sender=owner)
    assert venue.vault.call("waiting_word", venue.epoch) >> 152 == 80 * WAD


def test_a_bound_needs_one_of_32_places(venue, refuses):
    owner = local_address("lp")
    for sub in range(32):
        account = venue.account("lp", sub + 1)
        venue.vault.transact("request_redeem", account, WAD, 0, NEVER - 1, sender=owner)
    refuses("EpochFull", venue.request_redeem, "lp", WAD, 0, NEVER - 1)
    refuses("EpochFull", venue.request_redeem, "lp", WAD, 1)
    venue.request_redeem("lp", WAD)
    word = venue.vault.call("waiting_word", venue.epoch)
    assert word >> 32 == WAD << 120 | 32 << 8
