"""Order executor: fills what has its price, ends what has lapsed, wakes what rests and is met."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tidegate.client.orders import Order, OrderState
from tidegate.keepers.actions import Execute, Wake

BATCH = 10

PriceOf = Mapping[tuple[int, int], int]


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order the exchange holds: its body, its state and slot as the events say."""

    order: Order
    state: OrderState  # RESTING or WAITING
    slot: int
    key: bytes = b""  # its hash


@dataclass(frozen=True, slots=True)
class ExecutorState:
    """What the executor knows. Times in seconds, prices 1e-18."""

    now: int
    window: int
    slot_seconds: int
    orders: Sequence[OpenOrder]
    prices: PriceOf  # by (feed, slot)
    newest: Mapping[int, int]  # newest slot with a price, by feed
    quotes: Mapping[bytes, int]  # what the vault would ask at the newest price, by order
    batch: int = BATCH
    waking: bool = True  # whether there is time for a woken order to meet its slot


def lapsed(held: OpenOrder, state: ExecutorState) -> bool:
    """Whether the order's window or expiry has passed: executing it ends it."""
    if state.now > held.order.expiry:
        return True
    closes = held.slot * state.slot_seconds + state.window
    return held.state is OrderState.WAITING and state.now > closes


def fillable(held: OpenOrder, state: ExecutorState) -> bool:
    """Whether its slot has its price, and so has the slot that is open."""
    order = held.order
    price = state.prices.get((order.feed, held.slot))
    if held.state is not OrderState.WAITING or price is None:
        return False
    present = state.now // state.slot_seconds
    return (order.feed, present) in state.prices or not order.met_by(price)


def proof(held: OpenOrder, newest: Mapping[int, int], prices: PriceOf) -> int | None:
    """The newest slot, if it may wake a resting order; older ones prove what has passed."""
    slot = newest.get(held.order.feed, 0)
    if held.state is not OrderState.RESTING or slot < held.slot:
        return None
    price = prices.get((held.order.feed, slot))
    return slot if price is not None and held.order.met_by(price) else None


def decide(state: ExecutorState) -> list[Execute | Wake]:
    """Wakes one by one; executions in batches, the oldest slot first.

    Who wakes an order whose quote its limit does not bear pays gas for seeing it rest again: the
    price meets the limit, the price with spread and premium does not.
    """
    due: list[OpenOrder] = []
    wakes: list[Wake] = []
    for held in state.orders:
        if lapsed(held, state) or fillable(held, state):
            due.append(held)
        elif state.waking and (slot := proof(held, state.newest, state.prices)) is not None:
            quote = state.quotes.get(held.key)
            if quote is not None and held.order.met_by(quote):
                wakes.append(Wake(held.order, slot, held.key))
    due.sort(key=lambda held: (held.slot, held.key))
    batches = [due[at : at + state.batch] for at in range(0, len(due), state.batch)]
    return [
        *wakes,
        *(
            Execute(tuple(held.order for held in batch), tuple(held.key for held in batch))
            for batch in batches
        ),
    ]
