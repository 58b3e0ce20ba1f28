"""The final-state rule: initial margin at fresh prices, or risk falls at a fair price."""

from dataclasses import replace

import pytest

from tests.unit.core.clearing_house.conftest import (
    BTC,
    BTC_2,
    ETH,
    PRICE,
    RISK,
    House,
)
from tidegate.spec.rounding import WAD


@pytest.mark.parametrize("sign", [1, -1])
def test_opening_takes_initial_margin_to_the_last_unit(house: House, trader: int, refuses, sign):
    """5 % of the notional: 1,000 carry 200 units at 100."""
    refuses("InsufficientMargin", house.trade, trader, sign * (200 * WAD + 1))
    house.trade(trader, sign * 200 * WAD)
    assert house.health(trader) == (1_000 * WAD, 1_000 * WAD, 600 * WAD, 20_000 * WAD)


def test_what_a_fill_costs_above_the_mark_is_gone_at_once(house: House, trader: int, refuses):
    refuses("InsufficientMargin", house.trade, trader, 200 * WAD, PRICE + 1)
    refuses("InsufficientMargin", house.trade, trader, 200 * WAD, fee=1)
    # 3 % of cheaper price is equity
    house.trade(trader, 200 * WAD, 97 * WAD)
    assert house.health(trader)[0] == 1_600 * WAD


def test_a_package_is_judged_after_its_last_fill(house: House, trader: int):
    """Twice the size on the way, with the hedge behind it."""
    house.list(BTC_2)
    house.clear(house.fill(trader, 400 * WAD), house.fill(trader, -400 * WAD, instrument=BTC_2))
    equity, initial, maintenance, notional = house.health(trader)
    assert (equity, initial, maintenance) == (1_000 * WAD, 0, 0)
    assert notional == 80_000 * WAD


def test_underlyings_are_summed_without_offset(house: House, trader: int):
    house.list(ETH)
    house.clear(house.fill(trader, 100 * WAD), house.fill(trader, -100 * WAD, instrument=ETH))
    assert house.health(trader)[1] == 1_000 * WAD


def test_contingency_is_paid_for_both_legs_of_a_hedge(house: House, trader: int):
    risky = replace(RISK, contingency=5_000, size_slope=10_000)
    house.list(BTC, risky)
    house.list(BTC_2, risky)
    house.clear(house.fill(trader, 400 * WAD), house.fill(trader, -400 * WAD, instrument=BTC_2))
    # half a percent and one percent of 400 / 1,000, of 40,000 each
    assert house.health(trader)[1:3] == (720 * WAD, 720 * WAD)


