"""The journal from hand-made events."""

from types import SimpleNamespace

import pytest

from tidegate.abi import Event
from tidegate.client.orders import Order, OrderState
from tidegate.keepers.journal import Journal, reason
from tidegate.keepers.order_executor import OpenOrder
from tidegate.keepers.vault_claims import Request

DEFICITS = 99
KEY = b"k" * 32


@pytest.fixture
def journal():
    return Journal(DEFICITS)


def event(contract, name, **args):
    return Event(contract, "0x0", name, SimpleNamespace(**args))


def filled(taker, maker, size, instrument=64):
    return event(
        "ClearingHouse", "Filled", taker=taker, maker=maker, instrument=instrument, size=size
    )


def moved(source, target, amount):
    return event("ClearingHouse", "Moved", source=source, target=target, amount=amount)


def order_event(name, **args):
    return event("Exchange", name, order_hash=KEY, account=1, **args)


def placing(order):
    said = {name: getattr(order, name) for name in Order.__slots__ if name != "account"}
    return order_event("Placed", **said | {"slot": 10})


def test_fills_move_both_sizes_and_forget_zero(journal):
    journal.observe([filled(1, 2, 5), filled(1, 2, -2), filled(1, 2, 7, 128)])
    assert journal.sizes == {1: {64: 3, 128: 7}, 2: {64: -3, 128: -7}}
    journal.observe([filled(1, 2, -3)])
    assert journal.sizes == {1: {128: 7}, 2: {128: -7}}


def test_touched_accounts_are_told_once(journal):
    journal.observe([filled(1, 2, 5), moved(3, 4, 1)])
    assert journal.take_touched() == {1, 2, 3, 4}
    assert journal.take_touched() == set()
    assert journal.accounts == {1, 2, 3, 4}


def test_booked_deficit_is_what_left_its_account_less_what_came_back(journal):
    journal.observe([moved(DEFICITS, 1, 10), moved(5, DEFICITS, 4), moved(5, 1, 100)])
    assert journal.booked == 6


def test_order_from_placing_to_its_end(journal):
    order = Order(account=1, instrument=64, size=1, limit=2, resting=True)
    placed = placing(order)
    journal.observe([placed])
    assert journal.orders == {KEY: OpenOrder(order, OrderState.RESTING, 10, KEY)}
    journal.observe([order_event("Woken", slot=12)])
    assert journal.orders[KEY] == OpenOrder(order, OrderState.WAITING, 12, KEY)
    assert journal.wanted_slots(1) == [12]
    journal.observe([order_event("Rested", slot=13)])
    assert journal.orders[KEY].state is OrderState.RESTING
    assert journal.wanted_slots(1) == []
    journal.observe([order_event("Executed")])
    assert journal.orders == {}


def test_immediate_order_waits_until_its_slot_is_posted(journal):
    order = Order(account=1, instrument=128, size=1, limit=2)
    journal.observe([placing(order)])
    assert journal.wanted_slots(2) == [10]
    assert journal.wanted_slots(1) == []
    journal.observe([event("PriceOracle", "Posted", feed=2, slot=10, price=7)])
    assert journal.wanted_slots(2) == []
    assert journal.last_push(2) == (10, 7)


def test_late_slot_does_not_become_the_newest(journal):
    posts = [(10, 7), (12, 8), (11, 9)]
    journal.observe(
        [event("PriceOracle", "Posted", feed=1, slot=slot, price=price) for slot, price in posts]
    )
    assert journal.last_push(1) == (12, 8)


def test_request_until_claimed(journal):
    journal.observe([event("LiquidityVault", "Requested", account=4, epoch=2)])
    assert journal.requests == {4: Request(4, 2)}
    journal.observe([event("LiquidityVault", "Processed", epoch=2)])
    assert journal.processed == {2}
    journal.observe([event("LiquidityVault", "Claimed", account=4)])
    assert journal.requests == {}


def test_event_of_the_same_name_elsewhere_is_not_taken(journal):
    journal.observe([event("Liquidator", "Skipped", account=1), event("Token", "Moved", source=1)])
    assert journal.accounts == set()


def test_reason_names_the_error():
    assert reason(bytes(4)) == ""
    assert reason(bytes.fromhex("00000001")) == "Unknown"
