"""LiquidityVault.stress: the larger sides of present open interest, and the hard caps."""

from dataclasses import replace

from tidegate.spec.rounding import WAD

from .conftest import BTC, ETH, PRICE, RISK, TRADE, quote_word

# 10,000 units of 100 that move by a quarter
CAPS = 250_000 * WAD


def test_of_no_market_is_nothing(bare):
    assert bare.vault.call("stress") == (0, 0)


def test_of_an_empty_market_is_that_of_its_cap(venue):
    assert venue.vault.call("stress") == (0, CAPS)


def test_takes_the_larger_side_not_the_skew(venue):
    venue.fund("trader", 100_000 * WAD)
    venue.fund("other trader", 100_000 * WAD)
    venue.trade("trader", 100 * WAD)
    venue.trade("other trader", -90 * WAD)
    assert venue.vault.call("stress") == (100 * 25 * WAD, CAPS)
    venue.trade("other trader", -90 * WAD)
    assert venue.vault.call("stress") == (180 * 25 * WAD, CAPS)


def test_moves_with_the_mark_and_rounds_up(venue):
    venue.fund("trader", 100_000 * WAD)
    venue.trade("trader", 100 * WAD + 1)
    venue.price(PRICE + 2)
    present, caps = venue.vault.call("stress")
    exact = (100 * WAD + 1) * (PRICE + 2) * 250_000
    assert present == -(-exact // (WAD * 10**6))
    assert caps == CAPS + 5_000


def test_sums_over_markets(venue):
    venue.list(ETH, RISK, replace(TRADE, hard=2_000 * 10**6), quote_word())
    venue.fund("trader", 100_000 * WAD)
    venue.trade("trader", 100 * WAD, BTC)
    venue.trade("trader", -40 * WAD, ETH)
    assert venue.vault.call("stress") == (140 * 25 * WAD, CAPS * 12 // 10)


def test_less_than_a_whole_collateral_is_none(listed):
    """25 a unit: a hundredth is 0.25, which holds nobody's gains back."""
    listed.provide("lp", 1_000 * WAD)
    listed.fund("trader", 50_000 * WAD)
    listed.trade("trader", WAD // 100)
    assert listed.vault.call("stress")[0] == 0
    listed.trade("trader", 3 * WAD // 100)
    assert listed.vault.call("stress")[0] == WAD
