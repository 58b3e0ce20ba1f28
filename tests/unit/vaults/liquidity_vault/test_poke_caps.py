"""LiquidityVault.poke_caps: the stress of all hard caps stays within a share of equity."""

from dataclasses import replace

import pytest

from tidegate.local_accounts import local_address
from tidegate.spec import words
from tidegate.spec.rounding import WAD

from .conftest import BTC, ETH, RISK, TRADE, quote_word


def scale(venue, instrument=BTC):
    return words.Interest.unpack(venue.core.call("interest_word", instrument)).scale


def poke(venue):
    return venue.vault.transact("poke_caps", sender=venue.keeper)


def test_an_empty_vault_lets_nothing_open(listed, refuses):
    """From its listing on: nobody has to poke first."""
    assert scale(listed) == 0
    assert poke(listed).named("CapScaled") == []
    listed.fund("trader", 10_000 * WAD)
    refuses("OpenInterestCap", listed.trade, "trader", WAD)


def test_a_rich_vault_leaves_the_caps_whole(venue):
    assert scale(venue) == 65535
    assert poke(venue).named("CapScaled") == []


@pytest.mark.parametrize("equity", [1_000, 77_777, 499_999, 500_000])
def test_scales_by_the_share_of_equity(listed, equity):
    listed.provide("lp", equity * WAD)
    assert scale(listed) == 65535 * equity * WAD // (500_000 * WAD)


def test_all_markets_share(listed):
    listed.provide("lp", 100_000 * WAD)
    listed.list(ETH, RISK, replace(TRADE, hard=5_000 * 10**6), quote_word())
    # 50,000 over 250,000 and 125,000
    assert scale(listed, BTC) == scale(listed, ETH) == 65535 * 50 // 375


def test_follows_what_the_vault_lost_and_never_closes_anything(listed, refuses):
    listed.provide("lp", 250_000 * WAD)
    listed.fund("trader", 1_000_000 * WAD)
    listed.trade("trader", 4_000 * WAD)
    before = scale(listed)
    listed.price(120 * WAD)
    poke(listed)
    # 169,000 or so of equity, caps of 300,000
    assert scale(listed) < before * 6 // 10
    listed.price(100 * WAD)
    poke(listed)
    assert scale(listed) == pytest.approx(before, abs=1)
    listed.price(150 * WAD)
    poke(listed)
    refuses("OpenInterestCap", listed.trade, "trader", WAD)
    listed.trade("trader", -4_000 * WAD)


def test_whatever_closes_the_vault_never_exceeds_the_cap(listed, refuses):
    """Open both sides, close one: the larger side is what was bounded."""
    listed.provide("lp", 100_000 * WAD)
    listed.fund("trader", 1_000_000 * WAD)
    listed.fund("other trader", 1_000_000 * WAD)
    cap = 10_000 * WAD * scale(listed) // 65535
    opened = 0
    while opened + 200 * WAD <= cap:
        listed.trade("trader", 200 * WAD)
        listed.trade("other trader", -200 * WAD)
        opened += 200 * WAD
    refuses("OpenInterestCap", listed.trade, "trader", 200 * WAD)
    listed.trade("trader", -opened)
    assert abs(listed.size(listed.pool)) <= cap
    assert listed.vault.call("stress")[0] <= 50_000 * WAD


def test_anyone_may(venue):
    venue.vault.transact("poke_caps", sender=local_address("attacker"))
