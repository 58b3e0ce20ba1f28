"""Rights are given by an owner to all its sub-accounts, until they expire."""

import pytest

from tests.unit.core.clearing_house.conftest import House
from tidegate.local_accounts import local_address

TRADER, DELEGATE = local_address("trader"), local_address("delegate")


def test_it_is_logged_and_can_be_taken_back(house: House):
    expiry = house.chain.time() + 10
    given = house.core.transact("set_delegate", DELEGATE, 5, expiry, sender=TRADER)
    event = given.one("DelegateSet").args
    assert event.owner.lower() == TRADER.lower()
    assert event.delegate.lower() == DELEGATE.lower()
    assert (event.permissions, event.expiry) == (5, expiry)
    assert house.core.call("may", house.account("trader"), DELEGATE, 4)
    house.core.transact("set_delegate", DELEGATE, 0, expiry, sender=TRADER)
    assert not house.core.call("may", house.account("trader"), DELEGATE, 4)


@pytest.mark.parametrize(("permissions", "expiry"), [(8, 10**10), (2**255, 10**10), (1, 2**64)])
def test_it_refuses_what_the_word_cannot_hold(house: House, refuses, permissions, expiry):
    refuses(
        "OutOfBounds",
        house.core.transact,
        "set_delegate",
        DELEGATE,
        permissions,
        expiry,
        sender=TRADER,
    )
