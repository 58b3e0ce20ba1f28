import pytest

from tests.harness.reverts import reverts
from tidegate.artifacts import artifact
from tidegate.local_accounts import local_address
from tidegate.spec import words
from tidegate.spec.rounding import WAD

ROLE = 255


@pytest.mark.parametrize("role", [0, 1, 2])
def test_gives_and_takes_a_role(desk, role):
    venue = desk.vault.address
    desk.do("set_venue", venue, 1)
    desk.do("set_venue", venue, role)
    assert desk.core.call("venue_word", venue) & ROLE == role


def test_leaves_a_pause_in_force(desk):
    venue = desk.vault.address
    desk.do("set_venue", venue, 1)
    desk.do("pause_openings", venue, 100, sender=desk.guardian)
    desk.do("set_venue", venue, 2)
    now = desk.chain.time()
    assert desk.core.call("venue_word", venue) == 2 | (now + 100) << 8 | (now + 200) << 48


def test_refuses_a_role_that_does_not_exist(desk):
    with reverts("OutOfBounds"):
        desk.do("set_venue", desk.vault.address, 3)


def test_refuses_a_venue_without_code_but_can_drop_it(desk, attacker):
    with reverts("OutOfBounds"):
        desk.do("set_venue", attacker, 1)
    desk.do("set_venue", attacker, 0)
    assert desk.core.call("venue_word", attacker) & ROLE == 0


def test_answers_to_the_owner_only(desk, attacker):
    for sender in (attacker, desk.guardian):
        with reverts("NotOwner"):
            desk.do("set_venue", desk.vault.address, 1, sender=sender)


def test_refuses_a_venue_whose_escrow_would_hold_positions(desk):
    """Its cash would leave without a verdict, and nobody could close what it holds."""
    venue, late = (desk.chain.deploy(artifact("BackerMock")) for _ in range(2))
    desk.do("set_venue", venue.address, 1)
    owner, account = local_address("trader"), words.account(late.address)
    desk.token.transact("mint", owner, 10**12)
    desk.token.transact("approve", desk.core.address, 10**12, sender=owner)
    desk.core.transact("deposit", account, 0, 10**12, sender=owner)
    pool = words.pool(desk.vault.address, 1)

    def trade(size: int) -> None:
        fills = [(account, pool, 64, size, 100 * WAD, 0, 0)]
        venue.transact("forward", desk.core.address, desk.core.encode("clear", fills))

    trade(-10 * WAD)
    for role in (1, 2, 4):
        with reverts("OutOfBounds"):
            desk.do("set_venue", late.address, role)
    desk.do("set_venue", late.address, 0)
    trade(10 * WAD)
    desk.do("set_venue", late.address, 1)
    assert desk.core.call("venue_word", late.address) & ROLE == 1
