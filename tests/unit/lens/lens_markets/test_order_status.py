from dataclasses import replace

import pytest

from tests.harness.reverts import reverts
from tests.harness.system import BTC, wad
from tidegate.client.orders import OrderState

WINDOW = 30


@pytest.fixture
def order(view):
    return view.system.order(view.account, BTC, "0.1")


@pytest.fixture
def resting(view):
    """Buys 0.1 BTC at 59,000 or better."""
    return view.system.order(view.account, BTC, "0.1", limit=wad(59_000), resting=True)


def status(view, order):
    [found] = view("order_status", [order])
    return found


def test_unknown_order(view, order):
    found = status(view, order)
    assert found.order_hash == view.system.exchange.call("order_hash", order)
    assert (found.state, found.slot, found.price, found.due, found.wake_slot) == (0, 0, 0, False, 0)


def test_another_order_in_the_same_place_is_not_this_one(view, order):
    view.system.place(order)
    assert status(view, replace(order, size=order.size + 1)).state == OrderState.UNUSED


def test_waiting_order_is_due_once_its_slot_has_a_price(view, order):
    system = view.system
    system.place(order)
    found = status(view, order)
    assert (found.state, found.slot) == (OrderState.WAITING, system.slot + 1)
    assert (found.stake, found.due) == (wad("18.5"), False)
    system.next_slot()
    assert not status(view, order).due
    system.refresh()
    found = status(view, order)
    assert (found.due, found.price) == (True, wad(60_000))
    system.exchange.transact("execute", order, view.account)
    found = status(view, order)
    assert (found.state, found.stake, found.due) == (OrderState.ENDED, wad("18.5"), False)


@pytest.mark.parametrize("reduce_only", [False, True])
def test_late_order_is_due_while_the_open_slot_has_its_price(view, reduce_only):
    system = view.system
    order = system.order(view.account, BTC, "-0.1", reduce_only=reduce_only)
    system.place(order)
    opened = system.next_slot() * system.config.slot_seconds
    system.signers.push(1, system.prices[1])
    system.chain.set_time(opened + 3)
    assert status(view, order).due
    system.chain.advance(1)
    assert not status(view, order).due
    with reverts("NoPrice"):
        system.exchange.transact("execute", order, view.account)
    system.signers.push(1, system.prices[1])
    assert status(view, order).due
    system.exchange.transact("execute", order, view.account).one("Executed")


@pytest.mark.parametrize("ends", ["limit", "expiry"])
def test_what_ends_an_order_needs_no_other_price(view, ends):
    system = view.system
    opened = (system.slot + 1) * system.config.slot_seconds
    changes = {"limit": wad(59_999)} if ends == "limit" else {"expiry": opened + 4}
    order = system.order(view.account, BTC, "0.1", **changes)
    system.place(order)
    system.next_slot()
    system.signers.push(1, system.prices[1])
    system.chain.set_time(opened + 5)
    assert status(view, order).due
    system.exchange.transact("execute", order, view.account).one("Ended")


def test_waiting_order_without_a_price_is_due_after_its_window(view, order):
    system = view.system
    system.place(order)
    opened = system.next_slot() * system.config.slot_seconds
    system.chain.set_time(opened + WINDOW)
    assert not status(view, order).due
    system.chain.advance(1)
    assert status(view, order).due
    system.exchange.transact("execute", order, view.account).one("Ended")


def test_resting_order_wakes_by_the_newest_slot_that_meets_it(view, resting):
    system = view.system
    system.place(resting)
    assert status(view, resting).state == OrderState.RESTING
    system.move(BTC, 59_001)
    assert status(view, resting).wake_slot == 0
    system.move(BTC, 59_000)
    found = status(view, resting)
    assert (found.wake_slot, found.due) == (system.slot, False)
    system.exchange.transact("wake", resting, found.wake_slot)
    found = status(view, resting)
    assert (found.state, found.wake_slot) == (OrderState.WAITING, 0)


def test_a_price_from_before_it_was_placed_wakes_nothing(view, resting):
    view.system.move(BTC, 59_000)
    view.system.place(resting)
    assert status(view, resting).wake_slot == 0


def test_resting_order_is_due_once_expired_and_wakes_no_more(view, resting):
    system = view.system
    system.place(resting)
    system.chain.set_time(resting.expiry - 1)
    system.move(BTC, 59_000)
    assert system.now > resting.expiry
    found = status(view, resting)
    assert (found.due, found.wake_slot) == (True, 0)
    system.exchange.transact("execute", resting, view.account).one("Ended")


def test_many_orders_keep_their_order(view, order, resting):
    view.system.place(resting)
    view.system.place(order)
    found = view("order_status", [order, resting])
    assert [item.state for item in found] == [OrderState.WAITING, OrderState.RESTING]
