"""The rule for liquidated accounts: below maintenance before, less risk and less lack after."""

import random
from dataclasses import replace

import pytest

from tests.unit.core.clearing_house.conftest import (
    BTC,
    BTC_2,
    ETH,
    LIMITS,
    RISK,
    House,
)
from tidegate.local_accounts import local_address
from tidegate.spec import words
from tidegate.spec.rounding import WAD

PENALTY = 7_500  # ppm
MARK = 95 * WAD + WAD // 2


@pytest.fixture
def failing(house: House) -> int:
    """Long 100 at 100, equity 200 at 96: maintenance 288."""
    account = house.fund("trader", 600 * WAD)
    house.trade(account, 100 * WAD)
    house.price(96 * WAD)
    assert house.health(account)[0] == 200 * WAD
    return account


def lack(house: House, account: int) -> int:
    equity, _, maintenance, _ = house.health(account)
    return maintenance - equity


def test_a_slice_at_mark_passes(house: House, failing: int):
    house.liquidate(failing, -40 * WAD, 96 * WAD)
    assert house.size(failing) == 60 * WAD


def test_a_healthy_account_is_left_alone(house: House, trader: int, refuses):
    house.trade(trader, 100 * WAD)
    refuses("NotLiquidatable", house.liquidate, trader, -WAD, 100 * WAD)


def test_at_maintenance_it_is_left_alone(house: House, failing: int, refuses):
    house.deposit(failing, 88 * WAD, local_address("friend"))
    assert lack(house, failing) == 0
    refuses("NotLiquidatable", house.liquidate, failing, -WAD, 96 * WAD)
    house.price(96 * WAD - 1)
    house.liquidate(failing, -WAD, 96 * WAD - 1)


def test_between_maintenance_and_initial_it_is_left_alone(house: House, failing: int, refuses):
    house.deposit(failing, 150 * WAD, local_address("friend"))
    equity, initial, _, _ = house.health(failing)
    assert equity < initial
    refuses("NotLiquidatable", house.liquidate, failing, -WAD, 96 * WAD)


@pytest.mark.parametrize("size", [1, 10 * WAD, -102 * WAD, -200 * WAD, -150 * WAD])
def test_a_slice_neither_adds_nor_flips(house: House, failing: int, refuses, size: int):
    refuses("BadLiquidation", house.liquidate, failing, size, 96 * WAD)


def test_nothing_held_is_nothing_to_slice(house: House, failing: int, refuses):
    house.list(ETH)
    fill = house.fill(failing, -WAD, 100 * WAD, instrument=ETH)
    refuses("BadLiquidation", house.clear, fill, by=house.liquidator)


@pytest.mark.parametrize("units", [1, 40, 98, 100])
def test_a_slice_costs_at_most_the_max_cost(house: House, failing: int, units: int):
    low = 96 * WAD * 975 // 1000
    size = -units * WAD
    with pytest.raises(Exception, match="BadLiquidation"):
        house.liquidate(failing, size, low - 1)
    before = lack(house, failing)
    house.liquidate(failing, size, low)
    assert lack(house, failing) < before


def test_the_penalty_has_its_cap(house: House, failing: int, refuses):
    most = 40 * 96 * WAD * PENALTY // 10**6
    refuses("BadLiquidation", house.liquidate, failing, -40 * WAD, 96 * WAD, most + 1)
    house.liquidate(failing, -40 * WAD, 96 * WAD, most)
    assert house.cash(house.insurance) == 0
    assert house.principal(house.pool()) == most // 5


def test_the_penalty_never_lowers_equity_per_notional(house: House):
    """Equity 50 of 9,550: 20 may leave with 40 of 100 units, whatever the penalty says."""
    account = house.fund("trader", 500 * WAD)
    house.trade(account, 100 * WAD)
    house.price(MARK)
    with pytest.raises(Exception, match="BadLiquidation"):
        house.liquidate(account, -40 * WAD, MARK, 20 * WAD + 1)
    house.liquidate(account, -40 * WAD, MARK, 20 * WAD)
    equity, _, _, notional = house.health(account)
    assert equity * 9_550 >= 50 * notional


def test_quote_cost_and_penalty_share_the_room(house: House):
    """Equity / notional is 0.52 %: a slice that costs 0.3 % leaves 0.22 % for the penalty."""
    account = house.fund("trader", 500 * WAD)
    house.trade(account, 100 * WAD)
    house.price(MARK)
    closed = 40 * MARK
    low = MARK * 997 // 1000
    room = 50 * closed // 9_550 - closed * 3 // 1000
    with pytest.raises(Exception, match="BadLiquidation"):
        house.liquidate(account, -40 * WAD, low, room + 1)
    house.liquidate(account, -40 * WAD, low, room)


