"""Transactions not sent yet: what the SDK builds and the sender sends."""

from dataclasses import dataclass, field
from typing import Any

from tidegate.chain import Call, Contract, Receipt
from tidegate.client.errors import ProtocolError


@dataclass(frozen=True, slots=True)
class Transaction:
    """One call to be sent. `label` groups receipts in reports, `about` says what it acts on."""

    contract: Contract
    fn: str
    args: tuple[Any, ...]
    sender: str
    label: str = ""
    about: Any = field(default=None, compare=False)

    @property
    def call(self) -> Call:
        return self.contract.prepare(self.fn, *self.args, sender=self.sender)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a transaction: a receipt, or why there is none."""

    transaction: Transaction
    receipt: Receipt | None = None
    error: ProtocolError | None = None

    @property
    def done(self) -> bool:
        return self.receipt is not None
