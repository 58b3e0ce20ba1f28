import pytest

from tests.harness.reverts import reverts

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
