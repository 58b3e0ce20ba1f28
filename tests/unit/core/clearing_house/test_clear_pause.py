"""While a venue's openings are paused it may reduce."""

import pytest

from tests.unit.core.clearing_house.conftest import TRADING, House
from tidegate.spec.rounding import WAD


@pytest.fixture
def paused(house: House, trader: int) -> int:
    """A trader who is long 10, in an hour's pause."""
    house.trade(trader, 10 * WAD)
    until = house.chain.time() + 3600
    word = TRADING | until << 8 | (until + 3600) << 48
    house.core.transact("set_venue", house.venue, word, sender=house.configurator)
    return trader


def test_nothing_opens(house: House, paused: int, refuses):
    other = house.fund("other", 1_000 * WAD)
    refuses("Paused", house.trade, paused, WAD)
    refuses("Paused", house.trade, other, -2 * WAD)
    refuses("Paused", house.trade, other, -2 * WAD, maker=paused)


def test_a_flip_opens(house: House, paused: int, refuses):
    refuses("Paused", house.trade, paused, -12 * WAD)


def test_everything_closes(house: House, paused: int):
    house.trade(paused, -4 * WAD)
    house.trade(paused, -6 * WAD)
    assert house.size(paused) == 0


def test_a_match_that_hands_a_position_on_opens_none(house: House, paused: int):
    heir = house.fund("heir", 1_000 * WAD)
    house.trade(paused, -10 * WAD, maker=heir)
    assert (house.size(paused), house.size(heir)) == (0, 10 * WAD)


def test_payments_go_on(house: House, paused: int):
    house.clear(house.payment(paused, house.escrow, WAD))
    house.clear(house.payment(house.escrow, paused, WAD))


def test_another_venue_is_not_paused(house: House, paused: int):
    house.core.transact("set_venue", house.liquidator, TRADING, sender=house.configurator)
    house.clear(house.fill(paused, WAD), by=house.liquidator)
    assert house.size(paused) == 11 * WAD


def test_it_ends_by_itself(house: House, paused: int, refuses):
    house.chain.advance(3599)
    refuses("Paused", house.trade, paused, WAD)
    house.chain.advance(1)
    house.trade(paused, WAD)
