"""Adding a market to what runs: the timelock's operation, ready to be scheduled by a governor."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_utils import keccak

from tidegate.client.errors import ProtocolError
from tidegate.deployment.config import DeploymentError, MarketConfig
from tidegate.deployment.deployed import Deployment
from tidegate.deployment.plan import Call, Operation, feed_call, market_calls


@dataclass(frozen=True)
class Proposal:
    """One operation and what it is for."""

    title: str
    operation: Operation
    delay: int  # seconds

    def as_json(self, chain_id: int) -> dict[str, Any]:
        """For whoever sends it: arguments, and the calldata of both transactions."""
        operation = self.operation
        targets, values, payloads, predecessor, salt = operation.batch
        return {
            "title": self.title,
            "chain_id": chain_id,
            "timelock": operation.timelock,
            "id": "0x" + operation.id.hex(),
            "delay": self.delay,
            "calls": [
                {"to": call.to, "what": call.what, "settings": dict(call.settings)}
                for call in operation.calls
            ],
            "targets": targets,
            "values": values,
            "payloads": ["0x" + payload.hex() for payload in payloads],
            "predecessor": "0x" + predecessor.hex(),
            "salt": "0x" + salt.hex(),
            "schedule_batch": "0x" + operation.schedule(self.delay).hex(),
            "execute_batch": "0x" + operation.execute().hex(),
        }

    def write(self, folder: Path, chain_id: int) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{chain_id}-{self.title.lower().replace(' ', '-')}.json"
        path.write_text(json.dumps(self.as_json(chain_id), indent=2) + "\n")
        return path


def add_market(deployment: Deployment, market: MarketConfig) -> Proposal:
    """The next operation towards a market: its feed first, then, once there is a price, the rest.

    The first call is tried as the timelock on the chain as it is now, so that nobody waits for the
    delay and is then refused.
    """
    core, oracle = deployment.core, deployment.oracle
    if core.call("risk_word", market.instrument):
        raise DeploymentError(
            f"{market.name}: instrument {market.instrument} is listed already; its underlying must "
            "be one that no market has"
        )
    addresses = {name: contract.address for name, contract in deployment.contracts.items()}
    if not oracle.call("feed_word", market.feed):
        calls = [feed_call(addresses["PriceOracle"], market)]
        return _tried(deployment, f"feed of {market.name}", calls)
    if not oracle.call("latest", market.feed)[0]:
        raise DeploymentError(
            f"feed {market.feed} of {market.name} has no price yet: let the signers publish one, "
            "then run this command again"
        )
    return _tried(deployment, f"market {market.name}", market_calls(addresses, market))


def _tried(deployment: Deployment, title: str, calls: list[Call]) -> Proposal:
    chain, timelock = deployment.chain, deployment.timelock
    # The quote of a market can be tried only once its terms are there.
    for call in calls[:1]:
        try:
            chain.call(call.to, call.data, sender=timelock.address)
        except ProtocolError as refusal:
            raise DeploymentError(f"{title}: {call.what} would be refused: {refusal}") from None
    salt = keccak(text=f"tidegate {title}")
    delay = timelock.call("get_minimum_delay")
    return Proposal(title, Operation(timelock.address, tuple(calls), salt), delay)
