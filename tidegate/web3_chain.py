"""A chain behind JSON-RPC: anvil, any node, or eth-tester in process.

Requests are written by hand over one connection: web3's middleware costs more than anvil's work.
Keys stay here; a transaction is signed, sent, and its receipt polled. On local chains time stands
still until it is set, as on `RevmChain`.
"""

import ast
import contextlib
import http.client
import itertools
import json
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import urlsplit

from eth_account.signers.local import LocalAccount
from eth_utils import keccak

from tidegate.abi import Abi, checksum
from tidegate.anvil import LOCAL_OPTIONS, anvil_command, find_anvil, free_port
from tidegate.artifacts import Artifact
from tidegate.chain import Call, Contract, Known, NodeError, Receipt, Sealed, abi_of
from tidegate.client import errors
from tidegate.client.errors import ProtocolError
from tidegate.fees import Fees
from tidegate.local_accounts import local_account

LOCAL_GAS = 12_000_000  # a local transaction's limit, unless the call names one
LOCAL_BALANCE = 10**24  # wei
LOCAL_FEE = 100 * 10**9  # wei per gas, the most a local transaction pays
LOCAL_CHAINS = {31337, 1337, 131277322940537}
START_TIMEOUT = 20.0  # seconds for anvil to answer
RECEIPT_TIMEOUT = 180.0  # seconds for a transaction to be mined
EMBEDDED_GAS_LIMIT = 10**9  # of a block of eth-tester
EMBEDDED_BATCH = 16  # transactions of a block of eth-tester
GAS_MARGIN = 1.25  # over the estimate, on real networks

Signer = Callable[[dict[str, Any]], bytes]  # transaction -> signed bytes


class RpcError(NodeError):
    """The node answered with an error. `code` is JSON-RPC's, 0 where there is none."""

    def __init__(self, message: str, data: bytes = b"", code: int = 0) -> None:
        super().__init__(message)
        self.data = data
        self.code = code


class HttpStatus(OSError):
    """The server answered with a status instead of JSON-RPC. `wait`: seconds it asks for, or 0."""

    def __init__(self, status: int, wait: float = 0.0) -> None:
        super().__init__(f"HTTP status {status}")
        self.status = status
        self.wait = wait


