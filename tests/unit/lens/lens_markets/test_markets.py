import pytest

from tests.harness.reverts import reverts
from tests.harness.system import BTC, ETH, wad
from tidegate.spec import words
from tidegate.spec.words import Carry, Indices, Interest

HOUR, DAY = 3_600, 86_400


@pytest.fixture
def crowded(view, counterparty):
    """60 BTC long on top of the trader's half: skew beyond calm, a day old."""
    system = view.system
    account = system.fund(counterparty, 1_000_000)
    for _ in range(2):
        system.trade(account, BTC, 30)
    system.pass_time(DAY)
    return view


def test_price_sides_and_caps(view):
    btc, eth = view("markets", [BTC, ETH], 0)
    interest = Interest.unpack(view.system.core.call("interest_word", BTC))
    trade = words.Trade.unpack(view.system.core.call("trade_word", BTC))
    assert (btc.instrument, btc.price, btc.fresh) == (BTC, wad(60_000), True)
    assert (btc.long_side, btc.short_side, btc.skew) == (wad("0.5"), 0, wad("0.5"))
    assert (eth.long_side, eth.short_side, eth.skew) == (0, wad(4), wad(-4))
    assert btc.soft_cap == wad(250)
    assert btc.hard_cap == interest.scaled_down(trade.hard_cap) < wad(400)


def test_stale_price_is_told(view):
    view.system.chain.advance(61)
    assert not view("markets", [BTC], 0)[0].fresh


def test_volatility_is_the_oracles(view):
    view.system.move(BTC, 63_000)
    [btc] = view("markets", [BTC], 0)
    assert btc.volatility == view.system.oracle.call("volatility", 1) > 0


def test_rate_indices_and_pot_are_brought_to_now(crowded):
    system = crowded.system
    [seen] = crowded("markets", [BTC], 0)
    stored = Indices.unpack(system.core.call("indices_word", BTC))
    assert stored.long != seen.long_index
    system.core.transact("poke", BTC)
    indices = Indices.unpack(system.core.call("indices_word", BTC))
    carry = Carry.unpack(system.core.call("carry_word", BTC))
    assert (seen.long_index, seen.short_index) == (indices.long, indices.short)
    assert (seen.rate, seen.pot) == (carry.rate, carry.pot)
    assert seen.rate > 0


@pytest.mark.parametrize(("field", "seconds"), [("funding_hour", HOUR), ("funding_day", DAY)])
def test_predicted_funding_comes_true_while_the_skew_stays(crowded, field, seconds):
    [seen] = crowded("markets", [BTC], 0)
    crowded.system.core.transact("poke", BTC)
    crowded.system.pass_time(seconds - 1)
    [later] = crowded("markets", [BTC], 0)
    assert later.long_index - seen.long_index == getattr(seen, field) > 0


def test_calm_market_predicts_no_funding(view):
    [seen] = view("markets", [ETH], 0)
    assert (seen.rate, seen.funding_hour, seen.funding_day) == (0, 0, 0)


@pytest.mark.parametrize("size", [wad(3), -wad(3)])
def test_quotes_both_ways_whatever_the_sign(view, size):
    [btc] = view("markets", [BTC], size)
    quote = view.system.vault.call
    assert btc.buy_price == quote("quote", BTC, wad(3), wad(60_000), 0) > wad(60_000)
    assert btc.sell_price == quote("quote", BTC, -wad(3), wad(60_000), 0) < wad(60_000)


def test_no_size_no_quote(view):
    [btc] = view("markets", [BTC], 0)
    assert (btc.buy_price, btc.sell_price) == (0, 0)


def test_a_size_the_vault_cannot_quote_gives_none(view):
    [btc] = view("markets", [BTC], 2**200)
    assert (btc.buy_price, btc.sell_price) == (0, 0)
    assert btc.price == wad(60_000)


def test_unlisted_instrument_is_refused(view):
    with reverts("NotListed"):
        view("markets", [BTC, BTC + 1], 0)
