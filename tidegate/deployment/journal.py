"""The manifest, deployments/<chain id>.json: what was sent and what came of it.

It is written before each wait, so a process may end at any moment: the next one reads here which
transactions are under way. Of a step it keeps the state ("sent" or "confirmed"), the nonce, the
hash of every transaction tried with it and what the last one offers for gas, and then the block.
Nothing secret is in it.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Any

from tidegate.chain import Chain, Receipt, Sealed
from tidegate.client.errors import ProtocolError
from tidegate.deployment.config import DeploymentConfig, DeploymentError
from tidegate.deployment.deployed import hash_of
from tidegate.deployment.plan import CREATE, Step

SENT, CONFIRMED = "sent", "confirmed"


class Journal:
    """One manifest; without a folder it is kept in memory."""

    def __init__(self, chain: Chain, sender: str, folder: Path | None = None) -> None:
        self.chain = chain
        self.path = folder / f"{chain.chain_id}.json" if folder else None
        if self.path and self.path.exists():
            self.content: dict[str, Any] = load_manifest(self.path)
            self._same_chain()
            self._same_sender(sender)
            return
        self.content = {
            "chain_id": chain.chain_id,
            "chain": chain.name,
            "genesis": chain.genesis,
            "block": chain.block(),
            "deployer": sender,
            "complete": False,
            "contracts": {},
            "markets": {},
            "config": {},
            "steps": {},
        }

    # What it says

    @property
    def complete(self) -> bool:
        return bool(self.content["complete"])

    @property
    def steps(self) -> dict[str, dict[str, Any]]:
        return self.content["steps"]

    @property
    def created(self) -> dict[str, str]:
        """Addresses of the contracts that are there, by name."""
        return {name: entry["address"] for name, entry in self.content["contracts"].items()}

    def confirmed(self, step: Step) -> bool:
        return self.steps.get(step.id, {}).get("state") == CONFIRMED

    def last_nonce(self) -> int:
        """The highest that was used; -1 before the first."""
        return max(
            (entry["nonce"] for entry in self.steps.values() if "nonce" in entry), default=-1
        )

    # What happens

    def sent(self, step: Step, sealed: Sealed) -> None:
        """Before the transaction goes out."""
        entry = self.steps.setdefault(step.id, {"state": SENT, "tx": []})
        entry.update(state=SENT, nonce=sealed.nonce, content=step.content)
        if sealed.fees:
            entry["offer"] = {"gas": sealed.gas, **asdict(sealed.fees)}
        if sealed.tx_hash not in entry["tx"]:
            entry["tx"].append(sealed.tx_hash)
        if step.kind == CREATE:
            entry["creates"] = {
                "name": step.name,
                "address": step.address,
                "source": step.source,
                "args": plain(step.args),
            }
        self.write()

    def confirm(self, step: Step, receipt: Receipt | None) -> None:
        """The step's effect is on the chain; no receipt if somebody else caused it."""
        entry = self.steps.setdefault(step.id, {"content": step.content, "tx": []})
        entry["state"] = CONFIRMED
        entry.pop("offer", None)
        if receipt is not None:
            entry["block"] = receipt.block
            entry["block_hash"] = self.chain.block_hash(receipt.block)
            entry["gas_used"] = receipt.gas_used
            if receipt.tx_hash:
                entry["tx"] = [receipt.tx_hash]
        if step.kind == CREATE:
            self._created(entry)
        self.write()

    def forget(self, step: Step) -> None:
        """A transaction that reverted, or whose nonce another one took."""
        self.steps.pop(step.id, None)
        self.write()

    def attach(self, name: str, source: str, address: str) -> None:
        """A contract that was there before."""
        self.content["contracts"][name] = {
            "address": address,
            "source": source,
            "args": [],
            "code_hash": hash_of(self.chain.code(address)),
        }

    def describe(self, config: DeploymentConfig, complete: bool) -> None:
        self.content["markets"] = {market.name: market.instrument for market in config.markets}
        self.content["config"] = plain(asdict(config))
        self.content["complete"] = complete
        if complete:
            self.content["block"] = self.chain.block()
        self.write()

    def write(self) -> None:
        """All or nothing, and on the disk before anything is sent."""
        if self.path is None:
            return
        partial = self.path.with_suffix(f".{os.getpid()}.partial")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("w") as file:
                file.write(json.dumps(self.content, indent=2) + "\n")
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self.path)
        except OSError as error:
            raise DeploymentError(
                f"{self.path} cannot be written ({error}): mend that, then apply again"
            ) from None

    # Within

    def _created(self, entry: dict[str, Any]) -> None:
        made = entry.pop("creates")
        name = made.pop("name")
        code = self.chain.code(made["address"])
        self.content["contracts"][name] = {**made, "code_hash": hash_of(code)}

    def _same_sender(self, sender: str) -> None:
        deployer = self.content["deployer"]
        if deployer.lower() != sender.lower():
            raise DeploymentError(
                f"{self.path} was begun by {deployer}, not by {sender}: use that account, "
                "or move the file away to deploy another exchange"
            )

    def _same_chain(self) -> None:
        if self.content["genesis"] != self.chain.genesis:
            raise self._reset("its first block is another")
        for identity, entry in self.steps.items():
            number = entry.get("block")
            if number is None or self.chain.block_hash(number) == entry["block_hash"]:
                continue
            # A reorganisation may have put the same transaction into another block.
            found = None
            for tx_hash in entry["tx"]:
                try:
                    found = found or self.chain.outcome(tx_hash)
                except ProtocolError:
                    continue
            if found is None:
                raise self._reset(f"block {number} with the step {identity} is gone")
            entry.update(block=found.block, block_hash=self.chain.block_hash(found.block))
            self.write()

    def _reset(self, why: str) -> DeploymentError:
        return DeploymentError(
            f"{self.path} is of another chain with the id {self.chain.chain_id}: {why}. "
            "A local chain that was restarted: move the file away and apply again. "
            "A public one: the node is behind or on a fork; wait, or use another --rpc"
        )


def load_manifest(path: Path) -> dict[str, Any]:
    """DeploymentError if it is broken."""
    try:
        content = json.loads(path.read_text())
        if "steps" not in content:
            raise ValueError("no steps in it")
        return content
    except (OSError, ValueError) as error:
        raise DeploymentError(
            f"{path} cannot be read ({error}): restore it from git or a copy, or move it away"
        ) from None


def plain(value: Any) -> Any:
    """For JSON: integers beyond 2**53 and Decimals as strings."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Decimal) or (isinstance(value, int) and abs(value) >= 2**53):
        return str(value)
    return value
