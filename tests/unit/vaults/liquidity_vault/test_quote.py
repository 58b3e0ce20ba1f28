"""LiquidityVault.quote: the derivative of a potential of the skew, plus a half spread."""

import pytest

from tidegate.spec import quote
from tidegate.spec.rounding import WAD

from .conftest import BTC, ETH, PRICE, RISK, quote_word

SIZES = [1, -1, WAD, -WAD, 7 * WAD + 1, -40 * WAD]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("skew", [0, 3 * WAD, -3 * WAD, 9 * WAD, 25 * WAD, -25 * WAD])
def test_equals_the_model_on_both_sides_of_the_knee(venue, skew, size):
    venue.fund("trader", 100_000 * WAD)
    if skew:
        venue.trade("trader", skew)
    expected = quote.price(size, skew, PRICE, RISK.skew_scale, 10_000, 0)
    assert venue.vault.call("quote", BTC, size, PRICE, 0) == expected


def test_a_buyer_of_one_unit_pays_half_of_its_own_skew(venue):
    # K is 1,000: one unit moves the premium from 0 to 0.1 %, the mean is 0.05 %
    assert venue.vault.call("quote", BTC, WAD, PRICE, 0) == PRICE * 10_005 // 10_000


def test_the_premium_saturates(venue):
    venue.fund("trader", 100_000 * WAD)
    venue.trade("trader", 25 * WAD)
    assert venue.vault.call("quote", BTC, WAD, PRICE, 0) == PRICE * 101 // 100


@pytest.mark.parametrize(
    ("volatility", "half_spread"), [(0, 300), (1_000, 550), (1_003, 550), (10_000, 2_000)]
)
def test_the_half_spread_widens_with_volatility_up_to_its_bound(venue, volatility, half_spread):
    venue.vault.transact(
        "set_quote", BTC, quote_word(base=300, coefficient=250_000), sender=venue.owner
    )
    for size in (10 * WAD, -10 * WAD):
        expected = quote.price(size, 0, PRICE, RISK.skew_scale, 10_000, half_spread)
        assert venue.vault.call("quote", BTC, size, PRICE, volatility) == expected


def test_a_round_trip_at_one_price_earns_nothing_and_costs_dust(venue):
    account = venue.fund("trader", 100_000 * WAD)
    before = venue.cash(account)
    venue.trade("trader", 30 * WAD)
    venue.trade("trader", -10 * WAD)
    venue.trade("trader", -20 * WAD)
    lost = before - venue.cash(account)
    assert 0 <= lost < 1000


def test_an_unlisted_instrument_has_no_quote(venue, refuses):
    refuses("NotListed", venue.vault.call, "quote", ETH, WAD, PRICE, 0)


def test_nothing_has_no_quote(venue, refuses):
    refuses("ZeroAmount", venue.vault.call, "quote", BTC, 0, PRICE, 0)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_widest_size_and_the_highest_price_have_a_quote(venue, sign):
    size, mark, volatility = sign * (2**103 - 1), 2**90 - 1, 2**32 - 1
    venue.vault.transact(
        "set_quote", BTC, quote_word(base=300, coefficient=250_000), sender=venue.owner
    )
    expected = quote.price(size, 0, mark, RISK.skew_scale, 10_000, 2_000)
    assert venue.vault.call("quote", BTC, size, mark, volatility) == expected


@pytest.mark.parametrize(
    ("size", "mark", "volatility"),
    [
        (2**103, PRICE, 0),
        (-(2**103), PRICE, 0),
        (-(2**255), PRICE, 0),
        (WAD, 2**90, 0),
        (WAD, PRICE, 2**32),
        (WAD, PRICE, 2**256 - 1),
    ],
)
def test_what_no_word_holds_has_no_quote(venue, refuses, size, mark, volatility):
    refuses("AmountTooLarge", venue.vault.call, "quote", BTC, size, mark, volatility)
