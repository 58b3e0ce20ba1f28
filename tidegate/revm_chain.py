"""A chain in process: messages on pyrevm, tens of thousands a second, no keys and no blocks.

Every address can send. A message is one transaction: transient storage is cleared behind it. The
time stays until it is set. Gas is right in its large parts only: pyrevm prices a storage slot that
an earlier message touched as warm and dirty, so gas reports come from a node.
"""

import re
from collections.abc import Sequence
from typing import Any

from tidegate.abi import Abi, checksum
from tidegate.artifacts import Artifact
from tidegate.chain import Call, Contract, Known, Receipt, abi_of
from tidegate.client import errors
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
        self.genesis = f"pyrevm {id(self)}"
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

    def _block_env(self) -> Any:
        return pyrevm.BlockEnv(timestamp=self._time, number=self._block, gas_limit=GAS_LIMIT)

    def account(self, name: str) -> str:
        return local_address(name)

    # Contracts

    def deploy(self, artifact: Artifact, *args: Any, sender: str | None = None) -> Contract:
        sender = sender or self.sender
        code = artifact.bytecode + artifact.abi.encode_constructor(args)
        what = f"constructor of {artifact.name}"
        try:
            address = self._evm.deploy(sender, code)
        except RuntimeError as error:
            raise self._refusal(error, what) from None
        finally:
            self._evm.reset_transient_storage()
        return self.contract(artifact, checksum(address))

    def contract(self, artifact: Artifact | Abi, address: str) -> Contract:
        abi = abi_of(artifact)
        self._known.add(address, abi)
        for function in abi.functions.values():
            self._functions[function.selector] = function
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
        function = self._functions.get(data[:4])
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
