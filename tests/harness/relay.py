"""A contract that calls what it is told: for callers that must have code."""

from tidegate.artifacts import from_source
from tidegate.chain import Chain, Contract, Receipt

SOURCE = """
# pragma version ==0.4.3
# pragma evm-version cancun
@external
def forward(target: address, data: Bytes[8192]):
    raw_call(target, data)
"""


class Relay:
    """One such contract."""

    def __init__(self, chain: Chain) -> None:
        self.contract = chain.deploy(from_source(SOURCE, "Relay"))
        self.address = self.contract.address

    def transact(self, target: Contract, fn: str, *args: object) -> Receipt:
        """The target's function, called by this contract."""
        return self.contract.transact("forward", target.address, target.encode(fn, *args))
