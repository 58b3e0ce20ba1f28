"""What lies below the sender: how calls are tried and how transactions get into blocks.

`Lane` (lane.py) is one address before the mempool of a node: nonces, fees, replacements. `AtOnce`
is a chain that has the receipt as soon as it is asked: local chains, in-process chains, the demo.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tidegate.chain import Call, Chain, Receipt
from tidegate.client.errors import ProtocolError


@dataclass(frozen=True, slots=True)
class Landed:
    """The end of a transaction: its receipt, or why nothing came of it."""

    ticket: int
    items: tuple[str, ...]
    receipt: Receipt | None = None
    error: ProtocolError | None = None


class Wire(Protocol):
    """See the module."""

    def simulate(self, calls: Sequence[Call]) -> list[bytes | ProtocolError]:
        """Each as if it were alone in the next block, without effect."""
        ...

    def dispatch(
        self, calls: Sequence[Call], items: Sequence[tuple[str, ...]]
    ) -> list[int | ProtocolError]:
        """Send in this order, do not wait: a ticket for each, or why it was not sent."""
        ...

    def poll(self) -> list[Landed]:
        """What has ended since the last call; replaces what waits too long."""
        ...

    def busy(self, item: str) -> bool:
        """Whether a transaction about the item is under way."""
        ...

    def price(self, call: Call) -> int:
        """What the call would cost now, wei."""
        ...

    @property
    def waiting(self) -> int:
        """Transactions under way."""
        ...


class AtOnce:
    """A chain whose `send_all` waits for the receipts. Nothing is ever under way."""

    waiting = 0

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self._ended: list[Landed] = []
        self._tickets = 0

    def simulate(self, calls: Sequence[Call]) -> list[bytes | ProtocolError]:
        results: list[bytes | ProtocolError] = []
        for call in calls:
            try:
                results.append(self.chain.call(call.to, call.data, call.sender))
            except ProtocolError as refusal:
                results.append(refusal)
        return results

    def dispatch(
        self, calls: Sequence[Call], items: Sequence[tuple[str, ...]]
    ) -> list[int | ProtocolError]:
        tickets: list[int | ProtocolError] = []
        for about, result in zip(items, self.chain.send_all(calls), strict=True):
            self._tickets += 1
            tickets.append(self._tickets)
            if isinstance(result, Receipt):
                self._ended.append(Landed(self._tickets, about, receipt=result))
            else:
                self._ended.append(Landed(self._tickets, about, error=result))
        return tickets

    def poll(self) -> list[Landed]:
        ended, self._ended = self._ended, []
        return ended

    def busy(self, item: str) -> bool:
        return False

    def price(self, call: Call) -> int:
        return 0
