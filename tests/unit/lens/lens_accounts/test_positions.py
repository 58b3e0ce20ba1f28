from decimal import Decimal

import pytest

from tests.harness.reverts import reverts
from tests.harness.system import BTC, ETH, wad
from tidegate.spec import funding, margin, words
from tidegate.spec.rounding import WAD, div_down
from tidegate.spec.words import Indices, Position

SECOND_BTC = BTC + 1


def lack(system, account: int, underlying: int, price: int) -> int:
    """Maintenance less equity with one underlying at another price; no funding is due."""
    need = worth = 0
    cash = system.cash(account)
    for feed in (1, 2):
        net = 0
        for instrument in words.held(system.core.call("account_word", account)):
            if words.underlying_of(instrument) != feed:
                continue
            mark = price if feed == underlying else system.oracle.call("latest", feed)[0]
            risk = words.Risk.unpack(system.core.call("risk_word", instrument))
            size = system.size(account, instrument)
            net += size * mark
            need += margin.contingency_up(size, mark, risk)
            shock = risk.maintenance_shock
        worth += net
        if net:
            need += margin.shock_up(net, shock)
    return need - cash - div_down(worth, WAD)


def test_positions_at_the_price_in_force(view):
    view.system.move(BTC, "57000.1")
    btc, eth = view("positions", [view.account])
    assert (btc.account, btc.instrument, btc.size) == (view.account, BTC, wad("0.5"))
    assert (btc.mark, btc.fresh, btc.notional) == (wad("57000.1"), True, wad("28500.05"))
    assert (btc.value, btc.due) == (wad("28500.05"), 0)
    assert (eth.instrument, eth.size, eth.mark) == (ETH, wad(-4), wad(3000))
    assert (eth.value, eth.notional) == (wad(-12_000), wad(12_000))


def test_stale_price_is_told(view):
    view.system.chain.advance(61)
    assert [position.fresh for position in view("positions", [view.account])] == [False, False]


def test_due_is_the_funding_since_the_last_touch(view, counterparty):
    system = view.system
    whale = crowd(system, counterparty)
    system.pass_time(86_400)
    system.core.transact("poke", BTC)
    indices = Indices.unpack(system.core.call("indices_word", BTC))
    for account in (view.account, whale):
        word = Position.unpack(system.core.call("position_word", account, BTC))
        position = view("positions", [account])[0]
        assert position.due == funding.due_up(word.size, indices.long, word.checkpoint) > 0


def test_cash_value_and_due_make_equity(view, counterparty):
    system = view.system
    crowd(system, counterparty)
    system.pass_time(86_400)
    rows = view("positions", [view.account])
    equity = system.cash(view.account) + sum(row.value - row.due for row in rows)
    assert equity == system.health(view.account)[0]


def test_accounts_without_positions_give_none(view):
    empty = view.system.fund(view.system.actor("counterparty"), 5)
    found = view("positions", [empty, view.account, empty])
    assert [row.account for row in found] == [view.account] * 2


def test_more_than_256_positions_are_refused(view):
    system = view.system
    ids = [view.account] * 64
    assert len(view("positions", ids)) == 128
    for sub in range(1, 5):
        list_again(system, BTC + sub)
        system.trade(view.account, BTC + sub, "0.01")
    assert len(view("positions", ids[:42])) == 252
    with reverts("OutOfBounds"):
        view("positions", ids[:43])


def crowd(system, owner: str) -> int:
    """An account that makes the skew of BTC large enough for funding."""
    account = system.fund(owner, 1_000_000)
    for _ in range(2):
        system.trade(account, BTC, 30)
    return account


def list_again(system, instrument: int) -> None:
    """Another instrument of the first market's underlying, on the same terms."""
    market = system.config.markets[0]
    terms = (market.risk.pack(), market.trade.pack(), market.limits.pack())
    system.govern(
        system.deployment.configurator, "set_terms", system.core.address, instrument, *terms
    )
    system.govern(system.vault, "set_quote", instrument, market.quote.pack())


# Liquidation price


def test_long_is_liquidated_below_its_price_and_not_above(view):
    price = view("positions", [view.account])[0].liquidation_price
    assert price == 42_396_759_582_134_282_004_439
    assert lack(view.system, view.account, 1, price) > 0
    assert lack(view.system, view.account, 1, price + 1) <= 0


def test_short_is_liquidated_above_its_price_and_not_below(view):
    price = view("positions", [view.account])[1].liquidation_price
    assert price == 5_051_581_278_665_431_241_130
    assert lack(view.system, view.account, 2, price) > 0
    assert lack(view.system, view.account, 2, price - 1) <= 0


@pytest.mark.parametrize("above", [0, 1])
def test_the_clearing_house_agrees_at_the_price(view, above):
    price = view("positions", [view.account])[0].liquidation_price
    view.system.move(BTC, Decimal(price + above) / WAD)
    equity, _, maintenance, _ = view.system.health(view.account)
    assert (equity < maintenance) == (above == 0)


@pytest.mark.parametrize("size", ["0.0017", "-0.0023", "3.3", "-3.3", "41", "-40.999"])
def test_neighbouring_prices_straddle_maintenance(view, counterparty, size):
    system = view.system
    account = system.fund(counterparty, 400_000 if abs(Decimal(size)) > 5 else 20_000)
    system.trade(account, ETH, 1)
    system.trade(account, BTC, size)
    for row, feed in zip(view("positions", [account]), (1, 2), strict=True):
        if row.liquidation_price == 0:
            # so much collateral that no price of a long is low enough
            assert row.size > 0
            assert lack(system, account, feed, 1) <= 0
            continue
        better = 1 if row.size > 0 else -1
        assert lack(system, account, feed, row.liquidation_price) > 0
        assert lack(system, account, feed, row.liquidation_price + better) <= 0


def test_no_price_liquidates_a_covered_long(view, counterparty):
    account = view.system.fund(counterparty, 100_000)
    view.system.trade(account, BTC, 1)
    assert view("positions", [account])[0].liquidation_price == 0


def test_legs_of_one_underlying_share_a_price(view, counterparty):
    system = view.system
    list_again(system, SECOND_BTC)
    account = system.fund(counterparty, 1_000)
    system.trade(account, BTC, "0.2")
    system.trade(account, SECOND_BTC, "-0.15")
    first, second = view("positions", [account])
    assert first.liquidation_price == second.liquidation_price > 0
    assert lack(system, account, 1, first.liquidation_price) > 0
    assert lack(system, account, 1, first.liquidation_price + 1) <= 0


def test_a_hedged_account_fails_on_contingency_alone(view, counterparty):
    system = view.system
    list_again(system, SECOND_BTC)
    account = system.fund(counterparty, 1_000)
    system.trade(account, BTC, "0.2")
    system.trade(account, SECOND_BTC, "-0.2")
    price = view("positions", [account])[0].liquidation_price
    # the higher the price, the larger the contingency of both legs
    assert price > 5 * wad(60_000)
    assert lack(system, account, 1, price) > 0
    assert lack(system, account, 1, price - 1) <= 0


def test_below_maintenance_the_price_lies_ahead(view):
    view.system.move(BTC, 42_000)
    price = view("positions", [view.account])[0].liquidation_price
    assert price == 42_396_759_582_134_282_004_439