class Rpc(Protocol):
    """JSON-RPC requests."""

    def __call__(self, method: str, *params: Any) -> Any: ...

    def many(self, requests: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Several at once; an RpcError stands in the place of a refused one."""
        ...


def _rpc_error(error: Mapping[str, Any]) -> RpcError:
    data = error.get("data")
    if isinstance(data, Mapping):
        data = data.get("data")
    raw = b""
    if isinstance(data, str) and data.startswith("0x"):
        raw = bytes.fromhex(data[2:])
    code = error.get("code")
    return RpcError(str(error.get("message", error)), raw, code if isinstance(code, int) else 0)


def _body(response: http.client.HTTPResponse, body: bytes) -> Any:
    """JSON-RPC, which some servers send with a status of their own."""
    if response.status >= 400 and not body.lstrip().startswith((b'{"jsonrpc"', b"[{")):
        asked = response.getheader("Retry-After") or ""
        raise HttpStatus(response.status, float(asked) if asked.isdigit() else 0.0)
    return json.loads(body)


class HttpRpc:
    """One kept connection to a node."""

    def __init__(self, url: str, timeout: float = 60.0) -> None:
        parts = urlsplit(url)
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        self.url = url
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._connection = kind(parts.hostname or "", parts.port, timeout=timeout)
        self._ids = itertools.count(1)

    def _post(self, body: Any) -> Any:
        headers = {"Content-Type": "application/json"}
        payload = json.dumps(body)
        for attempt in range(2):
            try:
                self._connection.request("POST", self._path, payload, headers)
                response = self._connection.getresponse()
                return _body(response, response.read())
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                # An idle connection was closed on the other side.
                self._connection.close()
                if attempt:
                    raise
            except (OSError, http.client.HTTPException):
                # What comes later on this connection would belong to this request.
                self._connection.close()
                raise
        raise AssertionError

    def _request(self, method: str, params: Sequence[Any]) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params}

    def __call__(self, method: str, *params: Any) -> Any:
        request = self._request(method, params)
        answer = self._post(request)
        if answer["id"] not in (request["id"], None):
            raise ValueError(f"{method}: the answer is to another request")
        if "error" in answer:
            raise _rpc_error(answer["error"])
        return answer["result"]

    def many(self, requests: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        if not requests:
            return []
        bodies = [self._request(method, params) for method, params in requests]
        answers = {answer["id"]: answer for answer in self._post(bodies)}
        return [
            _rpc_error(answer["error"]) if "error" in answer else answer["result"]
            for answer in (answers[body["id"]] for body in bodies)
        ]


class ProviderRpc:
    """A web3 instance, e.g. over eth-tester or the one ape has connected."""

    def __init__(self, w3: Any) -> None:
        self.w3 = w3

    def __call__(self, method: str, *params: Any) -> Any:
        from eth_tester.exceptions import TransactionFailed
        from eth_utils.exceptions import ValidationError
        from web3.exceptions import (
            BlockNotFound,
            ContractLogicError,
            TransactionNotFound,
            Web3RPCError,
        )

        try:
            result = self.w3.manager.request_blocking(method, list(params))
        except (TransactionNotFound, BlockNotFound):
            return None
        except ContractLogicError as error:
            raise RpcError(str(error), _bytes(error.data)) from None
        except TransactionFailed as error:
            raise RpcError(str(error), _revert_data(str(error))) from None
        except ValidationError as error:  # eth-tester's way of refusing a transaction
            raise RpcError(str(error)) from None
        except Web3RPCError as error:
            response = error.rpc_response or {}
            raise _rpc_error(response.get("error") or {"message": str(error)}) from None
        return _plain(result)

    def many(self, requests: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        answers: list[Any] = []
        for method, params in requests:
            try:
                answers.append(self(method, *params))
            except RpcError as error:
                answers.append(error)
        return answers


def _bytes(data: Any) -> bytes:
    if isinstance(data, bytes | bytearray):
        return bytes(data)
    if isinstance(data, str) and data.startswith("0x"):
        return bytes.fromhex(data[2:])
    return b""


def _revert_data(message: str) -> bytes:
    """Revert data from eth-tester's message, which holds it as Python writes bytes."""
    text = message.removeprefix("execution reverted: ")
    if text[:2] in ("b'", 'b"'):
        return bytes(ast.literal_eval(text))
    return errors.encode_reason(text)


def _plain(value: Any) -> Any:
    """What web3 has decoded, as JSON-RPC writes it."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return hex(value)
    if isinstance(value, bytes | bytearray):
        return "0x" + bytes(value).hex()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [_plain(item) for item in value]
    return value


def _number(value: str | int) -> int:
    return value if isinstance(value, int) else int(value, 16)


class Web3Chain:
    """See the module."""

    def __init__(
        self,
        rpc: Rpc,
        name: str,
        signers: Mapping[str, Signer] | None = None,
        still: bool = True,
    ) -> None:
        """`signers` by address; local chains make keys of their own by role (`account`).

        `still`: whether a local chain's time stands until it is set.
        """
        self.rpc = rpc
        self.name = name
        self.chain_id = _number(rpc("eth_chainId"))
        self.local = self.chain_id in LOCAL_CHAINS
        first = rpc("eth_getBlockByNumber", "0x0", False)
        if first is None:
            raise RpcError("the node has no first block")
        self.genesis = first["hash"]
        self._signers = {address.lower(): sign for address, sign in (signers or {}).items()}
        self._nonces: dict[str, int] = {}
        self._known = Known()
        client = str(rpc("web3_clientVersion")).lower()
        self._anvil = "anvil" in client
        self._tester = "tester" in client
        if self._anvil and self.local and still:
            # Blocks do not drift from the time that was set.
            self.rpc("anvil_setBlockTimestampInterval", 0)
        if signers:
            self.sender = next(iter(signers))
        elif self.local:
            self.sender = self.account("deployer")
        else:
            raise ValueError("a real network needs signers")

    # Accounts

    def account(self, name: str) -> str:
        account = local_account(name)
        if account.address.lower() not in self._signers:
            self.add_key(account)
            self.fund(account.address, LOCAL_BALANCE)
        return account.address

    def add_key(self, account: LocalAccount) -> None:
        """Let an account send."""
        self._signers[account.address.lower()] = lambda transaction: bytes(
            account.sign_transaction(transaction).raw_transaction
        )

    # Contracts

    def deploy(self, artifact: Artifact, *args: Any, sender: str | None = None) -> Contract:
        data = artifact.bytecode + artifact.abi.encode_constructor(args)
        receipt = self.send(Call("", data, sender, what=f"constructor of {artifact.name}"))
        return self.contract(artifact, receipt.address)

    def contract(self, artifact: Artifact | Abi, address: str) -> Contract:
        abi = abi_of(artifact)
        self._known.add(address, abi)
        return Contract(self, abi, checksum(address))

    # Transactions

    def call(self, to: str, data: bytes, sender: str | None = None) -> bytes:
        return self._call(Call(to, data, sender), "latest")

    def _call(self, call: Call, block: str) -> bytes:
        request = {"from": call.sender or self.sender, "data": "0x" + call.data.hex()}
        if call.value:
            request["value"] = hex(call.value)
        if call.to:
            request["to"] = call.to
        if call.gas:
            request["gas"] = hex(call.gas)
        try:
            return bytes.fromhex(self.rpc("eth_call", request, block)[2:])
        except RpcError as error:
            if not error.data and "revert" not in str(error).lower():
                raise
            raise errors.from_revert(error.data, call.what) from None

    def _sign(self, call: Call) -> str:
        sender = (call.sender or self.sender).lower()
        if sender not in self._nonces:
            count = self.rpc("eth_getTransactionCount", sender, "pending")
            self._nonces[sender] = _number(count)
        raw = self.seal(call, self._nonces[sender]).raw
        self._nonces[sender] += 1
        return "0x" + raw.hex()

    def _fees(self) -> Fees:
        if self.local:
            return Fees(LOCAL_FEE, 0)
        base, tip = self.gas_price()
        return Fees(2 * base + tip, tip)

    def _gas(self, call: Call) -> int:
        if self.local:
            return LOCAL_GAS
        request = {"from": call.sender or self.sender, "data": "0x" + call.data.hex()}
        if call.value:
            request["value"] = hex(call.value)
        if call.to:
            request["to"] = call.to
        try:
            return int(_number(self.rpc("eth_estimateGas", request)) * GAS_MARGIN)
        except RpcError as error:
            if not error.data and "revert" not in str(error).lower():
                raise  # e.g. coins are missing
            raise errors.from_revert(error.data, call.what) from None

    def send(self, call: Call) -> Receipt:
        raw = self._sign(call)
        try:
            tx_hash = self.rpc("eth_sendRawTransaction", raw)
        except RpcError:
            # The nonce was not used.
            self._nonces.pop((call.sender or self.sender).lower(), None)
            raise
        receipt = self._wait(tx_hash)
        if _number(receipt["status"]) != 1:
            raise self._refusal(call, receipt, alone=True)
        return self._decode(receipt)

    def send_all(self, calls: Sequence[Call]) -> list[Receipt | ProtocolError]:
        if not self.local:
            return self._one_by_one(calls)
        if self._tester and len(calls) > EMBEDDED_BATCH:
            # Reading a receipt there costs a pass over its whole block.
            parts = (calls[i : i + EMBEDDED_BATCH] for i in range(0, len(calls), EMBEDDED_BATCH))
            return [outcome for part in parts for outcome in self.send_all(part)]
        raws = [self._sign(call) for call in calls]
        self.rpc("evm_setAutomine", False)
        try:
            hashes = self.rpc.many([("eth_sendRawTransaction", [raw]) for raw in raws])
            self.rpc("evm_mine")
        finally:
            self.rpc("evm_setAutomine", True)
        for answer in hashes:
            if isinstance(answer, RpcError):
                self._nonces.clear()
                raise answer
        receipts = self.rpc.many([("eth_getTransactionReceipt", [item]) for item in hashes])
        outcomes: list[Receipt | ProtocolError] = []
        for call, tx_hash, found in zip(calls, hashes, receipts, strict=True):
            receipt = found or self._wait(tx_hash)
            if _number(receipt["status"]) == 1:
                outcomes.append(self._decode(receipt))
            else:
                outcomes.append(self._refusal(call, receipt, alone=False))
        return outcomes

    def _one_by_one(self, calls: Sequence[Call]) -> list[Receipt | ProtocolError]:
        outcomes: list[Receipt | ProtocolError] = []
        for call in calls:
            try:
                outcomes.append(self.send(call))
            except ProtocolError as refusal:
                outcomes.append(refusal)
        return outcomes

    def _wait(self, tx_hash: str) -> dict[str, Any]:
        deadline = time.monotonic() + RECEIPT_TIMEOUT
        # A local node mines in about a millisecond, others in seconds.
        pause = 0.0005 if self.local else 1.0
        while True:
            receipt = self.rpc("eth_getTransactionReceipt", tx_hash)
            if receipt is not None:
                return receipt
            if time.monotonic() > deadline:
                raise TimeoutError(f"{tx_hash} was not mined in {RECEIPT_TIMEOUT:.0f} s")
            time.sleep(pause)

    def _refusal(self, call: Call, receipt: Mapping[str, Any], alone: bool) -> ProtocolError:
        """Why a mined transaction reverted."""
        if not alone:
            # Others in its block changed the state since: only a trace tells.
            with contextlib.suppress(RpcError):
                options = {"tracer": "callTracer", "tracerConfig": {"onlyTopCall": True}}
                trace = self.rpc("debug_traceTransaction", receipt["transactionHash"], options)
                return errors.from_revert(_bytes(trace.get("output")), call.what)
        # It changed nothing but a nonce, so its own block is still the state and time it met.
        try:
            self._call(call, "latest" if self._tester else hex(_number(receipt["blockNumber"])))
        except ProtocolError as refusal:
            return refusal
        return ProtocolError("OutOfGas or changed since", b"", call.what)

    def _decode(self, receipt: Mapping[str, Any]) -> Receipt:
        logs = [
            (
                log["address"],
                [bytes.fromhex(topic[2:]) for topic in log["topics"]],
                bytes.fromhex(log["data"][2:]),
            )
            for log in receipt["logs"]
        ]
        block = _number(receipt["blockNumber"])
        stamp = receipt.get("blockTimestamp")
        if stamp is None:
            stamp = self.rpc("eth_getBlockByNumber", hex(block), False)["timestamp"]
        created = receipt.get("contractAddress")
        return Receipt(
            gas_used=_number(receipt["gasUsed"]),
            events=self._known.decode(logs),
            block=block,
            timestamp=_number(stamp),
            tx_hash=receipt["transactionHash"],
            address=checksum(created) if created else "",
        )

    # A transaction in its parts

    def count(self, sender: str) -> int:
        return _number(self.rpc("eth_getTransactionCount", sender, "latest"))

    def gas_price(self) -> tuple[int, int]:
        base = _number(self.rpc("eth_getBlockByNumber", "latest", False)["baseFeePerGas"])
        return base, _number(self.rpc("eth_maxPriorityFeePerGas"))

    def seal(self, call: Call, nonce: int, fees: Fees | None = None) -> Sealed:
        sender = (call.sender or self.sender).lower()
        if sender not in self._signers:
            raise KeyError(f"no key for the sender {sender}")
        fees = fees or self._fees()
        gas = call.gas or self._gas(call)
        transaction: dict[str, Any] = {
            "type": 2,
            "chainId": self.chain_id,
            "nonce": nonce,
            "value": call.value,
            "data": call.data,
            "gas": gas,
            "maxFeePerGas": fees.most,
            "maxPriorityFeePerGas": fees.tip,
        }
        if call.to:
            transaction["to"] = checksum(call.to)
        raw = self._signers[sender](transaction)
        return Sealed(call, nonce, "0x" + keccak(raw).hex(), raw, gas, fees)

    def publish(self, sealed: Sealed) -> None:
        # `send` asks for its next nonce again.
        self._nonces.pop((sealed.call.sender or self.sender).lower(), None)
        try:
            self.rpc("eth_sendRawTransaction", "0x" + sealed.raw.hex())
        except RpcError:
            if not self.knows(sealed.tx_hash):
                raise

    def outcome(self, tx_hash: str, call: Call | None = None) -> Receipt | None:
        receipt = self.rpc("eth_getTransactionReceipt", tx_hash)
        if receipt is None:
            return None
        return self.outcome_of(receipt, call)

    def outcome_of(self, receipt: Mapping[str, Any], call: Call | None = None) -> Receipt:
        """Of a receipt as the node gave it; ProtocolError if the transaction reverted."""
        if _number(receipt["status"]) != 1:
            if call is None:
                raise ProtocolError("reverted", b"", receipt["transactionHash"])
            raise self._refusal(call, receipt, alone=False)
        return self._decode(receipt)

    def knows(self, tx_hash: str) -> bool:
        return self.rpc("eth_getTransactionByHash", tx_hash) is not None

    def block_hash(self, number: int) -> str:
        block = self.rpc("eth_getBlockByNumber", hex(number), False)
        return block["hash"] if block else ""

    # State

    def code(self, address: str) -> bytes:
        return bytes.fromhex(self.rpc("eth_getCode", address, "latest")[2:])

    def balance(self, address: str) -> int:
        return _number(self.rpc("eth_getBalance", address, "latest"))

    def storage(self, address: str, slot: int) -> int:
        return _number(self.rpc("eth_getStorageAt", address, hex(slot), "latest"))

    def block(self) -> int:
        return _number(self.rpc("eth_blockNumber"))

    def time(self) -> int:
        return _number(self.rpc("eth_getBlockByNumber", "latest", False)["timestamp"])

    def set_time(self, timestamp: int) -> None:
        if self._tester and timestamp <= self.time():
            return  # its blocks may have run ahead by a second each
        self.rpc("evm_setNextBlockTimestamp", hex(timestamp))
        self.rpc("evm_mine")

    def advance(self, seconds: int) -> None:
        self.set_time(self.time() + seconds)

    def fund(self, address: str, wei: int) -> None:
        if not self._tester:
            self.rpc("anvil_setBalance", address, hex(wei))
            return
        # eth-tester sets no balances: one of its rich accounts pays.
        lack = wei - self.balance(address)
        if lack > 0:
            rich = self.rpc("eth_accounts")[0]
            request = {"from": rich, "to": address, "value": hex(min(lack, 10**20))}
            self._wait(self.rpc("eth_sendTransaction", request))

    def snapshot(self) -> Any:
        return self.rpc("evm_snapshot")

    def restore(self, snapshot: Any) -> None:
        self.rpc("evm_revert", snapshot)
        self._nonces.clear()


# Local nodes


def _start_anvil(
    timestamp: int | None, port: int | None, traced: bool, history: int | None
) -> tuple[subprocess.Popen[bytes], HttpRpc]:
    port = port or free_port()
    options = ["--order", "fifo", *LOCAL_OPTIONS]
    if timestamp is not None:
        options += ["--timestamp", str(timestamp)]
    if traced:
        options += ["--steps-tracing"]
    command = anvil_command(port, *options, history=history)
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        rpc = HttpRpc(f"http://127.0.0.1:{port}")
        try:
            rpc("eth_chainId")
            return process, rpc
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                _, text = process.communicate()
                raise RuntimeError(f"anvil did not start: {text.decode().strip()}") from None
            time.sleep(0.02)


class TesterRpc(ProviderRpc):
    """eth-tester with the methods of anvil that are needed here."""

    def __init__(self, w3: Any) -> None:
        super().__init__(w3)
        self._tester = w3.provider.ethereum_tester
        self._automine = True

    def __call__(self, method: str, *params: Any) -> Any:
        backend = self._tester.backend
        if method == "evm_setAutomine":
            self._automine = params[0]
            return True
        # Without automine eth-tester itself applies and undoes each transaction: go beneath it.
        if method == "eth_sendRawTransaction" and not self._automine:
            return "0x" + backend.send_raw_transaction(_bytes(params[0])).hex()
        if method == "evm_mine" and not self._automine:
            backend.mine_blocks(1)
            return None
        if method == "evm_setNextBlockTimestamp":
            backend.chain.header = backend.chain.header.copy(timestamp=_number(params[0]))
            return None
        return super().__call__(method, *params)


def _still_backend(timestamp: int | None) -> Any:
    """py-evm whose next block comes a second after the last, whatever the clock says."""
    from eth_tester import PyEVMBackend

    class Backend(PyEVMBackend):  # type: ignore[misc]
        def _keep_time(self) -> None:
            head = self.chain.get_canonical_head()
            self.chain.header = self.chain.header.copy(timestamp=head.timestamp + 1)

        def reset_to_genesis(self, *args: Any, **kwargs: Any) -> None:
            super().reset_to_genesis(*args, **kwargs)
            self._keep_time()

        def mine_blocks(self, *args: Any, **kwargs: Any) -> Any:
            hashes = super().mine_blocks(*args, **kwargs)
            self._keep_time()
            return hashes

        def revert_to_snapshot(self, snapshot: Any) -> None:
            super().revert_to_snapshot(snapshot)
            self._keep_time()

    overrides = {"gas_limit": EMBEDDED_GAS_LIMIT}
    if timestamp is not None:
        overrides["timestamp"] = timestamp
    return Backend(genesis_parameters=Backend.generate_genesis_params(overrides=overrides))


def embedded_chain(timestamp: int | None = None) -> Web3Chain:
    """eth-tester in this process. Unlike on anvil each block is a second later than the last."""
    from eth_tester import EthereumTester
    from web3 import EthereumTesterProvider, Web3

    tester = EthereumTester(_still_backend(timestamp))
    return Web3Chain(TesterRpc(Web3(EthereumTesterProvider(tester))), "eth-tester")


@contextlib.contextmanager
def local_node(
    timestamp: int | None = None,
    embedded: bool = False,
    port: int | None = None,
    say: Callable[[str], None] = print,
    traced: bool = False,
    history: int | None = None,
) -> Iterator[Web3Chain]:
    """anvil for as long as the block lasts; eth-tester where there is none, or if `embedded`.

    `timestamp` is the time of the first block; `port` is a free one by default; `say` is told which
    chain it is; `traced` lets anvil keep every step of a transaction for debug_traceTransaction.
    `history`: of so many blocks the states are kept, by default of five hundred: ten thousand
    accounts are five megabytes each.
    """
    if embedded or find_anvil() is None:
        why = "as asked" if embedded else "no anvil found"
        say(f"chain: embedded (eth-tester), {why}; slower than anvil, same code")
        yield embedded_chain(timestamp)
        return
    process, rpc = _start_anvil(timestamp, port, traced, history)
    try:
        say(f"chain: anvil at {rpc.url}")
        yield Web3Chain(rpc, "anvil")
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
