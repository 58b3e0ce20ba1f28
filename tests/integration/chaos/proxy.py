"""A node's JSON-RPC with faults between it and who asks.

One thread per connection. A schedule decides for every request which fault it meets; what was
injected is noted in `log`. A batch is one request: it meets the fault of any method in it.
"""

import copy
import json
import random
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

from eth_utils import keccak

from tests.integration.chaos.node import Node, number, read

TIP_METHODS = {"eth_getBlockByNumber", "eth_blockNumber"}
SEND = "eth_sendRawTransaction"
RECEIPT = "eth_getTransactionReceipt"
LOGS = "eth_getLogs"


class Fault(StrEnum):
    """What may happen to a request."""

    DROP = "drops the request"
    DROP_ANSWER = "drops the answer"
    DELAY = "answers late"
    LIMIT = "limits the rate (429)"
    LIMIT_RPC = "limits the rate (-32005)"
    BROKEN = "server error (500)"
    GARBAGE = "answers no JSON"
    TRUNCATED = "answers half"
    NULL = "answers null"
    SHUFFLED = "reorders answers"
    STALE = "answers an earlier request"
    OLD_HEAD = "says an old head"
    FAR_HEAD = "says a head that is not there"
    WRONG_CHAIN = "says another chain id"
    NO_RECEIPT = "hides a receipt"
    OLD_RECEIPT = "shows a receipt of a lost block"
    NO_LOGS = "hides logs"
    LOST_SEND = "loses a transaction"
    ERROR_SEND = "takes a transaction, answers an error"


# What a fault needs to be one: methods of which one must be in the request; None: any.
NEEDS: dict[Fault, set[str] | None] = {
    **dict.fromkeys(Fault, None),
    Fault.OLD_HEAD: TIP_METHODS,
    Fault.FAR_HEAD: TIP_METHODS,
    Fault.WRONG_CHAIN: {"eth_chainId"},
    Fault.NO_RECEIPT: {RECEIPT},
    Fault.OLD_RECEIPT: {RECEIPT},
    Fault.NO_LOGS: {LOGS},
    Fault.LOST_SEND: {SEND},
    Fault.ERROR_SEND: {SEND},
}
BREAKS = (
    Fault.DROP, Fault.DROP_ANSWER, Fault.LIMIT, Fault.LIMIT_RPC, Fault.BROKEN, Fault.GARBAGE,
    Fault.TRUNCATED,
)  # fmt: skip
LIES = (
    Fault.STALE, Fault.NULL, Fault.OLD_HEAD, Fault.FAR_HEAD, Fault.NO_RECEIPT, Fault.OLD_RECEIPT,
    Fault.NO_LOGS,
)  # fmt: skip
SENDS = (Fault.LOST_SEND, Fault.ERROR_SEND)


class Schedule(Protocol):
    """Which fault the n-th request meets."""

    def __call__(self, count: int, methods: Sequence[str]) -> Fault | None: ...


def calm(count: int, methods: Sequence[str]) -> Fault | None:
    """No faults."""
    return None


@dataclass
class Scripted:
    """Faults by the number of the request, counted from one."""

    faults: dict[int, Fault]

    def __call__(self, count: int, methods: Sequence[str]) -> Fault | None:
        return self.faults.get(count)


@dataclass
class Random:
    """Each request meets one of `faults` with a chance of `rate`; those that cannot be are no
    choice. Seeded."""

    faults: Sequence[Fault]
    rate: float
    seed: int

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)

    def __call__(self, count: int, methods: Sequence[str]) -> Fault | None:
        hit, pick = self._rng.random() < self.rate, self._rng.random()
        choice = [fault for fault in self.faults if _possible(fault, methods)]
        return choice[int(pick * len(choice))] if hit and choice else None


def _possible(fault: Fault, methods: Sequence[str]) -> bool:
    needed = NEEDS[fault]
    return needed is None or not needed.isdisjoint(methods)


@dataclass
class Kill:
    """Ends who asks at the n-th request: before the node has it, or before the answer is out."""

    at: int
    answered: bool
    strike: Callable[[], None]


class Cut(Exception):
    """The connection ends without an answer."""


