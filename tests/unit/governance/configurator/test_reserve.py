"""Configurator.reserve: a fund's accounts out of every venue's reach."""

import pytest

from tests.harness.reverts import reverts
from tidegate.artifacts import artifact
from tidegate.local_accounts import local_address
from tidegate.spec import words
from tidegate.spec.rounding import WAD
from tidegate.spec.words import RESERVED


@pytest.fixture
def fund(desk) -> str:
    """Any contract."""
    return desk.chain.deploy(artifact("BackerMock")).address


def flags(desk, owner: str, sub: int) -> int:
    word = desk.core.call("cash_word", words.account(owner, sub), 0)
    return words.Cash.unpack(word).flags


def test_flags_four_accounts_and_leaves_the_vault(desk, fund):
    asset = desk.core.call("asset_word", 0)
    receipt = desk.do("reserve", 0, fund)
    assert [flags(desk, fund, sub) & RESERVED for sub in range(5)] == [RESERVED] * 4 + [0]
    assert desk.core.call("vault_of", 0) == desk.vault.address
    assert desk.core.call("asset_word", 0) == asset
    told = [event.args.vault for event in receipt.named("AssetAdded")]
    assert told == [fund, desk.vault.address]


def test_again_changes_nothing(desk, fund):
    desk.do("reserve", 0, fund)
    before = [flags(desk, fund, sub) for sub in range(4)]
    desk.do("reserve", 0, fund)
    assert [flags(desk, fund, sub) for sub in range(4)] == before


def test_only_the_owner(desk, fund, attacker):
    with reverts("NotOwner"):
        desk.do("reserve", 0, fund, sender=attacker)
    with reverts("NotOwner"):
        desk.do("reserve", 0, fund, sender=desk.guardian)


def test_only_a_contract(desk):
    with reverts("OutOfBounds"):
        desk.do("reserve", 0, local_address("somebody"))


def test_only_of_a_listed_asset(bare_desk):
    holder = bare_desk.chain.deploy(artifact("BackerMock")).address
    with reverts("NotListed"):
        bare_desk.do("reserve", 0, holder)


@pytest.mark.parametrize("sub", [0, 3])
def test_not_who_holds_positions(desk, fund, sub):
    """Or nobody could liquidate them any more."""
    venue = desk.chain.deploy(artifact("BackerMock"))
    desk.do("set_venue", venue.address, 1)
    owner = local_address("trader")
    account = words.account(fund, sub)
    desk.token.transact("mint", owner, 10**12)
    desk.token.transact("approve", desk.core.address, 10**12, sender=owner)
    desk.core.transact("deposit", account, 0, 10**12, sender=owner)
    pool = words.pool(desk.vault.address, 1)
    fills = [(account, pool, 64, 10 * WAD, 100 * WAD, 0, 0)]
    venue.transact("forward", desk.core.address, desk.core.encode("clear", fills))
    with reverts("OutOfBounds"):
        desk.do("reserve", 0, fund)
