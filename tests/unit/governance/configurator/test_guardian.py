"""set_guardian, revoke_venue and pause_openings: the guardian only takes away, and not for long."""

import pytest

from tests.harness.reverts import reverts

ZERO = "0x" + "00" * 20
ROLE = 255
WEEK = 7 * 86_400


@pytest.fixture
def venue(desk) -> str:
    desk.do("set_venue", desk.vault.address, 1)
    return desk.vault.address


def paused_until(desk, venue: str) -> int:
    return desk.core.call("venue_word", venue) >> 8 & 2**40 - 1


def test_set_guardian_replaces_him(desk, attacker):
    receipt = desk.configurator.transact("set_guardian", attacker, sender=desk.owner)
    assert receipt.one("GuardianSet").args.guardian == attacker
    assert desk.configurator.call("guardian") == attacker


def test_set_guardian_answers_to_the_owner_only(desk, attacker):
    for sender in (attacker, desk.guardian):
        with reverts("NotOwner"):
            desk.configurator.transact("set_guardian", attacker, sender=sender)
    with reverts("OutOfBounds"):
        desk.configurator.transact("set_guardian", ZERO, sender=desk.owner)


def test_revoke_venue_takes_the_role(desk, venue):
    desk.do("revoke_venue", venue, sender=desk.guardian)
    assert desk.core.call("venue_word", venue) & ROLE == 0


def test_revoke_venue_is_the_guardians(desk, venue, attacker):
    for sender in (attacker, desk.owner):
        with reverts("NotOwner"):
            desk.do("revoke_venue", venue, sender=sender)


def test_pause_openings_ends_by_itself(desk, venue):
    desk.do("pause_openings", venue, WEEK, sender=desk.guardian)
    assert paused_until(desk, venue) == desk.chain.time() + WEEK
    assert desk.core.call("venue_word", venue) & ROLE == 1


def test_pause_openings_waits_as_long_as_it_lasted(desk, venue):
    desk.do("pause_openings", venue, 100, sender=desk.guardian)
    desk.chain.advance(199)
    with reverts("TooSoon"):
        desk.do("pause_openings", venue, 1, sender=desk.guardian)
    desk.chain.advance(1)
    desk.do("pause_openings", venue, 1, sender=desk.guardian)
    assert paused_until(desk, venue) == desk.chain.time() + 1


@pytest.mark.parametrize("seconds", [0, WEEK + 1])
def test_pause_openings_is_bounded(desk, venue, seconds):
    with reverts("OutOfBounds"):
        desk.do("pause_openings", venue, seconds, sender=desk.guardian)


def test_pause_openings_is_the_guardians(desk, venue, attacker):
    for sender in (attacker, desk.owner):
        with reverts("NotOwner"):
            desk.do("pause_openings", venue, 100, sender=sender)
