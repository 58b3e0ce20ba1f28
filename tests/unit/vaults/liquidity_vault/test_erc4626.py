"""The read-only ERC-4626 surface: the token's decimals, nothing at once."""

import pytest

from tidegate.local_accounts import local_address
from tidegate.spec.rounding import WAD

ONE = 10**27


def test_asset_is_the_token(venue):
    assert venue.vault.call("asset") == venue.token.address


def test_amounts_have_the_tokens_decimals(venue):
    assert venue.vault.call("totalAssets") == 1_000_000 * 10**6
    assert venue.vault.call("convertToAssets", WAD) == 10**6
    assert venue.vault.call("convertToShares", 10**6) == WAD - 1


def test_conversion_follows_the_price_and_rounds_down(venue):
    venue.fund("trader", 100_000 * WAD)
    venue.trade("trader", 1_000 * WAD)
    venue.price(137 * WAD)
    price = venue.vault.call("share_price")
    assert price < 97 * ONE // 100
    assert venue.vault.call("convertToAssets", 7 * WAD) == 7 * WAD * price // ONE // 10**12
    assert venue.vault.call("convertToShares", 7) == 7 * 10**12 * ONE // (price + 1)
    assert venue.vault.call("totalAssets") == venue.equity // 10**12


def test_a_vault_that_owes_has_no_assets(listed):
    listed.provide("lp", 1_000 * WAD)
    listed.fund("trader", 50_000 * WAD)
    listed.trade("trader", 19 * WAD)
    listed.price(160 * WAD)
    assert listed.equity < 0
    assert listed.vault.call("totalAssets") == 0
    assert listed.vault.call("convertToAssets", WAD) == 0


@pytest.mark.parametrize("view", ["maxDeposit", "maxMint", "maxWithdraw", "maxRedeem"])
def test_nothing_can_be_done_at_once(venue, view):
    assert venue.vault.call(view, local_address("lp")) == 0


@pytest.mark.parametrize(
    "view", ["previewDeposit", "previewMint", "previewWithdraw", "previewRedeem"]
)
def test_a_price_is_not_known_in_advance(venue, refuses, view):
    refuses("NotSynchronous", venue.vault.call, view, WAD)
