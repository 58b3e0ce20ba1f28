"""Order executor: fills what has its price, ends what has lapsed, wakes what rests and is met."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tidegate.client.orders import Order, OrderState
from tidegate.keepers.actions import Execute, Wake

BATCH = 10


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order the exchange holds: its body, its state and slot as the events say."""

    order: Order
    state: OrderState  # RESTING or WAITING
    slot: int
    key: bytes = b""  # its hash


@dataclass(frozen=True, slots=True)
class ExecutorState:
    """What the executor knows. Times in seconds, prices 1e-18 by (feed, slot)."""

    now: int
    window: int
    slot_seconds: int
    orders: Sequence[OpenOrder]
    prices: Mapping[tuple[int, int], int]
    batch: int = BATCH


def lapsed(held: OpenOrder, state: ExecutorState) -> bool:
    """Whether the order's window or expiry has passed: executing it ends it."""
    if state.now > held.order.expiry:
        return True
    return (
        held.state is OrderState.WAITING
        and state.now > held.slot * state.slot_seconds + state.window
    )


def decide(state: ExecutorState) -> list[Execute | Wake]:
    """Wakes one by one; executions in batches, the oldest slot first, one order an account."""
    due: list[OpenOrder] = []
    wakes: list[Wake] = []
    for held in state.orders:
        if lapsed(held, state) or (
            held.state is OrderState.WAITING and (held.order.feed, held.slot) in state.prices
        ):
            due.append(held)
        elif held.state is OrderState.RESTING:
            met = [
                slot
                for (feed, slot), price in state.prices.items()
                if feed == held.order.feed and slot >= held.slot and held.order.met_by(price)
            ]
            if met:
                wakes.append(Wake(held.order, max(met)))
    due.sort(key=lambda held: (held.slot, held.key))
    batches = [due[at : at + state.batch] for at in range(0, len(due), state.batch)]
    return [*wakes, *(Execute(tuple(held.order for held in batch)) for batch in batches)]
