from tidegate.client.orders import Order, OrderState
from tidegate.keepers.actions import Execute, Wake
from tidegate.keepers.order_executor import ExecutorState, OpenOrder, decide

RESTING = OrderState.RESTING
WAITING = OrderState.WAITING
SLOT = 4
WINDOW = 30


def open_order(state=WAITING, slot=100, size=1, limit=50, expiry=10_000, instrument=64, key=b"a"):
    order = Order(account=1, instrument=instrument, size=size, limit=limit, expiry=expiry)
    return OpenOrder(order, state, slot, key)


def state(*orders, now=401, prices=None, quotes=None, **more):
    prices = prices or {}
    newest: dict[int, int] = {}
    for feed, slot in prices:
        newest[feed] = max(slot, newest.get(feed, 0))
    if quotes is None:
        quotes = {
            held.key: prices[held.order.feed, newest[held.order.feed]]
            for held in orders
            if held.order.feed in newest
        }
    return ExecutorState(now, WINDOW, SLOT, orders, prices, newest, quotes, **more)


def test_nothing_without_a_price():
    assert decide(state(open_order())) == []


def test_waiting_order_is_executed_once_its_slot_has_a_price():
    held = open_order()
    assert decide(state(held, prices={(1, 100): 49})) == [Execute((held.order,))]


def test_late_order_waits_for_the_price_of_the_slot_that_is_open():
    held = open_order()
    late = [Execute((held.order,))]
    assert decide(state(held, now=403, prices={(1, 100): 49})) == late
    assert decide(state(held, now=404, prices={(1, 100): 49})) == []
    assert decide(state(held, now=425, prices={(1, 100): 49, (1, 105): 60})) == []
    assert decide(state(held, now=425, prices={(1, 100): 49, (1, 106): 60})) == late
    # its limit does not hold at its own price: it ends
    assert decide(state(held, now=405, prices={(1, 100): 51})) == late


def test_another_feed_or_slot_does_not_execute_it():
    assert decide(state(open_order(), prices={(2, 100): 49, (1, 101): 49})) == []


def test_order_out_of_its_window_is_ended_without_a_price():
    held = open_order()
    assert decide(state(held, now=430)) == []
    assert decide(state(held, now=431)) == [Execute((held.order,))]


def test_expired_resting_order_is_ended():
    held = open_order(state=RESTING, expiry=400)
    assert decide(state(held, now=401)) == [Execute((held.order,))]


def test_resting_buy_is_woken_by_the_newest_price_at_its_limit():
    held = open_order(state=RESTING)
    prices = {(1, 100): 51, (1, 101): 49, (1, 102): 50}
    assert decide(state(held, prices=prices)) == [Wake(held.order, 102)]


def test_price_that_has_passed_wakes_nothing():
    assert decide(state(open_order(state=RESTING), prices={(1, 101): 49, (1, 102): 51})) == []


def test_order_whose_quote_breaks_its_limit_rests_on():
    held = open_order(state=RESTING)
    prices = {(1, 102): 50}
    assert decide(state(held, prices=prices, quotes={held.key: 51})) == []
    assert decide(state(held, prices=prices, quotes={})) == []


def test_nothing_is_woken_without_time_to_fill_it():
    held = open_order(state=RESTING)
    assert decide(state(held, prices={(1, 102): 50}, waking=False)) == []


def test_resting_sell_is_woken_at_or_above_its_limit_only():
    held = open_order(state=RESTING, size=-1)
    assert decide(state(held, prices={(1, 101): 49})) == []
    assert decide(state(held, prices={(1, 101): 50})) == [Wake(held.order, 101)]


def test_slot_before_the_order_does_not_wake_it():
    assert decide(state(open_order(state=RESTING), prices={(1, 99): 10})) == []


def test_batches_are_bounded_and_oldest_first():
    orders = [open_order(slot=100 - n, key=bytes([n])) for n in range(5)]
    prices = {(1, 100 - n): 50 for n in range(5)}
    made = decide(state(*orders, prices=prices, batch=2))
    oldest = [held.order for held in reversed(orders)]
    assert made == [
        Execute(tuple(oldest[:2])),
        Execute(tuple(oldest[2:4])),
        Execute(tuple(oldest[4:])),
    ]
