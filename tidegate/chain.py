"""Chains: deploy, call and transact, the same way on a real node and in process.

`Web3Chain` (tidegate/web3_chain.py) speaks JSON-RPC to anvil or any node, and to eth-tester in
process where there is no anvil; `RevmChain` (tidegate/revm_chain.py) executes messages with pyrevm.
A refused call raises `ProtocolError` with the error's name on each of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tidegate.abi import Abi, Event, checksum
from tidegate.artifacts import Artifact
from tidegate.client.errors import ProtocolError
from tidegate.fees import Fees


class NodeError(Exception):
    """The node refused a request, for other reasons than the contracts'."""


@dataclass(frozen=True)
class Receipt:
    """What a transaction did."""

    gas_used: int
    events: list[Event]  # of the contracts this chain object knows
    block: int
    timestamp: int  # seconds
    tx_hash: str = ""
    returned: Any = None  # the function's result, where the chain tells: a node does not
    address: str = ""  # of a contract created

    def named(self, name: str) -> list[Event]:
        """The events of one name."""
        return [event for event in self.events if event.name == name]

    def one(self, name: str) -> Event:
        """The only event of a name; ValueError if there is none or several."""
        [event] = self.named(name)
        return event


@dataclass(frozen=True)
class Call:
    """A transaction not yet sent."""

    to: str
    data: bytes
    sender: str | None = None
    gas: int | None = None
    what: str = ""  # names it in errors
    value: int = 0  # wei sent along


@dataclass(frozen=True)
class Sealed:
    """A transaction with nonce and signature: its hash is known before it is sent."""

    call: Call
    nonce: int
    tx_hash: str
    raw: bytes = b""  # signed
    gas: int = 0  # its limit, where the chain set one
    fees: Fees | None = None  # what it offers, where gas has a price


class Chain(Protocol):
    """What the contracts are deployed on."""

    name: str
    chain_id: int
    local: bool  # time and balances are ours to set
    genesis: str  # tells a restarted local chain from the one a manifest was written on
    sender: str  # who sends when nobody is named

    def account(self, name: str) -> str:
        """The address of a role that can send and has coins for gas. Local chains only."""
        ...

    def deploy(self, artifact: Artifact, *args: Any, sender: str | None = None) -> "Contract": ...

    def contract(self, artifact: Artifact | Abi, address: str) -> "Contract":
        """A contract already deployed; its events are decoded from now on."""
        ...

    def call(self, to: str, data: bytes, sender: str | None = None) -> bytes:
        """Execute on the newest block's state and time, without effect."""
        ...

    def send(self, call: Call) -> Receipt:
        """Execute with effect, and wait; ProtocolError if it reverts."""
        ...

    def send_all(self, calls: Sequence[Call]) -> list[Receipt | ProtocolError]:
        """Execute in this order, in one block where the chain can; each with its own outcome."""
        ...

    # A transaction in its parts, for who must know its hash before it is sent (deployments).

    def count(self, sender: str) -> int:
        """Transactions of a sender in blocks: the nonce of the next one."""
        ...

    def gas_price(self) -> tuple[int, int]:
        """Base fee of the newest block and the tip that is usual, wei per gas."""
        ...

    def seal(self, call: Call, nonce: int, fees: Fees | None = None) -> Sealed:
        """Sign without sending; a call to nobody creates. ProtocolError if it would revert."""
        ...

    def publish(self, sealed: Sealed) -> None:
        """Send and do not wait. A transaction that the node has already is no error.

        NodeError if the node does not take it.
        """
        ...

    def outcome(self, tx_hash: str, call: Call | None = None) -> Receipt | None:
        """What a transaction did; None while it is in no block; ProtocolError if it reverted."""
        ...

    def knows(self, tx_hash: str) -> bool:
        """Whether the transaction is in a block or waits for one."""
        ...

    def block_hash(self, number: int) -> str:
        """Empty if there is no such block."""
        ...

    def code(self, address: str) -> bytes: ...

    def balance(self, address: str) -> int:
        """Of the native coin, wei."""
        ...

    def storage(self, address: str, slot: int) -> int: ...

    def block(self) -> int: ...

    def time(self) -> int:
        """Timestamp of the newest block, seconds."""
        ...

    def set_time(self, timestamp: int) -> None:
        """Mine a block with this time, which calls then see. Local chains only."""
        ...

    def advance(self, seconds: int) -> None:
        """Mine a block this much later. Local chains only."""
        ...

    def fund(self, address: str, wei: int) -> None:
        """Set a balance of the native coin. Local chains only."""
        ...

    def snapshot(self) -> Any: ...

    def restore(self, snapshot: Any) -> None:
        """Back to a snapshot, which is used up."""
        ...


class Contract:
    """A contract at an address."""

    def __init__(self, chain: Chain, abi: Abi, address: str) -> None:
        self.chain = chain
        self.abi = abi
        self.address = address
        self.name = abi.name

    def __repr__(self) -> str:
        return f"<{self.name} {self.address}>"

    def __int__(self) -> int:
        """The address as the high part of an account id needs it."""
        return int(self.address, 16)

    def call(self, fn: str, *args: Any, sender: str | None = None) -> Any:
        """The function's result; the state stays, even if the function would change it."""
        function = self.abi.functions[fn]
        return function.decode(self.chain.call(self.address, function.encode(args), sender))

    def transact(
        self, fn: str, *args: Any, sender: str | None = None, gas: int | None = None, value: int = 0
    ) -> Receipt:
        """Send the call and wait for its receipt; ProtocolError if it reverts. Value in wei."""
        return self.chain.send(self.prepare(fn, *args, sender=sender, gas=gas, value=value))

    def prepare(
        self, fn: str, *args: Any, sender: str | None = None, gas: int | None = None, value: int = 0
    ) -> Call:
        """The call for `Chain.send_all`."""
        return Call(self.address, self.encode(fn, *args), sender, gas, f"{self.name}.{fn}", value)

    def encode(self, fn: str, *args: Any) -> bytes:
        """Calldata, e.g. for the timelock."""
        return self.abi.functions[fn].encode(args)


@dataclass
class Known:
    """The contracts whose logs can be read."""

    by_address: dict[str, Abi] = field(default_factory=dict)

    def add(self, address: str, abi: Abi) -> None:
        self.by_address[address.lower()] = abi

    def decode(self, logs: Sequence[tuple[str, Sequence[bytes], bytes]]) -> list[Event]:
        events = []
        for address, topics, data in logs:
            abi = self.by_address.get(address.lower())
            event = abi and abi.decode_event(checksum(address), topics, data)
            if event:
                events.append(event)
        return events


def abi_of(source: Artifact | Abi) -> Abi:
    return source if isinstance(source, Abi) else source.abi