def test_equity_is_rounded_down_and_requirements_up(house: House, trader: int):
    house.trade(trader, 7 * WAD + 7)
    house.price(PRICE - 1)
    equity, initial, maintenance, notional = house.health(trader)
    worth = (7 * WAD + 7) * (PRICE - 1)
    assert equity == 1_000 * WAD - (700 * WAD + 700) + worth // WAD
    assert notional == -(-worth // WAD)
    assert initial == -(-worth * 50_000 // (WAD * 10**6))
    assert maintenance == -(-worth * 30_000 // (WAD * 10**6))


# Below initial margin


@pytest.fixture
def short_of_margin(house: House) -> int:
    """Long 100 at 100, equity 350 at 98: initial 490, maintenance 294."""
    account = house.fund("trader", 550 * WAD)
    house.trade(account, 100 * WAD)
    house.price(98 * WAD)
    assert house.health(account)[:3] == (350 * WAD, 490 * WAD, 294 * WAD)
    return account


@pytest.fixture
def deep(house: House) -> int:
    """Long 100 at 100, equity 250 at 96: initial 480, maintenance 288."""
    account = house.fund("trader", 650 * WAD)
    house.trade(account, 100 * WAD)
    house.price(96 * WAD)
    assert house.health(account)[:3] == (250 * WAD, 480 * WAD, 288 * WAD)
    return account


def test_levering_up_is_refused(house: House, short_of_margin: int):
    """Whatever the price it is offered at, as long as it stays below."""
    for price in (98 * WAD, 97 * WAD):
        with pytest.raises(Exception, match="InsufficientMargin"):
            house.trade(short_of_margin, WAD, price)


def test_a_flip_to_the_same_size_is_refused(house: House, deep: int, refuses):
    refuses("InsufficientMargin", house.trade, deep, -200 * WAD, 96 * WAD)


def test_a_flip_to_a_smaller_position_passes(house: House, deep: int):
    """What is closed is what |size| fell by: 40 units, at no cost."""
    house.trade(deep, -160 * WAD, 96 * WAD)
    assert house.size(deep) == -60 * WAD


@pytest.mark.parametrize("units", [1, 33, 50, 60])
def test_reducing_at_the_full_cost_passes(house: House, deep: int, units: int):
    """2.5 % of what is closed, and not a unit more."""
    size = units * WAD
    low = 96 * WAD * 975 // 1000
    with pytest.raises(Exception, match="InsufficientMargin"):
        house.trade(deep, -size, low - 1)
    house.trade(deep, -size, low)
    equity, _, maintenance, _ = house.health(deep)
    assert equity == 250 * WAD - size * 96 * 25 // 1000
    # the ratio of equity to maintenance has not fallen
    assert equity * 288 * WAD >= 250 * WAD * maintenance


def test_a_fee_is_part_of_the_cost(house: House, deep: int, refuses):
    low = 96 * WAD * 975 // 1000
    refuses("InsufficientMargin", house.trade, deep, -50 * WAD, low, fee=1)
    fee = WAD
    house.trade(deep, -50 * WAD, low + fee // 50, fee=fee)


def test_the_cost_is_measured_from_the_slot_of_the_fill(house: House, deep: int, refuses):
    """An old order at an old price: its slot is its reference, `latest` what equity is worth."""
    house.slot(9, 96 * WAD)
    house.slot(8, 955 * WAD // 10)
    low = 9355 * WAD // 100  # 49 below the mark for 20; 48 are the most
    refuses("InsufficientMargin", house.trade, deep, -20 * WAD, low, slot=9)
    house.trade(deep, -20 * WAD, low, slot=8)


@pytest.mark.parametrize("side", [1, -1])
def test_a_slots_price_may_not_be_better_than_the_price_in_force(house: House, refuses, side: int):
    """In the second in which it is posted it would show a gain that nobody has."""
    account = house.fund("trader", 5_000 * WAD)
    mark = house.oracle.call("latest", 1)[0]
    house.slot(8, mark - side)
    refuses("TooSoon", house.trade, account, side * 10 * WAD, mark - side, slot=8)
    house.slot(9, mark + side)
    house.trade(account, side * 10 * WAD, mark + side, slot=9)


def test_a_reduction_that_leaves_less_per_risk_is_refused(house: House):
    """Equity 50 of a notional of 9,550: half closed at the max cost would take more than all."""
    mark = 95 * WAD + WAD // 2
    account = house.fund("trader", 500 * WAD)
    house.trade(account, 100 * WAD)
    house.price(mark)
    assert house.health(account)[0] == 50 * WAD
    low = mark * 975 // 1000
    with pytest.raises(Exception, match="InsufficientMargin"):
        house.trade(account, -50 * WAD, low)
    # to the last unit: half of the equity may go with half of the risk
    cost = 25 * WAD
    with pytest.raises(Exception, match="InsufficientMargin"):
        house.trade(account, -50 * WAD, mark - cost // 50 - 1)
    house.trade(account, -50 * WAD, mark - cost // 50)
    assert house.health(account)[0] == 25 * WAD


def test_a_negative_account_may_reduce_at_the_full_cost(house: House):
    account = house.fund("trader", 500 * WAD)
    house.trade(account, 100 * WAD)
    house.price(94 * WAD)
    low = 94 * WAD * 975 // 1000
    house.trade(account, -50 * WAD, low)
    house.trade(account, -50 * WAD, low)
    assert house.cash(account) == -100 * WAD - 100 * 94 * WAD * 25 // 1000


def test_a_hedge_that_lowers_the_requirement_passes_when_it_costs_nothing(
    house: House, deep: int, refuses
):
    """It closes nothing, so it may cost nothing."""
    house.list(BTC_2)
    refuses("InsufficientMargin", house.trade, deep, -20 * WAD, 96 * WAD - 1, instrument=BTC_2)
    house.trade(deep, -20 * WAD, 96 * WAD, instrument=BTC_2)
    assert house.health(deep)[2] == 288 * WAD * 8 // 10


def test_swapping_one_risk_for_another_of_the_same_size_is_refused(
    house: House, deep: int, refuses
):
    house.list(ETH)
    house.price(96 * WAD, feed=2)
    refuses(
        "InsufficientMargin",
        house.clear,
        house.fill(deep, -50 * WAD, 96 * WAD),
        house.fill(deep, 50 * WAD, 96 * WAD, instrument=ETH),
    )
    # less risk in sum: allowed, at what closing 50 may cost
    house.clear(
        house.fill(deep, -50 * WAD, 96 * WAD),
        house.fill(deep, 40 * WAD, 96 * WAD, instrument=ETH),
    )


def test_equal_risk_passes_when_equity_rises(house: House, deep: int, refuses):
    """Out and in again at a better price: M' is M and E' is above E."""
    refuses(
        "InsufficientMargin",
        house.clear,
        house.fill(deep, -50 * WAD, 96 * WAD),
        house.fill(deep, 50 * WAD, 96 * WAD),
    )
    house.clear(house.fill(deep, -50 * WAD, 96 * WAD), house.fill(deep, 50 * WAD, 96 * WAD - 1))


def test_the_maker_of_a_match_is_judged_by_the_same_rule(house: House, deep: int, refuses):
    whale = house.fund("whale", 100_000 * WAD)
    low = 96 * WAD * 975 // 1000
    refuses("InsufficientMargin", house.trade, whale, 50 * WAD, low - 1, maker=deep)
    house.trade(whale, 50 * WAD, low, maker=deep)
    assert house.size(deep) == 50 * WAD
    refuses("InsufficientMargin", house.trade, whale, -WAD, 96 * WAD, maker=deep)


def test_no_one_opens_a_second_market_below_initial(house: House, deep: int, refuses):
    house.list(ETH)
    refuses("InsufficientMargin", house.trade, deep, 2 * WAD, instrument=ETH)


# Stale prices


def test_at_a_stale_price_only_reducing_passes(house: House, trader: int, refuses):
    house.trade(trader, 100 * WAD)
    house.price(PRICE, fresh=False)
    refuses("StalePrice", house.trade, trader, WAD)
    refuses("StalePrice", house.trade, trader, -100 * WAD - 101 * WAD)
    house.trade(trader, -10 * WAD)
    house.trade(trader, -90 * WAD)
    assert house.cash(trader) == 1_000 * WAD


def test_at_a_stale_price_the_cost_is_bounded(house: House, trader: int, refuses):
    house.trade(trader, 100 * WAD)
    house.price(PRICE, fresh=False)
    low = 97 * WAD + WAD // 2
    refuses("StalePrice", house.trade, trader, -50 * WAD, low - 1)
    house.trade(trader, -50 * WAD, low)
    # once nothing is held nothing is doubted
    house.trade(trader, -50 * WAD, 97 * WAD)


def test_a_stale_price_of_one_market_holds_openings_in_all(house: House, trader: int, refuses):
    house.list(ETH)
    house.trade(trader, 10 * WAD, instrument=ETH)
    house.price(PRICE, fresh=False, feed=2)
    refuses("StalePrice", house.trade, trader, 10 * WAD)


def test_both_reasons_are_named_by_the_margin(house: House, deep: int, refuses):
    house.price(96 * WAD, fresh=False)
    refuses("InsufficientMargin", house.trade, deep, WAD, 96 * WAD)


# Funding is settled before the state is looked at: it is no cost of the trade


def test_funding_due_is_part_of_both_states(house: House):
    fast = replace(RISK, max_velocity=300_000, max_rate=100_000)
    house.list(BTC, fast)
    account = house.fund("trader", 1_100 * WAD)
    house.trade(account, 200 * WAD)
    house.chain.advance(3 * 86400)
    equity, initial, _, _ = house.health(account)
    assert equity < initial
    low = PRICE * 975 // 1000
    house.trade(account, -100 * WAD, low)
    assert house.health(account)[0] == equity - 250 * WAD
    assert house.pot_and_dues() >= 0
