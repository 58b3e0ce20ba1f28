"""Calls that see the next block: its time, the newest state, many in one request.

A price counts from the second after it is stored, an order lapses by the clock: what is asked at
the newest block's time is answered a block late. Nodes take the time as an override of eth_call
(geth and its kin, anvil); where one does not, the newest block's time is used and said so.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tidegate.chain import Call, Contract
from tidegate.client import errors
from tidegate.client.errors import ProtocolError
from tidegate.keepers.endpoints import Endpoints
from tidegate.web3_chain import RpcError

NODE = "NodeTrouble"  # the node refused, not the contracts
Question = tuple[Contract, str, tuple[Any, ...]]


@dataclass
class View:
    """Asks for an address."""

    rpc: Endpoints
    address: str
    say: Callable[..., None] = lambda event, **facts: None
    _overrides: bool = field(default=True, init=False)

    def results(self, calls: Sequence[Call]) -> list[bytes | ProtocolError]:
        """What each returns, or why it is refused; `NODE` if it is the node that refuses."""
        if not calls:
            return []
        answers = self.rpc.many([("eth_call", self.request(call)) for call in calls])
        if self._overrides and any(map(unsupported, answers)):
            self._overrides = False
            self.say("node takes no time for eth_call", then="the newest block's is used")
            return self.results(calls)
        return [
            refusal(answer, call) if isinstance(answer, RpcError) else bytes.fromhex(answer[2:])
            for call, answer in zip(calls, answers, strict=True)
        ]

    def ask(self, questions: Sequence[Question]) -> list[Any]:
        """Decoded results; a ProtocolError in the place of a refused one."""
        calls = [
            Call(contract.address, contract.encode(fn, *args), what=f"{contract.name}.{fn}")
            for contract, fn, args in questions
        ]
        return [
            result
            if isinstance(result, ProtocolError)
            else contract.abi.functions[fn].decode(result)
            for (contract, fn, _), result in zip(questions, self.results(calls), strict=True)
        ]

    def request(self, call: Call) -> list[Any]:
        """Parameters of eth_call and eth_estimateGas."""
        request = {
            "from": call.sender or self.address,
            "to": call.to,
            "data": "0x" + call.data.hex(),
        }
        overrides = [{}, {"time": hex(self.rpc.next_time())}] if self._overrides else []
        return [request, "latest", *overrides]


def unsupported(answer: Any) -> bool:
    """Whether a node did not understand the overrides of a call."""
    return isinstance(answer, RpcError) and not answer.data and answer.code in (-32602, -32601)


def refusal(error: RpcError, call: Call) -> ProtocolError:
    """The contracts' refusal, or `NODE` if it is the node's own."""
    if not error.data and "revert" not in str(error).lower():
        return ProtocolError(NODE, b"", f"{call.what}: {error}")
    return errors.from_revert(error.data, call.what)
