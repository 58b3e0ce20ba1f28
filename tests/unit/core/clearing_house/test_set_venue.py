"""Venues come and go through the Configurator; account 0 of each is an escrow for ever."""

from tests.unit.core.clearing_house.conftest import LIQUIDATION, TRADING, House
from tidegate.local_accounts import local_address
from tidegate.spec import words
from tidegate.spec.rounding import WAD

VENUE = local_address("new venue")


def test_its_word_is_stored_and_its_account_marked(house: House):
    word = LIQUIDATION | 5 << 8 | 9 << 48
    args = ("set_venue", VENUE, word)
    event = house.core.transact(*args, sender=house.configurator).one("VenueSet").args
    assert (event.venue.lower(), event.word) == (VENUE.lower(), word)
    assert house.core.call("venue_word", VENUE) == word
    assert house.word(words.account(VENUE)) == words.Cash(0, 0, words.ALIVE | words.ESCROW)


def test_a_revoked_venue_clears_nothing(house: House, trader: int, refuses):
    house.core.transact("set_venue", house.venue, 0, sender=house.configurator)
    refuses("NotVenue", house.trade, trader, WAD)
    house.core.transact("set_venue", house.venue, TRADING, sender=house.configurator)
    house.trade(trader, WAD)


def test_cash_of_its_account_stays(house: House, trader: int):
    house.clear(house.payment(trader, house.escrow, 10 * WAD))
    house.core.transact("set_venue", house.venue, 0, sender=house.configurator)
    assert house.word(house.escrow) == words.Cash(10 * WAD, 0, words.ALIVE | words.ESCROW)


def test_only_the_configurator_sets(house: House, refuses):
    for sender in (local_address("attacker"), house.venue):
        refuses("NotOwner", house.core.transact, "set_venue", VENUE, 1, sender=sender)
