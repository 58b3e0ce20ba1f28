"""One function decides who may act on an account."""

import pytest

from tests.unit.core.clearing_house.conftest import House
from tidegate.local_accounts import local_address

TRADE, MOVE, LP = 1, 2, 4
DELEGATE = local_address("delegate")


def may(house: House, permission: int, caller: str = DELEGATE, owner: str = "trader") -> bool:
    return house.core.call("may", house.account(owner, 7), caller, permission)


def grant(house: House, permissions: int, seconds: int = 10) -> None:
    expiry = house.chain.time() + seconds
    trader = local_address("trader")
    house.core.transact("set_delegate", DELEGATE, permissions, expiry, sender=trader)


def test_an_owner_may_everything(house: House):
    assert may(house, 7, local_address("trader"))
    assert may(house, 0, local_address("trader"))


def test_a_stranger_may_nothing(house: House):
    assert not any(may(house, permission) for permission in range(8))


@pytest.mark.parametrize("granted", range(8))
def test_a_delegate_may_exactly_what_was_granted(house: House, granted: int):
    grant(house, granted)
    for asked in range(1, 8):
        assert may(house, asked) == (granted & asked == asked)
    assert not may(house, 0)


def test_a_trading_key_may_not_move(house: House):
    grant(house, TRADE)
    assert may(house, TRADE)
    assert not may(house, MOVE)
    assert not may(house, TRADE | MOVE)


def test_a_right_ends_at_its_expiry(house: House):
    grant(house, MOVE, 10)
    house.chain.advance(9)
    assert may(house, MOVE)
    house.chain.advance(1)
    assert not may(house, MOVE)


def test_a_right_is_of_one_owner_only(house: House):
    grant(house, MOVE)
    assert not may(house, MOVE, owner="other trader")


def test_account_zero_belongs_to_nobody(house: House):
    assert not house.core.call("may", 5, DELEGATE, MOVE)
