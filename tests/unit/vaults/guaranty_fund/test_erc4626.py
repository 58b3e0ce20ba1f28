"""The read-only ERC-4626 surface: the token's decimals, nothing at once with tokens."""

import pytest

from tidegate.local_accounts import local_address
from tidegate.spec.rounding import WAD

from .conftest import ONE


def test_asset_is_the_token(hall):
    assert hall.guaranty.call("asset") == hall.token.address


def test_names(hall):
    fund = hall.guaranty
    assert (fund.call("name"), fund.call("symbol"), fund.call("decimals")) == (
        "Tidegate Guaranty", "TIDE-GF", 18,
    )  # fmt: skip


def test_amounts_have_the_tokens_decimals(hall):
    assert hall.guaranty.call("totalAssets") == 100_000 * 10**6
    assert hall.guaranty.call("convertToAssets", WAD) == 10**6
    assert hall.guaranty.call("convertToShares", 10**6) == WAD - 1


def test_conversion_follows_the_price_and_rounds_down(hall):
    hall.booked(33_333 * WAD + 1)
    hall.cover()
    price = hall.price_of_share
    assert price < 67 * ONE // 100
    assert hall.guaranty.call("convertToAssets", 7 * WAD) == 7 * WAD * price // ONE // 10**12
    assert hall.guaranty.call("convertToShares", 7) == 7 * 10**12 * ONE // (price + 1)
    assert hall.guaranty.call("totalAssets") == (66_667 * WAD - 1) // 10**12


def test_conversion_says_what_a_contribution_gets(hall):
    hall.booked(33_333 * WAD + 1)
    hall.cover()
    said = hall.guaranty.call("convertToShares", 9 * 10**6)
    assert hall.contribute("other", 9 * WAD) == said


@pytest.mark.parametrize("view", ["maxDeposit", "maxMint", "maxWithdraw", "maxRedeem"])
def test_nothing_can_be_done_at_once(hall, view):
    assert hall.guaranty.call(view, local_address("member")) == 0


@pytest.mark.parametrize(
    "view", ["previewDeposit", "previewMint", "previewWithdraw", "previewRedeem"]
)
def test_tokens_buy_nothing_here(hall, refuses, view):
    refuses("NotSynchronous", hall.guaranty.call, view, WAD)


def test_shares_are_transferable_but_not_to_the_fund(hall, refuses):
    member, other = local_address("member"), local_address("other")
    hall.guaranty.transact("transfer", other, WAD, sender=member)
    assert hall.held("other") == WAD
    refuses(
        "NotPermitted",
        hall.guaranty.transact, "transfer", hall.guaranty.address, WAD, sender=member,
    )  # fmt: skip
