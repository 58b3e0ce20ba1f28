"""What a venue may take: a trade's taker fee, payments under the escrow cap, its own escrow."""

import pytest

from tests.unit.core.clearing_house.conftest import ESCROW_CAP, PRICE, House
from tidegate.local_accounts import local_address
from tidegate.spec import words
from tidegate.spec.rounding import WAD


def test_a_trade_costs_at_most_the_taker_fee(house: House, trader: int, refuses):
    most = 10 * PRICE * 500 // 10**6
    refuses("FeeTooHigh", house.trade, trader, 10 * WAD, fee=most + 1)
    refuses("FeeTooHigh", house.trade, trader, -10 * WAD, fee=most + 1)
    house.trade(trader, 10 * WAD, fee=most)
    assert house.cash(trader) == -most


def test_the_most_is_rounded_up(house: House, trader: int, refuses):
    size = 10 * WAD + 1
    most = 10 * PRICE * 500 // 10**6 + 1
    refuses("FeeTooHigh", house.trade, trader, size, fee=most + 1)
    house.trade(trader, size, fee=most)


def test_insurance_is_owed_its_share_rounded_down(house: House, trader: int):
    house.trade(trader, 10 * WAD, fee=WAD // 2 - 1)
    fee = WAD // 2 - 1
    assert house.cash(house.pool()) == 1_000 * WAD + fee
    assert house.principal(house.pool()) == fee // 5
    house.trade(trader, -10 * WAD, fee=2)
    assert house.principal(house.pool()) == fee // 5  # a fifth of two


def test_a_matched_fee_goes_to_the_maker_whole(house: House, trader: int):
    maker = house.fund("maker", 1_000 * WAD)
    house.trade(trader, 10 * WAD, maker=maker, fee=WAD // 2)
    assert house.cash(maker) == 2_000 * WAD + WAD // 2


def test_a_payment_moves_its_fee_and_nothing_else(house: House, trader: int):
    done = house.clear(house.payment(trader, house.account("keeper"), 3 * WAD))
    assert house.word(trader) == words.Cash(997 * WAD, 997 * WAD, words.ALIVE)
    assert house.word(house.account("keeper")) == words.Cash(3 * WAD, 0, words.ALIVE)
    event = done.one("Moved").args
    assert (event.source, event.target, event.asset, event.amount, event.principal) == (
        trader,
        house.account("keeper"),
        0,
        3 * WAD,
        0,
    )


def test_a_payment_of_nothing_is_one(house: House, trader: int):
    house.clear(house.payment(trader, house.account("keeper"), 0))
    assert house.cash(trader) == 1_000 * WAD


@pytest.mark.parametrize(("size", "price"), [(1, 0), (-1, 0), (0, 1), (0, 2**255), (-(2**255), 0)])
def test_a_payment_has_no_size_and_no_price(house: House, trader: int, refuses, size, price):
    fill = (trader, house.account("keeper"), 0, size, price, WAD, 0)
    refuses("BadFill", house.clear, fill)


def test_a_payment_is_at_most_the_escrow_cap(house: House, refuses):
    whale = house.fund("whale", 3 * ESCROW_CAP)
    refuses("FeeTooHigh", house.clear, house.payment(whale, house.escrow, ESCROW_CAP + 1))
    house.clear(house.payment(whale, house.escrow, ESCROW_CAP))
    assert house.cash(house.escrow) == ESCROW_CAP


def test_a_payer_keeps_initial_margin(house: House, trader: int, refuses):
    house.trade(trader, 100 * WAD)
    keeper = house.account("keeper")
    refuses("InsufficientMargin", house.clear, house.payment(trader, keeper, 500 * WAD + 1))
    house.clear(house.payment(trader, keeper, 500 * WAD))
    refuses("InsufficientMargin", house.clear, house.payment(trader, keeper, 1))


def test_a_payer_has_the_cash(house: House, trader: int, refuses):
    keeper = house.account("keeper")
    refuses("InsufficientMargin", house.clear, house.payment(trader, keeper, 1_000 * WAD + 1))


def test_whoever_is_paid_needs_no_margin(house: House, trader: int):
    """A keeper's reward or a returned escrow reaches any account."""
    poor = house.lose_all("poor", 60 * WAD, 10 * WAD, 90 * WAD)
    house.clear(house.payment(trader, poor, WAD))
    assert house.cash(poor) == -39 * WAD


def test_a_payer_at_a_stale_price_keeps_its_money(house: House, trader: int, refuses):
    house.trade(trader, WAD)
    house.price(PRICE, fresh=False)
    refuses("StalePrice", house.clear, house.payment(trader, house.escrow, 1))


def test_an_escrow_pays_for_its_venue_only(house: House, trader: int, refuses):
    house.clear(house.payment(trader, house.escrow, 100 * WAD))
    back = house.payment(house.escrow, trader, 40 * WAD)
    refuses("InsufficientCash", house.clear, back, by=house.liquidator)
    house.clear(back)
    assert house.cash(house.escrow) == 60 * WAD


def test_an_escrow_pays_what_it_has(house: House, trader: int, refuses):
    house.clear(house.payment(trader, house.escrow, 100 * WAD))
    back = house.payment(house.escrow, trader, 60 * WAD)
    refuses("InsufficientCash", house.clear, back, back)
    # not even for a moment within the call
    again = house.payment(trader, house.escrow, 20 * WAD)
    refuses("InsufficientCash", house.clear, back, back, again)
    house.clear(back, again, back)
    assert house.cash(house.escrow) == 0


def test_a_revoked_venue_may_empty_its_escrow_and_no_more(house: House, trader: int, refuses):
    house.clear(house.payment(trader, house.escrow, 100 * WAD))
    house.core.transact("set_venue", house.venue, 0, sender=house.configurator)
    refuses("NotVenue", house.clear, house.payment(trader, house.escrow, WAD))
    refuses("NotVenue", house.clear, house.payment(house.pool(), trader, 0))
    refuses("NotVenue", house.trade, trader, WAD)
    back = house.payment(house.escrow, trader, 100 * WAD)
    refuses("InsufficientCash", house.clear, back, by=local_address("attacker"))
    house.clear(back)
    assert (house.cash(house.escrow), house.cash(trader)) == (0, 1_000 * WAD)


def test_a_trading_venue_takes_nothing_from_a_pool(house: House, trader: int, refuses):
    house.trade(trader, 10 * WAD)
    refuses("FeeTooHigh", house.clear, house.payment(house.pool(), trader, 1))
    refuses(
        "FeeTooHigh",
        house.clear,
        house.fill(trader, -WAD),
        house.payment(house.pool(), trader, 1),
    )
    refuses("FeeTooHigh", house.clear, house.payment(house.pool(), trader, 0))


def test_nobody_takes_from_the_deficit(house: House, trader: int, refuses):
    refuses("InsufficientMargin", house.clear, house.payment(house.deficits, trader, 1))


def test_the_venue_may_not_pass_one_trades_fee_for_another(house: House, trader: int, refuses):
    """Caps are per fill: a fee that is too high is not made good by one that is too low."""
    refuses(
        "FeeTooHigh",
        house.clear,
        house.fill(trader, 2 * WAD, fee=0),
        house.fill(trader, 2 * WAD, fee=2 * PRICE * 2 * 500 // 10**6),
    )


def test_payments_count_as_cost_below_margin(house: House, refuses):
    """Reducing below initial margin may cost 2.5 % of what is closed, keeper's fee included."""
    account = house.fund("trader", 55 * WAD)
    house.trade(account, 10 * WAD)
    house.price(98 * WAD)  # equity 35, initial 49, maintenance 29.4
    closed = 5 * 98 * WAD
    most = closed * 25 // 1000
    keeper = house.account("keeper")
    reduce = house.fill(account, -5 * WAD, 98 * WAD)
    refuses("InsufficientMargin", house.clear, reduce, house.payment(account, keeper, most + 1))
    house.clear(reduce, house.payment(account, keeper, most))
    assert house.cash(keeper) == most


@pytest.mark.parametrize("sub", [0, 1, 2, 3, "insurance"])
def test_no_venue_touches_the_vaults_own_accounts_or_insurance(
    house: House, trader: int, refuses, sub: int | str
):
    account = house.insurance if sub == "insurance" else words.account(house.vault.address, sub)
    house.deposit(account, 1_000 * WAD, local_address("lp"))
    refuses("NotVenue", house.clear, house.payment(account, house.escrow, 1))
    refuses("BadFill", house.clear, house.fill(account, WAD))
    refuses("BadFill", house.clear, house.fill(trader, WAD, maker=account))
    house.clear(house.payment(trader, account, 1))


def test_the_payments_of_one_call_are_one_under_the_cap(house: House, trader: int, refuses):
    cap = words.Asset.unpack(house.core.call("asset_word", 0)).escrow_cap
    house.deposit(trader, 3 * cap, local_address("trader"))
    pay = lambda amount: house.payment(trader, house.escrow, amount)  # noqa: E731
    house.clear(pay(cap - 1), pay(1))
    refuses("FeeTooHigh", house.clear, pay(cap), pay(1))
