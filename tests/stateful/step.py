"""One call and what came of it."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.stateful.sums import Key
from tidegate.chain import Receipt


class Mismatch(AssertionError):
    """The bytecode and the specification disagree."""


class Called(NamedTuple):
    """What was asked of which contract, in the twins' arguments."""

    contract: str
    function: str
    args: tuple
    sender: int


@dataclass
class Step:
    """One call and what the bytecode said of it."""

    called: Called
    time: int
    refusal: str = ""
    receipts: list[Receipt] = field(default_factory=list)
    old: dict[Key, int] = field(default_factory=dict)

    @property
    def events(self) -> list[Any]:
        return [event for receipt in self.receipts for event in receipt.events]

    def named(self, name: str) -> list[Any]:
        """Events of one name."""
        return [event for event in self.events if event.name == name]


class Watcher:
    """Looks at the bytecode before a call and after it."""

    def before(self, called: Called) -> None: ...

    def after(self, step: Step) -> None: ...
