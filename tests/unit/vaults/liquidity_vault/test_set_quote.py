"""LiquidityVault.set_quote: what the owner may list and change."""

from dataclasses import replace

import pytest

from tidegate.local_accounts import local_address
from tidegate.spec import words
from tidegate.spec.rounding import WAD

from .conftest import BTC, ETH, RISK, TRADE, quote_word


def set_quote(venue, instrument, word, sender=None):
    return venue.vault.transact("set_quote", instrument, word, sender=sender or venue.owner)


def test_lists_in_the_order_of_ids(bare):
    bare.list(ETH, RISK, TRADE, quote_word())
    bare.list(BTC, RISK, TRADE, quote_word())
    assert words.held(bare.vault.call("instruments_word")) == [BTC, ETH]


def test_tells(venue):
    word = quote_word(base=100, coefficient=7)
    event = set_quote(venue, BTC, word).one("QuoteSet")
    assert (event.args.instrument, event.args.word) == (BTC, word)
    assert venue.vault.call("quote_word", BTC) == word


@pytest.mark.parametrize("actor", ["attacker", "keeper", "configurator"])
def test_is_the_owners(venue, refuses, actor):
    refuses("NotOwner", set_quote, venue, BTC, quote_word(), local_address(actor))


@pytest.mark.parametrize(
    "word",
    [
        quote_word(max_premium=10_001),
        quote_word(max_premium=0),
        quote_word(max_half=2_001),
        quote_word(max_half=1_000, base=1_001),
        quote_word(coefficient=1_000_001),
        quote_word() | 1 << 80,
    ],
)
def test_stays_within_the_cores_limits(venue, refuses, word):
    refuses("OutOfBounds", set_quote, venue, BTC, word)


def test_needs_terms_at_the_core(venue, refuses):
    refuses("NotListed", set_quote, venue, ETH, quote_word())


def test_a_known_instrument_is_not_listed_twice(venue):
    set_quote(venue, BTC, quote_word(base=5))
    assert words.held(venue.vault.call("instruments_word")) == [BTC]


def test_the_largest_premium_moves_while_the_skew_is_inside_both_knees(venue):
    venue.fund("trader", 100_000 * WAD)
    venue.trade("trader", 5 * WAD)
    set_quote(venue, BTC, quote_word(max_premium=5_000))
    set_quote(venue, BTC, quote_word(max_premium=10_000))


@pytest.mark.parametrize(("skew", "premium"), [(5 * WAD + 1, 5_000), (-25 * WAD, 9_999)])
def test_the_largest_premium_does_not_pay_whoever_holds_the_skew(venue, refuses, skew, premium):
    venue.fund("trader", 100_000 * WAD)
    venue.trade("trader", skew)
    equity = venue.equity
    refuses("TooSoon", set_quote, venue, BTC, quote_word(max_premium=premium))
    assert venue.equity == equity


def test_delists_a_market_without_positions(venue, refuses):
    venue.fund("trader", 100_000 * WAD)
    venue.trade("trader", WAD)
    refuses("TooSoon", set_quote, venue, BTC, 0)
    venue.trade("trader", -WAD)
    set_quote(venue, BTC, 0)
    assert venue.vault.call("instruments_word") == 0
    refuses("NotListed", venue.vault.call, "quote", BTC, WAD, WAD, 0)
    refuses("NotListed", set_quote, venue, BTC, 0)


@pytest.mark.parametrize("exit_price", [90 * WAD, 110 * WAD])
def test_delisting_keeps_what_the_pool_won_or_lost(venue, exit_price):
    venue.list(BTC, RISK, replace(TRADE, taker_fee=500, insurance_share=200_000), quote_word())
    venue.fund("trader", 100_000 * WAD)
    venue.trade("trader", 50 * WAD, fee=WAD)
    venue.price(exit_price)
    venue.trade("trader", -50 * WAD, fee=WAD)
    equity = venue.equity
    assert (equity > 1_000_000 * WAD) == (exit_price == 90 * WAD)
    set_quote(venue, BTC, 0)
    assert venue.equity == equity
    assert venue.cash(venue.pool) == 0
    assert venue.cash(venue.insurance) == 2 * WAD // 5
    assert venue.conserved()


def test_a_pool_with_another_instrument_stays(venue):
    venue.list(BTC + 1, RISK, TRADE, quote_word())
    venue.fund("trader", 100_000 * WAD)
    venue.trade("trader", 50 * WAD)
    venue.price(90 * WAD)
    venue.trade("trader", -50 * WAD)
    equity, held = venue.equity, venue.cash(venue.pool)
    assert held > 0
    set_quote(venue, BTC, 0)
    assert (venue.equity, venue.cash(venue.pool)) == (equity, held)
