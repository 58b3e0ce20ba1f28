"""Negative cash of an account without positions goes on the books; insurance pays first."""

import pytest

from tests.unit.core.clearing_house.conftest import House
from tidegate.local_accounts import local_address
from tidegate.spec import words
from tidegate.spec.rounding import WAD


@pytest.fixture
def broke(house: House) -> int:
    """Lacks 1,000."""
    account = house.lose_all("broke", 1_000 * WAD, 100 * WAD, 80 * WAD)
    assert house.cash(account) == -1_000 * WAD
    return account


def book(house: House, account: int, sender: str | None = None):
    return house.core.transact("book_deficit", account, 0, sender=sender or house.liquidator)


def test_the_lack_moves_to_the_books(house: House, broke: int):
    event = book(house, broke).one("Moved").args
    assert (event.source, event.target, event.amount) == (house.deficits, broke, 1_000 * WAD)
    assert house.cash(house.deficits) == -1_000 * WAD
    assert house.word(broke) == words.Cash(0, 0, words.ALIVE)


def test_insurance_pays_first_what_it_has(house: House, broke: int, trader: int):
    house.transfer(trader, house.insurance, 300 * WAD)
    moved = book(house, broke).named("Moved")
    assert [event.args.amount for event in moved] == [1_000 * WAD, 300 * WAD]
    assert house.cash(house.insurance) == 0
    assert house.cash(house.deficits) == -700 * WAD


def test_insurance_keeps_what_is_not_needed(house: House, broke: int):
    house.transfer(house.fund("donor", 1_500 * WAD), house.insurance, 1_500 * WAD)
    book(house, broke)
    assert (house.cash(house.insurance), house.cash(house.deficits)) == (500 * WAD, 0)


def test_twice_is_refused(house: House, broke: int, refuses):
    book(house, broke)
    refuses("NoDeficit", book, house, broke)


def test_only_liquidation_venues_book(house: House, broke: int, refuses):
    for sender in (house.venue, house.configurator, local_address("broke")):
        refuses("NotVenue", book, house, broke, sender)


def test_who_holds_a_position_is_not_booked(house: House, refuses):
    account = house.fund("trader", 1_000 * WAD)
    house.trade(account, 100 * WAD)
    assert house.cash(account) < 0
    refuses("NoDeficit", book, house, account)


def test_who_lacks_nothing_is_not_booked(house: House, trader: int, refuses):
    refuses("NoDeficit", book, house, trader)
    refuses("NoDeficit", book, house, house.account("nobody"))


def test_pools_and_the_books_themselves_are_not_booked(house: House, broke: int, refuses):
    house.price(100 * WAD)
    winner = house.fund("winner", 1_000 * WAD)
    house.trade(winner, 100 * WAD)
    house.price(120 * WAD)
    house.trade(winner, -100 * WAD, 120 * WAD)
    house.as_vault("transfer", house.pool(), house.treasury, 0, 3_000 * WAD)
    assert house.cash(house.pool()) < 0
    refuses("NoDeficit", book, house, house.pool())
    book(house, broke)
    refuses("NoDeficit", book, house, house.deficits)


def test_who_pays_into_the_books_repays(house: House, broke: int, trader: int):
    book(house, broke)
    house.transfer(trader, house.deficits, 400 * WAD)
    assert house.cash(house.deficits) == -600 * WAD
