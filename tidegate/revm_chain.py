"""A chain in process: messages on pyrevm, tens of thousands a second, no keys and no blocks.

Every address can send. A message is one transaction: transient storage is cleared behind it. The
time stays until it is set. Gas is right in its large parts only: pyrevm prices a storage slot that
an earlier message touched as warm and dirty, so gas reports come from a node.
"""

import re
import secrets
from collections.abc import Sequence
from typing import Any

from eth_utils import keccak

from tidegate.abi import Abi, checksum
from tidegate.artifacts import Artifact
from tidegate.chain import Call, Contract, Known, Receipt, Sealed, abi_of
from tidegate.client import errors
from tidegate.fees import Fees
from tidegate.local_accounts import local_address

try:
    import pyrevm
except ImportError as missing:  # a development dependency
    raise ImportError("RevmChain needs pyrevm: run `make setup`") from missing

GAS_LIMIT = 2**40
START = 1_700_000_000  # 2023-11-14, seconds
TEST_CHAIN = 31337
ANALYSIS_TAIL = b"\0" * 33  # revm pads the code it has analysed
_REVERT = re.compile(r"Revert \{ gas_used: \d+, output: 0x([0-9a-f]*) \}")


class RevmChain:
    """See the module."""

    name = "pyrevm"
    local = True

    def __init__(
        self,
        chain_id: int = TEST_CHAIN,
        timestamp: int = START,
    ) -> None:
        self.chain_id = chain_id
        self.genesis = f"pyrevm {secrets.token_hex(8)}"
        self.sender = local_address("deployer")
        self._time = timestamp
        self._block = 1
        config = pyrevm.CfgEnv(chain_id=chain_id)
        self._evm = pyrevm.EVM(
            env=pyrevm.Env(cfg=config, block=self._block_env()),
            spec_id="CANCUN",
            gas_limit=GAS_LIMIT,
        )
        self._known = Known()
        self._view_selectors: set[bytes] = set()
        self._functions: dict[bytes, Any] = {}
        self._there: dict[tuple[str, bytes], Any] = {}  # by address and selector
        self._outcomes: dict[str, Receipt | errors.ProtocolError] = {}

    def _block_env(self) -> Any:
        return pyrevm.BlockEnv(timestamp=self._time, number=self._block, gas_limit=GAS_LIMIT)

    def account(self, name: str) -> str:
        return local_address(name)

    # Contracts

    def deploy(self, artifact: Artifact, *args: Any, sender: str | None = None) -> Contract:
        code = artifact.bytecode + artifact.abi.encode_constructor(args)
        made = self._create(Call("", code, sender, what=f"constructor of {artifact.name}"))
        return self.contract(artifact, made.address)

    def contract(self, artifact: Artifact | Abi, address: str) -> Contract:
        abi = abi_of(artifact)
        self._known.add(address, abi)
        for function in abi.functions.values():
            self._functions[function.selector] = function
            self._there[address.lower(), function.selector] = function
            # One selector may be a view here and not there.
            if function.view:
                self._view_selectors.add(function.selector)
        for function in abi.functions.values():
            if not function.view:
                self._view_selectors.discard(function.selector)
        return Contract(self, abi, address)

    # Messages

    def call(self, to: str, data: bytes, sender: str | None = None) -> bytes:
        evm = self._evm
        sender = sender or self.sender
        if data[:4] in self._view_selectors:
            try:
                return evm.message_call(sender, to, calldata=data, is_static=True)
            except RuntimeError as error:
                raise self._refusal(error, self._what(data)) from None
        checkpoint = evm.snapshot()
        try:
            return evm.message_call(sender, to, calldata=data)
        except RuntimeError as error:
            raise self._refusal(error, self._what(data)) from None
        finally:
            evm.revert(checkpoint)
            evm.reset_transient_storage()

    def send(self, call: Call) -> Receipt:
        evm = self._evm
        data = call.data
        try:
            output = evm.message_call(
                call.sender or self.sender, call.to, calldata=data, value=call.value, gas=call.gas
            )
        except RuntimeError as error:
            raise self._refusal(error, call.what or self._what(data)) from None
        finally:
            evm.reset_transient_storage()
        result = evm.result
        logs = [(log.address, *log.data) for log in result.logs]
        function = self._there.get((call.to.lower(), data[:4]))
        return Receipt(
            gas_used=result.gas_used,
            events=self._known.decode(logs),
            block=self._block,
            timestamp=self._time,
            returned=function.decode(output) if function else output,
        )

    def send_all(self, calls: Sequence[Call]) -> list[Receipt | errors.ProtocolError]:
        outcomes: list[Receipt | errors.ProtocolError] = []
        for call in calls:
            try:
                outcomes.append(self.send(call))
            except errors.ProtocolError as refusal:
                outcomes.append(refusal)
        return outcomes

    # A transaction in its parts. Only creations move a sender's nonce here.

    def count(self, sender: str) -> int:
        return self._evm.basic(sender).nonce

    def set_nonce(self, sender: str, nonce: int) -> None:
        """The nonce of the next creation."""
        info = pyrevm.AccountInfo(balance=self.balance(sender), nonce=nonce)
        self._evm.insert_account_info(sender, info)

    def set_code(self, address: str, code: bytes) -> None:
        """Put code where there is none."""
        self._evm.insert_account_info(address, pyrevm.AccountInfo(code=code))

    def gas_price(self) -> tuple[int, int]:
        return 0, 0

    def seal(self, call: Call, nonce: int, fees: Fees | None = None) -> Sealed:
        text = f"{self.genesis} {call.sender or self.sender} {nonce} {call.to} ".encode()
        return Sealed(call, nonce, "0x" + keccak(text + call.data).hex())

    def publish(self, sealed: Sealed) -> None:
        if sealed.tx_hash in self._outcomes:
            return
        call = sealed.call
        try:
            outcome: Receipt | errors.ProtocolError = (
                self._create(call) if not call.to else (self.send(call))
            )
        except errors.ProtocolError as refusal:
            outcome = refusal
        self._outcomes[sealed.tx_hash] = outcome

    def _create(self, call: Call) -> Receipt:
        try:
            address = self._evm.deploy(call.sender or self.sender, call.data)
        except RuntimeError as error:
            raise self._refusal(error, call.what) from None
        finally:
            self._evm.reset_transient_storage()
        gas = self._evm.result.gas_used
        return Receipt(gas, [], self._block, self._time, address=checksum(address))

    def outcome(self, tx_hash: str, call: Call | None = None) -> Receipt | None:
        found = self._outcomes.get(tx_hash)
        if isinstance(found, errors.ProtocolError):
            raise found
        return found

    def knows(self, tx_hash: str) -> bool:
        return tx_hash in self._outcomes

    def block_hash(self, number: int) -> str:
        if number > self._block:
            return ""
        return "0x" + keccak(text=f"{self.genesis} {number}").hex()

    def _what(self, data: bytes) -> str:
        function = self._functions.get(data[:4])
        return function.name if function else ""

    def _refusal(self, error: RuntimeError, what: str) -> Exception:
        text = str(error)
        found = _REVERT.match(text)
        if found:
            return errors.from_revert(bytes.fromhex(found[1]), what)
        # Out of gas, invalid opcode and the like burn everything and give no data.
        if text.startswith("Halt"):
            return errors.ProtocolError(text, b"", what)
        return error

    # State

    def code(self, address: str) -> bytes:
        code = bytes(self._evm.get_code(address) or b"")
        return code.removesuffix(ANALYSIS_TAIL)

    def balance(self, address: str) -> int:
        return self._evm.get_balance(address)

    def storage(self, address: str, slot: int) -> int:
        return self._evm.storage(address, slot)

    def block(self) -> int:
        return self._block

    def time(self) -> int:
        return self._time

    def set_time(self, timestamp: int) -> None:
        """The time of all messages from now on; a new block. It may go back."""
        self._time = timestamp
        self._block += 1
        self._evm.set_block_env(self._block_env())

    def advance(self, seconds: int) -> None:
        self.set_time(self._time + seconds)

    def fund(self, address: str, wei: int) -> None:
        self._evm.set_balance(address, wei)

    def snapshot(self) -> Any:
        return self._evm.snapshot(), self._time, self._block

    def restore(self, snapshot: Any) -> None:
        checkpoint, self._time, self._block = snapshot
        self._evm.revert(checkpoint)
        self._evm.reset_transient_storage()
        self._evm.set_block_env(self._block_env())