@pytest.mark.parametrize("equity", [0, -1, -200])
def test_who_has_nothing_pays_no_penalty(house: House, equity: int):
    account = house.fund("trader", 600 * WAD)
    house.trade(account, 100 * WAD)
    house.price(94 * WAD)
    if equity:
        house.price(94 * WAD + equity * WAD // 100)
    assert house.health(account)[0] == equity * WAD
    mark = 94 * WAD + equity * WAD // 100
    with pytest.raises(Exception, match="BadLiquidation"):
        house.liquidate(account, -40 * WAD, mark, 1)
    house.liquidate(account, -40 * WAD, mark * 975 // 1000)


@pytest.mark.parametrize("seed", range(4))
def test_slices_at_every_equity_pass_and_the_lack_falls(house: House, seed: int):
    """From just below maintenance to far below zero, any size, any cost within the rule."""
    rng = random.Random(seed)
    risky = replace(RISK, contingency=5_000, size_slope=10_000)
    house.list(BTC, risky)
    start = house.chain.snapshot
    for percent in range(-60, 40, 7):
        checkpoint = start()
        account = house.fund("trader", 700 * WAD)
        house.trade(account, 100 * WAD)
        mark = 93 * WAD + percent * WAD // 10
        house.price(mark)
        while house.size(account) and lack(house, account) > 0:
            held = house.size(account)
            size = min(held, rng.randint(1, 60) * WAD)
            if (held - size) * mark < 100 * WAD * WAD:
                size = held
            before, equity = lack(house, account), house.health(account)[0]
            notional = house.health(account)[3]
            closed = size * mark // WAD
            cost = closed * rng.choice([0, 3, 12, 25]) // 1000
            room = max(0, equity * closed // notional - cost) if equity > 0 else 0
            fee = min(closed * PENALTY // 10**6, room) // 2
            price = mark - cost * WAD // size
            house.liquidate(account, -size, price, fee)
            assert lack(house, account) < before
            if equity > 0 and fee:
                left, _, _, rest = house.health(account)
                assert left * notional >= equity * rest
        house.laws()
        house.accounts.clear()
        house.chain.restore(checkpoint)


def test_no_liquidator_slices_the_hedge_leg(house: House, refuses):
    risky = replace(RISK, contingency=5_000, size_slope=10_000)
    house.list(BTC, risky)
    house.list(BTC_2, risky)
    account = house.fund("trader", 1_000 * WAD)
    house.clear(house.fill(account, 300 * WAD), house.fill(account, -200 * WAD, instrument=BTC_2))
    house.price(94 * WAD)
    assert lack(house, account) > 0
    hedge = house.fill(account, 50 * WAD, 94 * WAD, instrument=BTC_2)
    refuses("BadLiquidation", house.clear, hedge, by=house.liquidator)
    house.liquidate(account, -50 * WAD, 94 * WAD)


def test_both_legs_may_go_together(house: House):
    house.list(BTC_2)
    account = house.fund("trader", 700 * WAD)
    house.clear(house.fill(account, 300 * WAD), house.fill(account, -160 * WAD, instrument=BTC_2))
    house.price(97 * WAD)
    before = lack(house, account)
    assert before > 0
    house.clear(
        house.fill(account, -150 * WAD, 97 * WAD),
        house.fill(account, 80 * WAD, 97 * WAD, instrument=BTC_2),
        by=house.liquidator,
    )
    assert lack(house, account) < before


def test_many_accounts_in_one_call_all_must_fail(house: House, failing: int, refuses):
    second = house.fund("second", 310 * WAD)
    house.price(100 * WAD)
    house.trade(second, 60 * WAD)
    house.price(96 * WAD)
    house.deposit(house.account("healthy"), 1_000 * WAD, local_address("friend"))
    healthy = house.account("healthy")
    house.trade(healthy, 10 * WAD, 96 * WAD)
    fills = [house.fill(account, -5 * WAD, 96 * WAD) for account in (failing, second, healthy)]
    refuses("NotLiquidatable", house.clear, *fills, by=house.liquidator)
    house.clear(*fills[:2], by=house.liquidator)


def test_one_account_twice_in_a_call_is_one_verdict(house: House, failing: int, refuses):
    """Costs and penalties add up against what is closed in sum."""
    most = 40 * 96 * WAD * PENALTY // 10**6
    fills = [house.fill(failing, -20 * WAD, 96 * WAD, fee) for fee in (most // 2, most // 2 + 1)]
    refuses("BadLiquidation", house.clear, *fills, by=house.liquidator)
    house.clear(fills[0], fills[0], by=house.liquidator)
    assert house.size(failing) == 60 * WAD


def test_a_stale_price_stops_no_liquidation(house: House, failing: int):
    house.price(96 * WAD, fresh=False)
    house.liquidate(failing, -40 * WAD, 96 * WAD)


def test_a_pause_and_a_full_cap_stop_no_liquidation(house: House, failing: int):
    word = 2 | (house.chain.time() + 3600) << 8
    house.core.transact("set_venue", house.liquidator, word, sender=house.configurator)
    house.as_vault("scale_caps", BTC, 0)
    house.liquidate(failing, -40 * WAD, 96 * WAD)


def test_what_is_left_is_the_minimum_or_nothing(house: House, failing: int, refuses):
    refuses("BelowMinimum", house.liquidate, failing, -99 * WAD, 96 * WAD)
    house.liquidate(failing, -98 * WAD, 96 * WAD)


def test_a_taker_of_another_account_stands_by_its_own_margin(house: House, failing: int, refuses):
    """A bidder takes the slice as maker and is judged as a trader is."""
    poor = house.fund("poor", 10 * WAD)
    fill = house.fill(failing, -40 * WAD, 96 * WAD, maker=poor)
    refuses("InsufficientMargin", house.clear, fill, by=house.liquidator)
    bidder = house.fund("bidder", 1_000 * WAD)
    fill = house.fill(failing, -40 * WAD, 95 * WAD, maker=bidder)
    house.clear(fill, by=house.liquidator)
    assert (house.size(bidder), house.size(failing)) == (40 * WAD, 60 * WAD)


def test_a_trading_venue_may_not_liquidate(house: House, failing: int, refuses):
    """Closing against the owner's will is not what it may do, but a fair reduction it may clear."""
    refuses("FeeTooHigh", house.trade, failing, -40 * WAD, 96 * WAD, fee=28 * WAD)


# Keepers' rewards out of a pool


def test_a_reward_comes_behind_the_slice_that_earns_it(house: House, failing: int, refuses):
    slice_ = house.fill(failing, -40 * WAD, 96 * WAD, fee=10 * WAD)
    keeper = house.account("keeper")
    most = LIMITS.keeper_reward
    assert most == 5 * WAD
    refuses(
        "FeeTooHigh",
        house.clear,
        house.payment(house.pool(), keeper, 1),
        slice_,
        by=house.liquidator,
    )
    refuses(
        "FeeTooHigh",
        house.clear,
        slice_,
        house.payment(house.pool(), keeper, most + 1),
        by=house.liquidator,
    )
    house.clear(slice_, house.payment(house.pool(), keeper, most), by=house.liquidator)
    assert house.cash(keeper) == most
    refuses(
        "FeeTooHigh",
        house.clear,
        house.payment(house.pool(), keeper, 1),
        by=house.liquidator,
    )


def test_rewards_are_bounded_in_sum(house: House, failing: int, refuses):
    slice_ = house.fill(failing, -20 * WAD, 96 * WAD)
    keeper = house.account("keeper")
    three, four = (house.payment(house.pool(), keeper, n * WAD) for n in (3, 4))
    refuses(
        "FeeTooHigh", house.clear, slice_, slice_, three, three, three, four, by=house.liquidator
    )
    house.clear(slice_, slice_, three, three, four, by=house.liquidator)
    assert house.cash(keeper) == 10 * WAD


def test_a_liquidation_venue_takes_no_payment_from_a_healthy_account(
    house: House, trader: int, refuses
):
    payment = house.payment(trader, house.account("keeper"), 1)
    refuses("FeeTooHigh", house.clear, payment, by=house.liquidator)


def test_a_liquidation_venue_takes_no_payment_from_a_failing_one(
    house: House, failing: int, refuses
):
    payment = house.payment(failing, house.account("keeper"), 1)
    refuses("FeeTooHigh", house.clear, payment, by=house.liquidator)
    # with a slice neither: its reward comes out of the pool
    slice_ = house.fill(failing, -40 * WAD, 96 * WAD)
    refuses("FeeTooHigh", house.clear, slice_, payment, by=house.liquidator)


def test_a_crumb_earns_its_keeper_nothing(house: House, failing: int, refuses):
    reward = house.payment(house.pool(), house.account("keeper"), 1)
    least = words.Trade.unpack(house.core.call("trade_word", BTC)).minimum_notional
    mark = house.oracle.call("latest", 1)[0]
    crumb = house.fill(failing, -(least * WAD // mark), mark)
    refuses("FeeTooHigh", house.clear, crumb, reward, by=house.liquidator)
    slice_ = house.fill(failing, -(least * WAD // mark + 1), mark)
    house.clear(slice_, reward, by=house.liquidator)