@dataclass
class Proxy:
    """See the module. `lag`: blocks by which every answer is behind, as of a slow node."""

    node: Node
    seed: int = 0
    schedule: Schedule = calm
    lag: int = 0
    pause: float = 0.5  # seconds of a late answer
    bump: int = 10  # per cent by which a replacement must raise both of its prices, as geth asks
    log: list[tuple[int, str, str]] = field(default_factory=list)
    methods: Counter[str] = field(default_factory=Counter)
    count: int = 0
    kill: Kill | None = None
    trouble: BaseException | None = None  # the rig's own
    seen: Callable[[int, Sequence[str]], None] = lambda count, methods: None

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)
        self._lock = threading.Lock()
        self._receipts: dict[str, Any] = {}
        self._last: Any = None
        self._local = threading.local()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                body = self.rfile.read(length)
                if len(body) < length:  # who asks was killed
                    self.close_connection = True
                    return
                try:
                    status, answer, full = proxy.handle(json.loads(body))
                except Cut:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(full))
                self.end_headers()
                self.wfile.write(answer)
                if len(answer) < full:
                    self.close_connection = True

            def log_message(self, format: str, *args: Any) -> None:
                """The proxy keeps its own log."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                error = sys.exc_info()[1]
                if not isinstance(error, OSError):  # else: who asked was killed, or gave up
                    proxy.trouble = error

        self._server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self._server.server_port

    @property
    def url(self) -> str:
        return "http://{}:{}".format(*self.address)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def faults(self) -> int:
        """How many were injected."""
        return len(self.log)

    # One request

    def handle(self, body: Any) -> tuple[int, bytes, int]:
        """Status, what is sent of the answer, and its full length."""
        many = isinstance(body, list)
        requests: list[dict[str, Any]] = body if many else [body]
        methods = [request["method"] for request in requests]
        with self._lock:
            self.count += 1
            count = self.count
            self.methods.update(methods)
            fault = self.schedule(count, methods)
            if fault is not None and not _possible(fault, methods):
                fault = None
            kill = self.kill if self.kill and self.kill.at == count else None
            if fault:
                self.log.append((count, methods[0], fault))
        self.seen(count, methods)
        if kill and not kill.answered:
            self.log.append((count, methods[0], "kills before the node has it"))
            kill.strike()
            raise Cut
        early = self._early(fault)
        if early is not None:
            return early
        answers = self._answers(requests, fault)
        if kill:
            self.log.append((count, methods[0], "kills before the answer"))
            kill.strike()
            raise Cut
        return self._late(fault, answers if many else answers[0])

    def _early(self, fault: Fault | None) -> tuple[int, bytes, int] | None:
        """Answers for which the node is not asked."""
        if fault is Fault.DROP:
            raise Cut
        if fault is Fault.DELAY:
            time.sleep(self.pause)
        if fault is Fault.LIMIT:
            return _whole(429, b"Too Many Requests")
        if fault is Fault.BROKEN:
            return _whole(500, b"<html>Internal Server Error</html>")
        if fault is Fault.GARBAGE:
            return _whole(200, b"<html>welcome to nginx</html>")
        return None

    def _late(self, fault: Fault | None, answer: Any) -> tuple[int, bytes, int]:
        if fault is Fault.DROP_ANSWER:
            raise Cut
        if fault is Fault.LIMIT_RPC:
            asked = answer if isinstance(answer, list) else [answer]
            limited = [_error(item["id"], "limit exceeded", -32005) for item in asked]
            answer = limited if isinstance(answer, list) else limited[0]
        if fault is Fault.SHUFFLED and isinstance(answer, list):
            self._rng.shuffle(answer)
        if fault is Fault.NULL:
            asked = answer if isinstance(answer, list) else [answer]
            nothing = [_result(item, None) for item in asked]
            answer = nothing if isinstance(answer, list) else nothing[0]
        if fault is Fault.STALE and self._last is not None:
            answer = self._last
        else:
            self._last = answer
        text = json.dumps(answer).encode()
        if fault is Fault.TRUNCATED:
            return 200, text[: len(text) // 2], len(text)
        return _whole(200, text)

    def _answers(self, requests: list[dict[str, Any]], fault: Fault | None) -> list[Any]:
        return [self._answer(request, fault) for request in requests]

    def _answer(self, request: dict[str, Any], fault: Fault | None) -> dict[str, Any]:
        """One request's, with the lies that concern it."""
        method, params = request["method"], request.get("params", [])
        if fault is Fault.WRONG_CHAIN and method == "eth_chainId":
            return _result(request, "0x1")
        if fault is Fault.NO_RECEIPT and method == RECEIPT:
            return _result(request, None)
        if fault is Fault.NO_LOGS and method == LOGS:
            return _result(request, [])
        if method == SEND:
            self.node.rpc.note(method, params)
            if fault is Fault.LOST_SEND:
                return _result(request, _hash_of(params[0]))
            if why := self._underpriced(params[0]):
                return _error(request["id"], why)
        behind = self.lag + (3 if fault is Fault.OLD_HEAD else 0)
        if behind:
            tip = max(0, self.node.height - behind)
            if method == "eth_blockNumber":
                return _result(request, hex(tip))
            if method == "eth_getBlockByNumber" and _later(params[0], tip):
                return _result(request, None)
            request = _as_of(request, tip)
        answer = self._forward(request)
        if method == RECEIPT:
            answer = self._receipt(request, answer, fault, behind)
        if fault is Fault.FAR_HEAD and method in TIP_METHODS:
            answer = _far(answer)
        if fault is Fault.ERROR_SEND and method == SEND:
            return _error(request["id"], "internal error")
        return answer

    def _forward(self, request: dict[str, Any]) -> dict[str, Any]:
        """The node's own answer. Nobody asks while the world is held still."""
        with self.node.lock:
            connection = getattr(self._local, "connection", None)
            if connection is None:
                connection = HTTPConnection("127.0.0.1", self.node.port, timeout=30)
                self._local.connection = connection
            try:
                connection.request(
                    "POST", "/", json.dumps(request), {"Content-Type": "application/json"}
                )
                return json.loads(connection.getresponse().read())
            except (OSError, HTTPException):
                # The node is down, or was restarted behind a kept connection.
                self._local.connection = None
                raise Cut from None

    def _receipt(
        self, request: dict[str, Any], answer: dict[str, Any], fault: Fault | None, behind: int
    ) -> dict[str, Any]:
        [tx_hash] = request["params"]
        found = answer.get("result")
        if found is None:
            old = self._receipts.get(tx_hash)
            return _result(request, old) if fault is Fault.OLD_RECEIPT and old else answer
        self._receipts[tx_hash] = copy.deepcopy(found)
        if behind and number(found["blockNumber"]) > self.node.height - behind:
            return _result(request, None)
        return answer

    def _underpriced(self, raw: str) -> str | None:
        """Why geth would not take a replacement, which anvil does."""
        sent = read(raw)
        for held in self.node.waiting():
            if (held.sender, held.nonce) != (sent.sender, sent.nonce) or held.hash == sent.hash:
                continue
            pairs = ((held.most, sent.most), (held.tip, sent.tip))
            if any(after * 100 < before * (100 + self.bump) for before, after in pairs):
                return "replacement transaction underpriced"
        return None


