"""Principal is what may leave at once: no fill, fee or match may revive a lost deposit's."""

import pytest

from tests.unit.core.clearing_house.conftest import BTC, PRICE, House
from tidegate.spec.rounding import WAD


@pytest.fixture
def dead(house: House) -> int:
    """Deposited 100; its open position has lost 90 of them, and the ledger has not looked yet."""
    account = house.fund("trader", 100 * WAD)
    house.fund("lp", 10_000 * WAD)
    house.trade(account, 10 * WAD)
    house.price(91 * WAD)
    assert house.principal(account) == 100 * WAD
    return account


@pytest.fixture
def winner(house: House) -> int:
    """Cash 1,000 of which 900 are gains."""
    account = house.fund("winner", 100 * WAD)
    house.clear(house.payment(house.fund("loser", 900 * WAD), account, 900 * WAD))
    assert house.principal(account) == 100 * WAD
    return account


def test_a_fee_revives_no_lost_principal(house: House, dead: int, winner: int):
    house.clear(house.payment(winner, dead, 90 * WAD))
    house.trade(dead, -10 * WAD, 91 * WAD)
    assert house.cash(dead) == 100 * WAD
    assert house.principal(dead) == 10 * WAD


def test_an_escrow_payment_revives_no_lost_principal(house: House, dead: int, winner: int):
    house.clear(house.payment(winner, house.escrow, 90 * WAD))
    house.clear(house.payment(house.escrow, dead, 90 * WAD))
    house.trade(dead, -10 * WAD, 91 * WAD)
    assert house.principal(dead) == 10 * WAD


@pytest.mark.parametrize("dead_takes", [True, False])
def test_a_match_revives_no_lost_principal(house: House, dead: int, winner: int, dead_takes: bool):
    """The winner sells below the mark to the dead account, whichever of them is the taker."""
    low = 91 * WAD * 97 // 100
    taker, maker, size = (dead, winner, 10 * WAD) if dead_takes else (winner, dead, -10 * WAD)
    house.clear(house.fill(taker, size, low, maker=maker), house.fill(dead, -20 * WAD, 91 * WAD))
    gain = 91 * WAD * 3 // 100 * 10
    assert house.cash(dead) == 10 * WAD + gain
    assert house.principal(dead) == 10 * WAD


def test_a_payment_to_a_pool_leaves_its_fees_to_insurance(house: House, trader: int):
    """The middle field of a pool's word is no principal: nothing may hold it to the pool's net."""
    house.trade(trader, 10 * WAD, fee=WAD // 2)
    owed = house.principal(house.pool())
    assert owed == WAD // 10
    house.price(200 * WAD)  # the pool is far below zero
    house.clear(house.payment(trader, house.pool(), 0))
    assert house.principal(house.pool()) == owed


def test_a_plain_trade_holds_principal_to_net_after_it(house: House, trader: int):
    house.trade(trader, 10 * WAD, 101 * WAD)
    assert house.principal(trader) == 990 * WAD
    assert house.size(trader, BTC) == 10 * WAD
    house.price(PRICE // 2)
    house.trade(trader, -10 * WAD, 50 * WAD)
    assert house.cash(trader) == house.principal(trader) == 490 * WAD
