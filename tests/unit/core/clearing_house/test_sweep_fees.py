"""A pool's insurance share of fees goes to insurance, which pays what is booked."""

from tests.unit.core.clearing_house.conftest import House
from tidegate.local_accounts import local_address
from tidegate.spec import words
from tidegate.spec.rounding import WAD

ANYONE = local_address("stranger")


def sweep(house: House, account: int, asset: int = 0):
    return house.core.transact("sweep_fees", account, asset, sender=ANYONE)


def test_the_share_moves_once(house: House, trader: int):
    house.trade(trader, 10 * WAD, fee=WAD // 2)
    assert house.word(house.pool()) == words.Cash(1_000 * WAD + WAD // 2, WAD // 10, 3)
    sweep(house, house.pool())
    assert house.word(house.pool()) == words.Cash(1_000 * WAD + WAD * 2 // 5, 0, 3)
    assert house.cash(house.insurance) == WAD // 10
    sweep(house, house.pool())
    assert house.cash(house.insurance) == WAD // 10


def test_it_pays_the_booked_deficit(house: House, trader: int):
    loser = house.lose_all("broke", 1_000 * WAD, 100 * WAD, 80 * WAD)
    house.core.transact("book_deficit", loser, 0, sender=house.liquidator)
    house.trade(trader, 10 * WAD, 80 * WAD, fee=WAD * 4 // 10)
    sweep(house, house.pool())
    assert house.cash(house.insurance) == 0
    assert house.cash(house.deficits) == -1_000 * WAD + WAD * 8 // 100


def test_a_pool_below_zero_still_owes_it(house: House, trader: int):
    house.trade(trader, 10 * WAD, fee=WAD // 2)
    house.as_vault("transfer", house.pool(), house.treasury, 0, 1_001 * WAD)
    sweep(house, house.pool())
    assert house.cash(house.insurance) == WAD // 10
    assert house.cash(house.pool()) == -WAD * 6 // 10


def test_only_pools_are_swept(house: House, trader: int, refuses):
    """The same field is the principal of everybody else."""
    for account in (trader, house.treasury, house.insurance, house.escrow, house.deficits):
        refuses("NotPermitted", sweep, house, account)
    shaped = words.pool(local_address("attacker"), 1)
    house.deposit(shaped, 10 * WAD, ANYONE)
    refuses("NotPermitted", sweep, house, shaped)
    refuses("NotPermitted", sweep, house, house.pool(), 1)
