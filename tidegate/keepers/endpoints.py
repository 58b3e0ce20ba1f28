"""Several nodes behind one name: ask the one that is up to date, put aside the one that is not.

`Endpoints` is an `Rpc` (tidegate/web3_chain.py). What it promises:

- a request is answered by a node that is on the right chain, not behind the best head by more than
  `Guard.blocks` or `Guard.seconds`, and not put aside; if one fails the next is asked;
- a node that times out, breaks off, answers nonsense or limits the rate is put aside for a while
  that doubles each time; one on another chain, or whose head went back, for the longest while;
- an error that a node answers about the request itself (a revert) is raised as `RpcError`, since
  every node would say the same;
- `NoEndpoint` only if none is left to ask. The last node left is asked however far it is behind
  itself: what its head going back means is for the cursor to judge.

It never sleeps. Times are of a monotonic clock, so a skewed clock does not move them.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from tidegate.web3_chain import HttpRpc, HttpStatus, Rpc, RpcError

RATE_LIMITED = {429, -32005, -32029, -32097}  # JSON-RPC codes that providers use for it
BATCH = 100  # requests in one body: what most providers take
BLOCKS_PER_SECOND = 20  # no chain is faster; a head that runs ahead of that is not believed
Opener = Callable[[str, float], Rpc]


def _text(answer: Any) -> bool:
    return isinstance(answer, str) and answer.startswith("0x")


def _small(answer: Any) -> bool:
    """A number of 64 bits."""
    return _text(answer) and 3 <= len(answer) <= 18


def _listed(answer: Any) -> bool:
    return isinstance(answer, list)


# What a node may answer; blocks and receipts may also be missing, and who asks for them looks.
KINDS: dict[str, Callable[[Any], bool]] = {
    "eth_blockNumber": _small,
    "eth_call": _text,
    "eth_chainId": _small,
    "eth_estimateGas": _small,
    "eth_getBalance": _text,
    "eth_getCode": _text,
    "eth_getLogs": _listed,
    "eth_getTransactionCount": _small,
    "eth_maxPriorityFeePerGas": _small,
    "eth_sendRawTransaction": _text,
}


class NoEndpoint(OSError):
    """No node can be asked now."""


@dataclass(frozen=True, slots=True)
class Guard:
    """When a node is not asked. Seconds, blocks."""

    blocks: int = 5  # behind the best head
    seconds: int = 30  # its newest block older than the best head's
    timeout: float = 4.0  # of a request
    watch: float = 2.0  # between two looks at the heads of all nodes
    aside: float = 2.0  # after a first failure; doubles
    longest: float = 60.0


@dataclass(frozen=True, slots=True)
class Block:
    """A block's header. Time in seconds, base fee in wei per gas."""

    number: int
    hash: str
    parent: str
    time: int
    base_fee: int = 0
    bloom: int = 0  # of its logs


def block_of(answer: dict[str, Any]) -> Block:
    """From eth_getBlockByNumber."""
    return Block(
        int(answer["number"], 16),
        answer["hash"],
        answer["parentHash"],
        int(answer["timestamp"], 16),
        int(answer.get("baseFeePerGas") or "0x0", 16),
        int(answer.get("logsBloom") or "0x0", 16),
    )


@dataclass
class Endpoint:
    """One node, and what is known of it."""

    url: str
    rpc: Rpc | None = None  # opened when it is first asked
    head: Block | None = None
    right_chain: bool = False  # asked and found right
    failures: int = 0  # since its last answer
    aside_until: float = 0.0
    why: str = ""  # it was put aside

    @property
    def host(self) -> str:
        """Without path and query, where keys hide."""
        parts = urlsplit(self.url)
        return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


