"""LiquidityVault.equity: cash + size * mark - due - insurance owed - deficits - potential."""

from dataclasses import replace

import pytest

from tidegate.spec import quote
from tidegate.spec.rounding import PPM, WAD, div_down, div_up

from .conftest import BTC, ETH, PRICE, RISK, TRADE, quote_word

OWNED = 1_000_000 * WAD


def test_is_what_was_deposited(venue):
    assert venue.equity == OWNED


def test_of_an_empty_vault_is_zero(listed):
    assert listed.equity == 0


@pytest.mark.parametrize("size", [8 * WAD, -8 * WAD, 60 * WAD, -60 * WAD, 60 * WAD + 1])
@pytest.mark.parametrize("mark", [PRICE, 81 * WAD, 133 * WAD + 7])
def test_of_an_open_skew_at_several_prices(venue, size, mark):
    venue.fund("trader", 100_000 * WAD)
    price = venue.trade("trader", size)
    venue.price(mark)
    paid = div_up(size * price, WAD)
    worth = div_down(-size * mark, WAD)
    potential = quote.potential_up(size, RISK.skew_scale, 10_000, mark)
    assert venue.equity == OWNED + paid + worth - potential


@pytest.mark.parametrize("size", [8 * WAD, -8 * WAD, 60 * WAD, -60 * WAD])
def test_a_refundable_premium_is_no_profit(venue, size):
    venue.fund("trader", 100_000 * WAD)
    venue.trade("trader", size)
    assert OWNED <= venue.equity < OWNED + 1000


@pytest.mark.parametrize("mark", [70 * WAD, PRICE, 130 * WAD])
def test_what_traders_and_vault_are_worth_together_never_changes(venue, mark):
    """With funding, two markets and both sides open; the potential is the traders' to get back."""
    fast = replace(RISK, max_velocity=3 * PPM, max_rate=PPM)
    venue.list(BTC, fast, TRADE, quote_word())
    venue.list(ETH, fast, TRADE, quote_word())
    accounts = [venue.fund(name, 100_000 * WAD) for name in ("trader", "other trader")]
    total = OWNED + 200_000 * WAD
    venue.trade("trader", 30 * WAD)
    venue.trade("other trader", -12 * WAD)
    venue.trade("trader", -50 * WAD, ETH)
    venue.chain.advance(30_000)
    venue.price(mark)
    venue.price(PRICE + 1, feed=2)
    traders = sum(venue.core.call("health", account)[0] for account in accounts)
    potential = quote.potential_up(18 * WAD, fast.skew_scale, 10_000, venue.mark(BTC))
    potential += quote.potential_up(-50 * WAD, fast.skew_scale, 10_000, venue.mark(ETH))
    worth = venue.equity + potential + traders
    # funding did flow, and each of five positions and two pots rounds by at most one
    assert abs(venue.core.call("health", accounts[1])[0] - 100_000 * WAD) > WAD
    assert total - 12 <= worth <= total


def test_accrues_funding_to_now(venue):
    venue.list(BTC, replace(RISK, max_velocity=3 * PPM, max_rate=PPM), TRADE, quote_word())
    venue.fund("trader", 100_000 * WAD)
    venue.trade("trader", 30 * WAD)
    at_once = venue.equity
    venue.chain.advance(20_000)
    later = venue.equity
    assert later > at_once + WAD
    venue.core.transact("poke", BTC)
    assert venue.equity == later


def test_counts_fees_without_what_belongs_to_insurance(venue):
    venue.list(BTC, RISK, replace(TRADE, taker_fee=500, insurance_share=200_000), quote_word())
    account = venue.fund("trader", 100_000 * WAD)
    fee = WAD // 2
    venue.trade("trader", 10 * WAD, fee=fee)
    venue.trade("trader", -10 * WAD, fee=fee)
    assert venue.cash(account) < 100_000 * WAD
    earned = venue.equity - OWNED
    assert 2 * fee * 8 // 10 <= earned < 2 * fee * 8 // 10 + 1000
    venue.core.transact("sweep_fees", venue.pool, 0)
    assert venue.equity - OWNED == earned
    assert venue.cash(venue.insurance) == 2 * fee * 2 // 10


def test_leaves_booked_deficits_out(venue):
    lack = venue.lose("loser", 1_000 * WAD, 100 * WAD, 80 * WAD)
    assert lack > 900 * WAD
    before = venue.equity
    venue.book("loser")
    assert venue.cash(venue.deficit) == -lack
    assert venue.equity == before - lack


def test_a_request_is_no_equity(venue):
    venue.lp("other lp", 500 * WAD)
    venue.request_deposit("other lp", 500 * WAD)
    assert venue.cash(venue.escrow) == 500 * WAD
    assert venue.equity == OWNED


def test_a_settled_redemption_is_no_equity(venue):
    venue.request_redeem("lp", venue.shares("lp") // 4)
    venue.settle()
    assert venue.cash(venue.payouts) > 0
    assert venue.equity == OWNED - venue.cash(venue.payouts)


def test_waits_for_no_price_of_an_empty_market(bare):
    """Listed at the core before its feed has a price, nobody holds any: nothing to value."""
    bare.list(BTC, RISK, TRADE, quote_word())
    bare.provide("lp", 1_000 * WAD)
    bare.chain.advance(100_000)
    assert bare.equity == 1_000 * WAD
