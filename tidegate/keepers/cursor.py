"""Block cursor: every event once, in order, and a word when blocks were undone.

What `Cursor.step` promises:

- the blocks it hands out follow each other by parent hash, without a gap, from the deployment on;
- the logs of a block are those of its hash, complete as far as the block's bloom can tell, and in
  order, however the node sorts them;
- before blocks of another branch come, `Step.undone_to` names the newest block that still holds;
- if no known block is left, or the first block is another, it raises `Reset` and nothing else: the
  caller forgets everything and begins again with `restart`.

Blocks deeper than `depth` are read in ranges without their headers and do not come undone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from eth_utils import keccak

from tidegate.abi import Event
from tidegate.chain import Known
from tidegate.keepers.endpoints import Block, Endpoints, block_of
from tidegate.web3_chain import RpcError

DEPTH = 64  # blocks that may be undone
RANGE = 2_000  # blocks of one eth_getLogs while catching up


class Reset(Exception):
    """The chain is not the one that was read before."""


class Unsteady(Exception):
    """The node's answers do not fit together now: ask again soon."""


@dataclass(frozen=True, slots=True)
class Step:
    """What is new. `events` are of the blocks up to `upto`, by number."""

    head: Block
    upto: int
    events: tuple[tuple[int, tuple[Event, ...]], ...] = ()
    undone_to: int | None = None

    @property
    def caught_up(self) -> bool:
        return self.upto >= self.head.number


def in_bloom(bloom: int, value: bytes) -> bool:
    """Whether a block's bloom filter may hold an address or topic."""
    digest = keccak(value)
    bits = (int.from_bytes(digest[at : at + 2], "big") & 2047 for at in (0, 2, 4))
    return all(bloom >> bit & 1 for bit in bits)


@dataclass
class Cursor:
    """Reads the logs of some contracts from block `start` on. `genesis`: hash of block 0."""

    rpc: Endpoints
    known: Known
    start: int
    genesis: str
    depth: int = DEPTH
    span: int = RANGE
    trail: list[tuple[int, str]] = field(default_factory=list)  # newest last, at most `depth`
    _empty: dict[str, int] = field(default_factory=dict)  # blocks whose logs were missing, tries

    @property
    def at(self) -> int:
        """The newest block that was handed out; one before the first at the beginning."""
        return self.trail[-1][0] if self.trail else self.start - 1

    def hash_at(self, number: int) -> str | None:
        """Of a block that was handed out; None if it is not remembered."""
        return dict(self.trail).get(number)

    def restart(self) -> None:
        """From the beginning."""
        self.trail.clear()

    def resume(self, number: int, block_hash: str) -> None:
        """After a block that was handed out in an earlier life."""
        self.trail = [(number, block_hash)]

    def step(self) -> Step:
        """The next blocks, at most `span` of them. Raises Reset, Unsteady, NoEndpoint."""
        head = self.rpc.head()
        undone = self._find_fork(head)
        upto = min(head.number, self.at + self.span)
        if upto <= self.at:
            return Step(head, self.at, undone_to=undone)
        first = max(self.at + 1, head.number - self.depth + 1)
        if first > upto:  # deep: only the last header is kept
            first = upto
        headers = self._headers(first, upto, head)
        events = self._events(self.at + 1, upto, headers)
        self.trail += [(block.number, block.hash) for block in headers]
        del self.trail[: -self.depth - 1]
        return Step(head, upto, events, undone)

    def _find_fork(self, head: Block) -> int | None:
        """Drop what is on another branch; the number that still holds if anything was."""
        if not self.trail:
            return None
        number, known = self.trail[-1]
        if head.number == number + 1 and head.parent == known:
            return None
        if head.number == number and head.hash == known:
            return None
        if head.number > number and self._hash(number) == known:
            return None
        if self._only_behind(head):
            return None
        if self._hash(0) != self.genesis:
            raise Reset("its first block is another")
        while self.trail:
            number, known = self.trail[-1]
            if number <= head.number and self._hash(number) == known:
                return number
            self.trail.pop()
        raise Reset(f"block {number}, read before, is gone; the head is at {head.number}")

    def _only_behind(self, head: Block) -> bool:
        """Whether another node answers now, on this branch, a few blocks short of the last."""
        short = self.at - head.number
        return (
            len(self.rpc.nodes) > 1
            and 0 < short <= self.rpc.guard.blocks
            and (head.number, head.hash) in self.trail
        )

    def _hash(self, number: int) -> str:
        answer = self.rpc("eth_getBlockByNumber", hex(number), False)
        return answer["hash"] if answer else ""

    def _headers(self, first: int, last: int, head: Block) -> list[Block]:
        numbers = [number for number in range(first, last + 1) if number != head.number]
        answers = self.rpc.many(
            [("eth_getBlockByNumber", [hex(number), False]) for number in numbers]
        )
        if any(answer is None or isinstance(answer, RpcError) for answer in answers):
            raise Unsteady(f"a block from {first} to {last} is missing")
        blocks = sorted(map(block_of, answers), key=lambda block: block.number)
        if last == head.number:
            blocks.append(head)
        before = self.trail[-1][1] if self.trail and self.at == first - 1 else None
        for block in blocks:
            if before is not None and block.parent != before:
                raise Unsteady(f"block {block.number} does not follow the one before it")
            before = block.hash
        return blocks

    def _events(
        self, first: int, last: int, headers: Sequence[Block]
    ) -> tuple[tuple[int, tuple[Event, ...]], ...]:
        addresses = sorted(self.known.by_address)
        request = {"fromBlock": hex(first), "toBlock": hex(last), "address": addresses}
        logs: list[dict[str, Any]] = self.rpc("eth_getLogs", request)
        by_block: dict[int, list[dict[str, Any]]] = {}
        for log in logs:
            by_block.setdefault(int(log["blockNumber"], 16), []).append(log)
        hashes = {block.number: block.hash for block in headers}
        for number, found in by_block.items():
            if not first <= number <= last:
                raise Unsteady(f"a log of block {number} was not asked for")
            if number in hashes and any(log["blockHash"] != hashes[number] for log in found):
                raise Unsteady(f"the logs of block {number} are of another branch")
        for block in headers:
            self._complete(block, addresses, by_block)
        return tuple(
            (number, tuple(self._decoded(by_block[number]))) for number in sorted(by_block)
        )

    def _complete(
        self, block: Block, addresses: Sequence[str], by_block: dict[int, list[dict[str, Any]]]
    ) -> None:
        """Some nodes know a block before its logs: its bloom says that there are some.

        A bloom may be wrong in saying so, so the third answer without logs is believed.
        """
        if block.number in by_block:
            return
        if any(in_bloom(block.bloom, bytes.fromhex(address[2:])) for address in addresses):
            tries = self._empty.get(block.hash, 0) + 1
            self._empty = {block.hash: tries}
            if tries < 3:
                raise Unsteady(f"block {block.number} has logs that are not there yet")

    def _decoded(self, logs: list[dict[str, Any]]) -> list[Event]:
        logs.sort(key=lambda log: int(log["logIndex"], 16))
        return self.known.decode(
            [
                (
                    log["address"],
                    [bytes.fromhex(topic[2:]) for topic in log["topics"]],
                    bytes.fromhex(log["data"][2:]),
                )
                for log in logs
            ]
        )
