"""An anvil whose blocks, time, forks, prices of gas and pool are ours to choose."""

import random
import subprocess
import threading
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from eth_account import Account
from eth_account.typed_transactions import TypedTransaction
from eth_utils import keccak
from hexbytes import HexBytes

from tidegate.anvil import LOCAL_OPTIONS, anvil_command
from tidegate.web3_chain import HttpRpc, RpcError

START_TIMEOUT = 20.0  # seconds for anvil to answer


def number(value: str | int) -> int:
    return value if isinstance(value, int) else int(value, 16)


@dataclass(frozen=True, slots=True)
class Sent:
    """What a signed transaction says. Prices in wei per gas."""

    hash: str
    sender: str
    nonce: int
    most: int
    tip: int


@lru_cache(maxsize=4096)
def read(raw: str) -> Sent:
    fields = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
    return Sent(
        "0x" + keccak(hexstr=raw).hex(),
        Account.recover_transaction(raw).lower(),
        fields["nonce"],
        fields["maxFeePerGas"],
        fields["maxPriorityFeePerGas"],
    )


class Recorder:
    """An Rpc for several threads, which remembers what was sent: a fork can send it again."""

    def __init__(self, rpc: HttpRpc, raws: dict[str, str], lock: threading.RLock) -> None:
        self.rpc = rpc
        self.raws = raws
        self.lock = lock

    def note(self, method: str, params: Sequence[Any]) -> None:
        if method == "eth_sendRawTransaction":
            self.raws["0x" + keccak(hexstr=params[0]).hex()] = params[0]

    def __call__(self, method: str, *params: Any) -> Any:
        self.note(method, params)
        with self.lock:
            return self.rpc(method, *params)

    def many(self, requests: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        for method, params in requests:
            self.note(method, params)
        with self.lock:
            return self.rpc.many(requests)


@dataclass
class Node:
    """One node on one port, which may die and come back. `lock` holds the world still.

    anvil forgets what offers less than a block's base fee; a real pool does not, so `parked` has it
    until gas is cheaper.
    """

    port: int
    timestamp: int
    raws: dict[str, str] = field(default_factory=dict)  # hash -> signed transaction
    lock: threading.RLock = field(default_factory=threading.RLock)
    parked: dict[tuple[str, int], Sent] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        options = [*LOCAL_OPTIONS, "--timestamp", str(self.timestamp)]
        command = anvil_command(self.port, *options)
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            self.rpc = Recorder(HttpRpc(self.url), self.raws, self.lock)
            try:
                self.rpc("eth_chainId")
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def reset(self) -> None:
        """Another chain with the same id on the same port."""
        with self.lock:
            self.stop()
            self.parked.clear()
            self.timestamp -= 1
            self.start()

    # Blocks

    def head(self) -> dict[str, Any]:
        return self.rpc("eth_getBlockByNumber", "latest", False)

    @property
    def height(self) -> int:
        return number(self.rpc("eth_blockNumber"))

    @property
    def now(self) -> int:
        return number(self.head()["timestamp"])

    def mine(self, seconds: int = 1, full: bool = True) -> None:
        """One block, so much later than the last; an empty one if not `full`."""
        with self.lock:
            before = self._pooled()
            if not full:
                self.rpc("anvil_dropAllTransactions")
            self.rpc("evm_setNextBlockTimestamp", hex(self.now + seconds))
            self.rpc("evm_mine")
            mined = set(self.head()["transactions"])
            there = {sent.hash for sent in self._pooled()}
            for sent in (*self.parked.values(), *before):
                place = (sent.sender, sent.nonce)
                if sent.hash in mined or sent.hash in there or self.send_again(sent.hash):
                    self.parked.pop(place, None)
                elif self._count(sent.sender) <= sent.nonce:
                    self.parked[place] = sent
                else:
                    self.parked.pop(place, None)

    def _count(self, sender: str) -> int:
        return number(self.rpc("eth_getTransactionCount", sender, "latest"))

    def _pooled(self) -> list[Sent]:
        """What anvil has, by sender and nonce; of what was sent in ways that we do not see."""
        hashes = [
            one["hash"]
            for part in self.rpc("txpool_content").values()
            for queue in part.values()
            for one in queue.values()
        ]
        found = [read(self.raws[one]) for one in hashes if one in self.raws]
        return sorted(found, key=lambda sent: (sent.sender, sent.nonce))

    def waiting(self) -> list[Sent]:
        """The pool as a real node has it."""
        pooled = self._pooled()
        places = {(sent.sender, sent.nonce) for sent in pooled}
        return pooled + [sent for place, sent in self.parked.items() if place not in places]

    def reorganise(self, depth: int, kept: float, rng: random.Random, but: str = "") -> int:
        """Another branch, one block longer than the last `depth` blocks; how many are lost.

        Each transaction that was in them is sent again with the chance `kept`, in the order of its
        block, and may meet another block; the others are lost, as from a pool that forgot them, and
        so are all of the sender `but`.
        """
        with self.lock:
            head = self.height
            depth = min(depth, head - 1)
            found: list[str] = []
            for height in range(head - depth + 1, head + 1):
                block = self.rpc("eth_getBlockByNumber", hex(height), True)
                found += [one["hash"] for one in block["transactions"] if one["from"] != but]
            self.rpc("anvil_rollback", depth)
            lost = 0
            for turn in range(depth + 1):
                share = len(found) * (turn + 1) // (depth + 1)
                for tx_hash in found[:share] if turn < depth else found:
                    if rng.random() < kept:
                        lost += not self.send_again(tx_hash)
                    else:
                        lost += 1
                found = found[share:] if turn < depth else []
                self.mine()
            return lost

    def send_again(self, tx_hash: str) -> bool:
        """Whether the pool takes a transaction of another branch."""
        raw = self.raws.get(tx_hash)
        if raw is None:
            return False
        try:
            self.rpc("eth_sendRawTransaction", raw)
        except RpcError:  # its nonce is used on this branch, or its block is there already
            return False
        return True

    # Gas and pool

    def set_base_fee(self, wei: int) -> None:
        """Of the next block; it falls by an eighth with every empty one after that."""
        self.rpc("anvil_setNextBlockBaseFeePerGas", hex(wei))

    def drop_pool(self, senders: Collection[str] | None = None) -> int:
        """Forget what waits, of everybody or of these; how many transactions those were."""
        with self.lock:
            waiting = self.waiting()
            kept = [sent for sent in waiting if senders and sent.sender not in senders]
            self.parked = {(sent.sender, sent.nonce): sent for sent in kept}
            self.rpc("anvil_dropAllTransactions")
            for sent in kept:
                self.send_again(sent.hash)
            return len(waiting) - len(kept)
