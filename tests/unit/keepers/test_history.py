"""The settled journal and the live one, undoing and saving."""

from collections import namedtuple

from tidegate.abi import Event
from tidegate.client.orders import Order, OrderState
from tidegate.keepers.history import History
from tidegate.keepers.order_executor import OpenOrder
from tidegate.keepers.vault_claims import Request

Deposited = namedtuple("Deposited", "account")
Filled = namedtuple("Filled", "taker maker instrument size")
Posted = namedtuple("Posted", "feed slot price")
Requested = namedtuple("Requested", "account epoch")


def event(contract, args):
    return Event(contract, "0x", type(args).__name__, args)


def fill(taker, maker, size):
    return event("ClearingHouse", Filled(taker, maker, 64, size))


def test_blocks_settle_when_they_are_deep_enough():
    history = History(0, depth=3)
    history.observe(1, (fill(1, 2, 5),))
    history.observe(3, (fill(1, 2, 7),))
    history.settle(3)
    assert history.settled.sizes == {}
    history.settle(4)
    assert history.settled.sizes == {1: {64: 5}, 2: {64: -5}}
    assert history.live.sizes == {1: {64: 12}, 2: {64: -12}}
    assert history.settled_at == 1


def test_undoing_forgets_later_blocks_and_touches_everybody():
    history = History(0, depth=3)
    history.observe(1, (fill(1, 2, 5),))
    history.settle(4)
    history.observe(5, (fill(1, 2, 1),))
    history.observe(6, (fill(1, 3, 2),))
    history.live.take_touched()
    history.undo_to(5)
    assert history.live.sizes == {1: {64: 6}, 2: {64: -6}}
    assert history.live.touched == {1, 2}
    history.settle(9)
    assert history.settled.sizes == {1: {64: 6}, 2: {64: -6}}


def test_a_saved_journal_is_the_same_when_it_is_read_again():
    history = History(0, depth=0)
    order = Order(account=1, instrument=64, size=-3, limit=2**95, resting=True, nonce=9)
    held = OpenOrder(order, OrderState.RESTING, 100, b"\x01" * 32)
    history.settled.orders[held.key] = held
    history.settled.sizes = {2**200: {64: -(2**90)}}
    history.settled.accounts = {2**200, 1}
    history.settled.requests = {1: Request(1, 7)}
    history.settled.processed = {5, 6}
    history.settled.prices = {(1, 100): 2**80}
    history.settled.newest_slot = {1: 100}
    history.settled.booked = 17
    again = History(0, depth=0)
    again.load(history.dump(), 40)
    again.settled.touched = set()
    assert again.settled == history.settled
    assert again.live.sizes == history.settled.sizes
    assert again.live.touched == {2**200, 1}
    assert again.settled_at == 40


def test_the_live_journal_does_not_share_with_the_settled_one():
    history = History(0, depth=0)
    history.observe(1, (fill(1, 2, 5),))
    history.settle(1)
    history.undo_to(1)
    history.live.sizes[1][64] = 99
    assert history.settled.sizes[1] == {64: 5}