def _whole(status: int, body: bytes) -> tuple[int, bytes, int]:
    return status, body, len(body)


def _result(request: dict[str, Any], result: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": request["id"], "result": result}


def _error(identity: Any, message: str, code: int = -32000) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": identity, "error": {"code": code, "message": message}}


def _hash_of(raw: str) -> str:
    return "0x" + keccak(hexstr=raw).hex()


def _far(answer: dict[str, Any]) -> dict[str, Any]:
    found = answer.get("result")
    if isinstance(found, str):
        return {**answer, "result": hex(number(found) + 10_000)}
    if isinstance(found, dict):
        far = {**found, "number": hex(number(found["number"]) + 10_000), "hash": "0x" + "fa" * 32}
        return {**answer, "result": far}
    return answer


def _later(block: str, tip: int) -> bool:
    return block.startswith("0x") and number(block) > tip


def _as_of(request: dict[str, Any], tip: int) -> dict[str, Any]:
    """The same request to a node that has not seen the blocks after `tip`."""
    request = copy.deepcopy(request)
    params = request.get("params", [])
    if request["method"] == LOGS:
        [wanted] = params
        for end in ("fromBlock", "toBlock"):
            if wanted.get(end, "latest") == "latest" or _later(wanted[end], tip):
                wanted[end] = hex(tip)
    else:
        request["params"] = [
            hex(tip) if value in ("latest", "pending") else value for value in params
        ]
    return request
