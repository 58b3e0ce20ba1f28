"""An anvil whose blocks, time, forks, prices of gas and pool are ours to choose."""

import random
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from eth_utils import keccak

from tidegate.web3_chain import HttpRpc, RpcError, find_anvil

START_TIMEOUT = 20.0  # seconds for anvil to answer


def number(value: str | int) -> int:
    return value if isinstance(value, int) else int(value, 16)


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
    """One node on one port, which may die and come back. `lock` holds the world still."""

    port: int
    timestamp: int
    raws: dict[str, str] = field(default_factory=dict)  # hash -> signed transaction
    lock: threading.RLock = field(default_factory=threading.RLock)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        binary = find_anvil()
        if binary is None:
            raise RuntimeError("anvil was not found: run `make setup`")
        command = [binary, "--port", str(self.port), "--hardfork", "cancun", "--quiet"]
        command += ["--disable-block-gas-limit", "--disable-console-log", "--no-cors"]
        command += ["--timestamp", str(self.timestamp)]
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
            if not full:
                # What waits is put back behind the block.
                waiting = self.waiting()
                self.drop_pool()
            self.rpc("evm_setNextBlockTimestamp", hex(self.now + seconds))
            self.rpc("evm_mine")
            if not full:
                for tx_hash in waiting:
                    self.send_again(tx_hash)

    def waiting(self) -> list[str]:
        """Hashes of what is in the pool, by sender and nonce."""
        return [
            one["hash"]
            for part in self.rpc("txpool_content").values()
            for queue in part.values()
            for _, one in sorted(queue.items(), key=lambda item: int(item[0]))
        ]

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

    def drop_pool(self) -> int:
        """Forget what waits; how many transactions those were."""
        status = self.rpc("txpool_status")
        self.rpc("anvil_dropAllTransactions")
        return number(status["pending"]) + number(status["queued"])
