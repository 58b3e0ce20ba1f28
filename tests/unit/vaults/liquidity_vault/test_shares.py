"""The ERC-20 of the vault's shares."""

from tidegate.local_accounts import local_address
from tidegate.spec.rounding import WAD

FOREVER = 2**256 - 1


def test_transfer(venue):
    held = venue.shares("lp")
    receipt = venue.vault.transact(
        "transfer", local_address("friend"), 5 * WAD, sender=local_address("lp")
    )
    event = receipt.one("Transfer").args
    assert (event.sender, event.receiver) == (local_address("lp"), local_address("friend"))
    assert event.value == 5 * WAD
    assert (venue.shares("lp"), venue.shares("friend")) == (held - 5 * WAD, 5 * WAD)


def test_to_oneself(venue):
    held = venue.shares("lp")
    venue.vault.transact("transfer", local_address("lp"), held, sender=local_address("lp"))
    assert venue.shares("lp") == held


def test_not_more_than_held(venue, refuses):
    call = (venue.vault.transact, "transfer", local_address("friend"), venue.shares("lp") + 1)
    refuses("InsufficientShares", *call, sender=local_address("lp"))


def test_not_to_the_vault_or_nobody(venue, refuses):
    """Shares in the vault's hands are other people's requests."""
    owner = local_address("lp")
    for target in (venue.vault.address, "0x" + "00" * 20):
        refuses("NotPermitted", venue.vault.transact, "transfer", target, 1, sender=owner)
    venue.vault.transact("approve", local_address("friend"), WAD, sender=owner)
    call = (venue.vault.transact, "transferFrom", owner, venue.vault.address, 1)
    refuses("NotPermitted", *call, sender=local_address("friend"))


def test_transfer_from_uses_up_the_allowance(venue, refuses):
    owner, friend = local_address("lp"), local_address("friend")
    event = venue.vault.transact("approve", friend, 3 * WAD, sender=owner).one("Approval").args
    assert (event.owner, event.spender, event.value) == (owner, friend, 3 * WAD)
    venue.vault.transact("transferFrom", owner, friend, 2 * WAD, sender=friend)
    assert venue.vault.call("allowance", owner, friend) == WAD
    assert venue.shares("friend") == 2 * WAD
    call = (venue.vault.transact, "transferFrom", owner, friend, WAD + 1)
    refuses("NotPermitted", *call, sender=friend)


def test_the_largest_allowance_stays(venue):
    owner, friend = local_address("lp"), local_address("friend")
    venue.vault.transact("approve", friend, FOREVER, sender=owner)
    venue.vault.transact("transferFrom", owner, friend, WAD, sender=friend)
    assert venue.vault.call("allowance", owner, friend) == FOREVER
