"""Order executor: fills what has its price, ends what has lapsed, wakes what rests and is met."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.keepers.actions import Execute, Wake
from tidegate.spec.words import INSTRUMENTS_PER_UNDERLYING

RESTING = 1
WAITING = 2
BATCH = 10


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order the exchange holds: its body, its state and slot as the events say."""

    order: Any  # IExchange.Order: account, instrument, size, limit, expiry, ...
    state: int  # RESTING or WAITING
    slot: int
    key: bytes = b""  # its hash

    @property
    def feed(self) -> int:
        return self.order.instrument // INSTRUMENTS_PER_UNDERLYING

    def met_by(self, price: int) -> bool:
        """Whether a price is at least as good as the limit."""
        return price <= self.order.limit if self.order.size > 0 else price >= self.order.limit


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
    return held.state == WAITING and state.now > held.slot * state.slot_seconds + state.window


def decide(state: ExecutorState) -> list[Execute | Wake]:
    """Wakes one by one; executions in batches, the oldest slot first, one order an account."""
    due: list[OpenOrder] = []
    wakes: list[Wake] = []
    for held in state.orders:
        if lapsed(held, state) or (
            held.state == WAITING and (held.feed, held.slot) in state.prices
        ):
            due.append(held)
        elif held.state == RESTING:
            met = [
                slot
                for (feed, slot), price in state.prices.items()
                if feed == held.feed and slot >= held.slot and held.met_by(price)
            ]
            if met:
                wakes.append(Wake(held.order, max(met)))
    due.sort(key=lambda held: (held.slot, held.key))
    batches = [due[at : at + state.batch] for at in range(0, len(due), state.batch)]
    return [*wakes, *(Execute(tuple(held.order for held in batch)) for batch in batches)]
