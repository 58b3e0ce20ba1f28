"""A node that exists in this process: blocks, a mempool, receipts, and every way to misbehave.

It executes nothing. A transaction whose data is in `reverting` fails; calls answer from `calls`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from eth_account import Account
from eth_account.typed_transactions import TypedTransaction
from eth_utils import keccak
from hexbytes import HexBytes

from tidegate.web3_chain import RpcError

ZERO = "0x" + "00" * 32


@dataclass
class Pooled:
    """A transaction that the node has."""

    hash: str
    sender: str
    nonce: int
    to: str
    data: bytes
    most: int
    tip: int
    block: int | None = None


@dataclass
class Header:
    number: int
    hash: str
    parent: str
    time: int
    logs: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class FakeNode:
    """See the module. `before` is asked about every request and may raise or answer."""

    chain_id: int = 1
    base_fee: int = 10
    tip: int = 1
    salt: str = ""
    blocks: list[Header] = field(default_factory=list)
    pool: dict[tuple[str, int], Pooled] = field(default_factory=dict)
    by_hash: dict[str, Pooled] = field(default_factory=dict)
    reverting: set[bytes] = field(default_factory=set)
    refuse_calls: dict[bytes, str] = field(default_factory=dict)  # data -> error
    deaf: bool = False  # takes transactions and forgets them
    before: Callable[[str, Sequence[Any]], Any] | None = None
    asked: list[str] = field(default_factory=list)
    balance: int = 10**18

    def __post_init__(self) -> None:
        if not self.blocks:
            self.blocks.append(Header(0, self._hash(0), ZERO, 1_000))

    def _hash(self, number: int) -> str:
        return "0x" + keccak(text=f"{self.salt} {number}").hex()

    # What happens to it

    def mine(self, take: bool = True) -> Header:
        """A block; with what the pool has, in order of nonces, as far as it pays the base fee."""
        last = self.blocks[-1]
        block = Header(last.number + 1, self._hash(last.number + 1), last.hash, last.time + 1)
        self.blocks.append(block)
        if take:
            for key in sorted(self.pool):
                sent = self.pool[key]
                if sent.nonce == self._count(sent.sender) and (sent.most >= self.base_fee):
                    sent.block = block.number
                    del self.pool[key]
        return block

    def reorganise(self, depth: int, salt: str) -> None:
        """Other blocks in the place of the newest; their transactions go back to the pool."""
        keep = len(self.blocks) - depth
        self.salt = salt
        for sent in self.by_hash.values():
            if sent.block is not None and sent.block >= keep:
                sent.block = None
                self.pool[sent.sender, sent.nonce] = sent
        times = [block.time for block in self.blocks[keep:]]
        del self.blocks[keep:]
        for time in times:
            last = self.blocks[-1]
            self.blocks.append(
                Header(last.number + 1, self._hash(last.number + 1), last.hash, time)
            )

    def log(self, block: int, address: str, topics: list[str], data: str) -> None:
        header = self.blocks[block]
        header.logs.append(
            {
                "address": address,
                "topics": topics,
                "data": data,
                "blockNumber": hex(block),
                "blockHash": header.hash,
                "logIndex": hex(len(header.logs)),
            }
        )

    # As an Rpc

    def __call__(self, method: str, *params: Any) -> Any:
        self.asked.append(method)
        if self.before is not None:
            answer = self.before(method, params)
            if answer is not None:
                return answer
        if not hasattr(self, method):
            raise RpcError(f"the method {method} does not exist", b"", -32601)
        return getattr(self, method)(*params)

    def many(self, requests: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        answers: list[Any] = []
        for method, params in requests:
            try:
                answers.append(self(method, *params))
            except RpcError as error:
                answers.append(error)
        return answers

    def eth_chainId(self) -> str:
        return hex(self.chain_id)

    def web3_clientVersion(self) -> str:
        return "fake"

    def eth_blockNumber(self) -> str:
        return hex(self.blocks[-1].number)

    def eth_getBlockByNumber(self, which: str, full: bool) -> dict[str, Any] | None:
        number = self.blocks[-1].number if which == "latest" else int(which, 16)
        if number >= len(self.blocks):
            return None
        block = self.blocks[number]
        bloom = 0
        for log in block.logs:
            digest = keccak(bytes.fromhex(log["address"][2:]))
            for at in (0, 2, 4):
                bloom |= 1 << (int.from_bytes(digest[at : at + 2], "big") & 2047)
        return {
            "number": hex(number),
            "hash": block.hash,
            "parentHash": block.parent,
            "timestamp": hex(block.time),
            "baseFeePerGas": hex(self.base_fee),
            "logsBloom": hex(bloom),
        }

    def eth_getLogs(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        first, last = int(request["fromBlock"], 16), int(request["toBlock"], 16)
        wanted = {address.lower() for address in request["address"]}
        return [
            log
            for block in self.blocks[first : last + 1]
            for log in block.logs
            if log["address"].lower() in wanted
        ]

    def eth_maxPriorityFeePerGas(self) -> str:
        return hex(self.tip)

    def eth_getBalance(self, address: str, block: str) -> str:
        return hex(self.balance)

    def eth_call(self, request: dict[str, str], *rest: Any) -> str:
        error = self.refuse_calls.get(bytes.fromhex(request["data"][2:]))
        if error is not None:
            raise RpcError(f"execution reverted: {error}", keccak(text=f"{error}()")[:4], 3)
        return "0x"

    def eth_estimateGas(self, request: dict[str, str], *rest: Any) -> str:
        return hex(50_000)

    def _count(self, sender: str) -> int:
        sent = self.by_hash.values()
        return sum(one.sender == sender and one.block is not None for one in sent)

    def eth_getTransactionCount(self, address: str, block: str) -> str:
        count = self._count(address)
        if block == "pending":
            while (address, count) in self.pool:
                count += 1
        return hex(count)

    def eth_sendRawTransaction(self, raw: str) -> str:
        decoded = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
        tx_hash = "0x" + keccak(bytes.fromhex(raw[2:])).hex()
        sent = Pooled(
            tx_hash,
            Account.recover_transaction(raw),
            decoded["nonce"],
            "0x" + bytes(decoded["to"]).hex(),
            bytes(decoded["data"]),
            decoded["maxFeePerGas"],
            decoded["maxPriorityFeePerGas"],
        )
        if tx_hash in self.by_hash:
            raise RpcError("already known", b"", -32000)
        if sent.nonce < self._count(sent.sender):
            raise RpcError("nonce too low", b"", -32000)
        before = self.pool.get((sent.sender, sent.nonce))
        if before is not None and (
            sent.most * 10 < before.most * 11 or sent.tip * 10 < before.tip * 11
        ):
            raise RpcError("replacement transaction underpriced", b"", -32000)
        if not self.deaf:
            self.pool[sent.sender, sent.nonce] = sent
            self.by_hash[tx_hash] = sent
        return tx_hash

    def eth_getTransactionReceipt(self, tx_hash: str) -> dict[str, Any] | None:
        sent = self.by_hash.get(tx_hash)
        if sent is None or sent.block is None:
            return None
        return {
            "transactionHash": tx_hash,
            "blockNumber": hex(sent.block),
            "blockTimestamp": hex(self.blocks[sent.block].time),
            "status": "0x0" if sent.data in self.reverting else "0x1",
            "gasUsed": hex(40_000),
            "to": sent.to,
            "logs": [],
        }
