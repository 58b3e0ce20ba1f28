"""Equity and requirements as the core sees them."""

import pytest

from tests.unit.core.clearing_house.conftest import BTC, BTC_2, ETH, RISK, House
from tidegate.spec.rounding import WAD


def test_an_account_without_positions_is_its_cash(house: House, trader: int):
    assert house.health(trader) == (1_000 * WAD, 0, 0, 0)
    assert house.health(house.account("nobody")) == (0, 0, 0, 0)


@pytest.mark.parametrize("sign", [1, -1])
def test_it_follows_the_price_in_force(house: House, trader: int, sign: int):
    house.trade(trader, sign * 10 * WAD)
    house.price(110 * WAD)
    assert house.health(trader) == (1_000 * WAD + sign * 100 * WAD, 55 * WAD, 33 * WAD, 1_100 * WAD)


def test_it_needs_every_price(house: House, trader: int, refuses):
    house.list(ETH)
    house.trade(trader, 10 * WAD)
    house.trade(trader, 10 * WAD, instrument=ETH)
    house.price(0, feed=2)
    refuses("NoPrice", house.health, trader)


def test_instruments_of_one_underlying_net_and_others_add(house: House, trader: int):
    house.list(BTC_2)
    house.list(ETH)
    house.clear(
        house.fill(trader, 30 * WAD),
        house.fill(trader, -20 * WAD, instrument=BTC_2),
        house.fill(trader, -20 * WAD, instrument=ETH),
    )
    # 1,000 net of BTC and 2,000 of ETH
    assert house.health(trader) == (1_000 * WAD, 150 * WAD, 90 * WAD, 7_000 * WAD)


def test_pools_have_no_list_and_so_no_requirement(house: House, trader: int):
    house.trade(trader, 10 * WAD)
    assert house.health(house.pool()) == (1_000 * WAD, 0, 0, 0)
    assert house.size(house.pool(), BTC) == -10 * WAD
    assert RISK.initial_shock > 0
