"""What the events say, in two copies: one of blocks that can no longer be undone, one of now.

Undoing blocks means copying the settled journal and telling it the newer events again. Only the
settled one is saved: whoever comes back reads the last blocks anew.
"""

import json
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from tidegate.abi import Event
from tidegate.client.orders import Order, OrderState
from tidegate.keepers.cursor import DEPTH
from tidegate.keepers.journal import Journal
from tidegate.keepers.order_executor import OpenOrder
from tidegate.keepers.vault_claims import Request


@dataclass
class History:
    """Journals of one deployment. `depth`: blocks that may be undone."""

    deficits: int
    depth: int = DEPTH
    settled: Journal = field(init=False)
    live: Journal = field(init=False)
    settled_at: int = -1  # the newest block in the settled journal
    recent: list[tuple[int, tuple[Event, ...]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Back to before the first event."""
        self.settled, self.live = Journal(self.deficits), Journal(self.deficits)
        self.settled_at = -1
        self.recent.clear()

    def observe(self, number: int, events: tuple[Event, ...]) -> None:
        """The events of the next block that has any."""
        self.live.observe(events)
        self.recent.append((number, events))

    def settle(self, upto: int) -> None:
        """Blocks up to this one were read: those deeper than `depth` are settled."""
        deep = upto - self.depth
        while self.recent and self.recent[0][0] <= deep:
            self.settled.observe(self.recent.pop(0)[1])
        self.settled.take_touched()
        self.settled_at = max(self.settled_at, deep)

    def undo_to(self, number: int) -> None:
        """Forget the events of later blocks. Every account counts as touched afterwards."""
        self.recent = [(at, events) for at, events in self.recent if at <= number]
        self.live = deepcopy(self.settled)
        for _, events in self.recent:
            self.live.observe(events)
        self.live.touched = set(self.live.accounts)

    def dump(self) -> str:
        """The settled journal as JSON."""
        return json.dumps(dump_journal(self.settled), separators=(",", ":"))

    def load(self, text: str, settled_at: int) -> None:
        """From `dump`, of the block it was settled at."""
        self.settled = load_journal(json.loads(text), self.deficits)
        self.settled_at = settled_at
        self.undo_to(settled_at)


def dump_journal(journal: Journal) -> dict[str, Any]:
    """Plain lists; numbers beyond 2**53 are fine in Python's JSON."""
    return {
        "orders": [
            [_order(held.order), int(held.state), held.slot, held.key.hex()]
            for held in journal.orders.values()
        ],
        "sizes": [[account, list(held.items())] for account, held in journal.sizes.items() if held],
        "accounts": sorted(journal.accounts),
        "requests": [[one.account, one.epoch] for one in journal.requests.values()],
        "processed": sorted(journal.processed),
        "prices": [[feed, slot, price] for (feed, slot), price in journal.prices.items()],
        "newest_slot": list(journal.newest_slot.items()),
        "booked": journal.booked,
        "auctions": sorted(journal.auctions),
    }


def _order(order: Order) -> list[Any]:
    return [getattr(order, name) for name in Order.__slots__]


def load_journal(content: dict[str, Any], deficits: int) -> Journal:
    journal = Journal(deficits)
    for body, state, slot, key in content["orders"]:
        held = OpenOrder(Order(*body), OrderState(state), slot, bytes.fromhex(key))
        journal.orders[held.key] = held
    journal.sizes = {account: dict(map(tuple, held)) for account, held in content["sizes"]}
    journal.accounts = set(content["accounts"])
    journal.requests = {account: Request(account, epoch) for account, epoch in content["requests"]}
    journal.processed = set(content["processed"])
    journal.prices = {(feed, slot): price for feed, slot, price in content["prices"]}
    journal.newest_slot = dict(map(tuple, content["newest_slot"]))
    journal.booked = content["booked"]
    journal.auctions = set(content["auctions"])
    return journal
