"""LiquidityVault.__init__: what can never be changed is bounded."""

import pytest

from tidegate.artifacts import artifact
from tidegate.local_accounts import local_address

from .conftest import EPOCH, SHARE_PPM


def test_keeps_what_it_is_given(bare):
    assert bare.vault.call("EPOCH_SECONDS") == EPOCH
    assert bare.vault.call("STRESS_SHARE") == SHARE_PPM
    assert bare.vault.call("OWNER") == bare.owner
    assert bare.vault.call("name") == "Tidegate Liquidity"
    assert bare.vault.call("symbol") == "TIDE-LP"
    assert bare.vault.call("decimals") == 18


@pytest.mark.parametrize("seconds", [0, 59, 30 * 86400 + 1])
def test_refuses_an_epoch_outside_its_bounds(bare, refuses, seconds):
    refuses("OutOfBounds", deploy, bare, seconds, SHARE_PPM)


@pytest.mark.parametrize("share", [0, 1_000_001])
def test_refuses_a_stress_share_outside_its_bounds(bare, refuses, share):
    refuses("OutOfBounds", deploy, bare, EPOCH, share)


def test_refuses_to_have_no_owner(bare, refuses):
    refuses("OutOfBounds", deploy, bare, EPOCH, SHARE_PPM, "0x" + "00" * 20)


def deploy(bare, seconds, share, owner=None):
    owner = owner or local_address("owner")
    vault = artifact("LiquidityVault")
    bare.chain.deploy(vault, bare.core.address, bare.oracle.address, owner, seconds, share)