@dataclass
class Endpoints:
    """See the module."""

    urls: Sequence[str]
    chain_id: int
    guard: Guard = Guard()
    block_seconds: int = 1  # between two blocks, at least
    open: Opener = HttpRpc
    clock: Callable[[], float] = time.monotonic
    say: Callable[..., None] = lambda event, **facts: None
    nodes: list[Endpoint] = field(init=False)
    best: Block | None = field(default=None, init=False)
    failed: int = field(default=0, init=False)  # requests that no answer came to
    _watched: float = field(default=float("-inf"), init=False)
    _best_at: float = field(default=0.0, init=False)
    _seen_at: float = field(default=0.0, init=False)  # when the newest block was first seen

    def __post_init__(self) -> None:
        if not self.urls:
            raise ValueError("at least one URL of a node")
        self.nodes = [Endpoint(url) for url in self.urls]

    # As an Rpc

    def __call__(self, method: str, *params: Any) -> Any:
        return self._first(lambda rpc: _of_kind(method, rpc(method, *params)), method)

    def many(self, requests: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Several at once, in bodies of at most `BATCH`; an RpcError in place of a refused one."""
        answers: list[Any] = []
        for at in range(0, len(requests), BATCH):
            part = requests[at : at + BATCH]
            answers += self._first(lambda rpc, part=part: _checked(part, rpc), part[0][0])
        return answers

    def everywhere(self, requests: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """The same requests to every node that is not put aside: for what must be known widely.

        Of each request the first answer that is no error, else the last error.
        """
        found: list[Any] = [NoEndpoint(requests[0][0])] * len(requests)
        for node in self._usable():
            answers = self._ask(node, lambda rpc: _checked(requests, rpc))
            if answers is None:
                continue
            for place, answer in enumerate(answers):
                if isinstance(found[place], Exception):
                    found[place] = answer
        return found

    # Heads

    def head(self) -> Block:
        """The newest block of the node that is asked now. Looks at all of them now and then."""
        now = self.clock()
        if now - self._watched >= self.guard.watch:
            self._watched = now
            for node in self.nodes:
                if now >= node.aside_until:
                    self._look(node)
        else:
            self._look(self.chosen())
        node = self.chosen()
        if node.head is None:
            raise NoEndpoint(f"{node.host} has no block")
        return node.head

    def next_time(self) -> int:
        """When the next block is expected, seconds of the chain's clock. Not before that of ours
        has gone on as far, counted from the newest block: some chains make blocks only on demand.
        """
        usable = self._usable()
        head = (usable[0].head if usable else self.best) or self.head()
        gone = int(self.clock() - self._seen_at)
        return head.time + max(self.block_seconds, gone)

    def head_age(self) -> float:
        """Seconds since a new block was last seen."""
        return self.clock() - self._seen_at

    def chosen(self) -> Endpoint:
        """The node that is asked first."""
        usable = self._usable()
        if not usable:
            raise NoEndpoint(
                "; ".join(f"{node.host}: {node.why or 'behind'}" for node in self.nodes)
            )
        return usable[0]

    def report(self) -> list[dict[str, Any]]:
        """Of every node its host, head, lag in blocks, and why it is not asked."""
        best = self.best.number if self.best else 0
        usable = self._usable()
        return [
            {
                "node": node.host,
                "head": node.head.number if node.head else None,
                "behind": best - node.head.number if node.head else None,
                "asked": any(node is one for one in usable),
                "why": node.why,
            }
            for node in self.nodes
        ]

    # Within

    def _usable(self) -> list[Endpoint]:
        now = self.clock()
        there = [node for node in self.nodes if now >= node.aside_until]
        near = [node for node in there if not self._behind(node)]
        return near or there

    def _behind(self, node: Endpoint) -> bool:
        if self.best is None:
            return False
        if node.head is None:
            return True
        late = self.best.time - node.head.time
        short = self.best.number - node.head.number
        return short > self.guard.blocks or (short > 0 and late > self.guard.seconds)

    def _first(self, ask: Callable[[Rpc], Any], what: str) -> Any:
        for node in self._usable():
            answer = self._ask(node, ask)
            if answer is not None:
                return answer[0] if isinstance(answer, _One) else answer
        self.failed += 1
        raise NoEndpoint(f"{what}: no node answered")

    def _ask(self, node: Endpoint, ask: Callable[[Rpc], Any]) -> Any:
        """The answer, wrapped if it may be None; None if there was none."""
        try:
            if node.rpc is None:
                node.rpc = self.open(node.url, self.guard.timeout)
            if not node.right_chain:
                said = int(node.rpc("eth_chainId"), 16)
                if said != self.chain_id:
                    self._aside(node, f"is of chain {said}", self.guard.longest)
                    return None
                node.right_chain = True
            answer = ask(node.rpc)
        except HttpStatus as error:
            self._aside(node, str(error), error.wait)
            return None
        except RpcError as error:
            if error.code in RATE_LIMITED or "rate limit" in str(error).lower():
                self._aside(node, "limits the rate")
                return None
            node.failures = 0
            raise
        except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
            # ValueError and the like: an answer that is no JSON-RPC
            node.right_chain = False  # whoever comes back may be another
            self._aside(node, type(error).__name__)
            return None
        node.failures, node.why = 0, ""
        return answer if isinstance(answer, list) else _One((answer,))

    def _aside(self, node: Endpoint, why: str, least: float = 0.0) -> None:
        pause = min(self.guard.aside * 2**node.failures, self.guard.longest)
        node.failures += 1
        node.why = why
        node.aside_until = self.clock() + max(pause, least)
        self.say("endpoint put aside", node=node.host, why=why, seconds=max(pause, least))

    def _look(self, node: Endpoint) -> None:
        answer = self._ask(node, lambda rpc: [rpc("eth_getBlockByNumber", "latest", False)])
        if answer is None:
            return
        try:
            head = block_of(answer[0])
        except (KeyError, TypeError, ValueError):
            self._aside(node, "its newest block cannot be read")
            return
        before, now = node.head, self.clock()
        alone = not any(one is not node and now >= one.aside_until for one in self.nodes)
        if self.best is not None and not alone:
            elapsed = now - self._best_at
            if head.number > self.best.number + self.guard.blocks + elapsed * BLOCKS_PER_SECOND:
                self._aside(node, f"claims block {head.number}", self.guard.longest)
                return
            if before is not None and head.number < before.number - self.guard.blocks:
                node.head = head
                self._aside(node, f"went back to block {head.number}", self.guard.longest)
                return
        node.head = head
        if self.best is None or head.hash != self.best.hash:
            self._seen_at = now
        if self.best is None or head.number >= self.best.number or alone:
            self.best, self._best_at = head, now


class _One(tuple):
    """An answer that is no list."""


def _of_kind(method: str, answer: Any) -> Any:
    """The answer; ValueError if no node that is well can give it."""
    if method in KINDS and not KINDS[method](answer):
        raise ValueError(f"{method} is answered with {str(answer)[:40]}")
    return answer


def _checked(requests: Sequence[tuple[str, Sequence[Any]]], rpc: Rpc) -> list[Any]:
    """Answers of a batch; a limit of the rate on any of them is one of the whole."""
    answers = rpc.many(requests)
    for (method, _), answer in zip(requests, answers, strict=True):
        if not isinstance(answer, RpcError):
            _of_kind(method, answer)
        elif answer.code in RATE_LIMITED:
            raise answer
    return answers
