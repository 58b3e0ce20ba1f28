"""The plan carried out in process before anything is sent: gas, code with immutables, bounds.

The copy of the chain has the same id, sender and nonces, so the contracts get the same addresses
and the same code, immutables included. It signs the first prices itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tidegate import artifacts
from tidegate.client.errors import ProtocolError
from tidegate.deployment.apply import Walk
from tidegate.deployment.config import TOKEN, DeploymentConfig, DeploymentError
from tidegate.deployment.deployed import hash_of
from tidegate.deployment.journal import Journal
from tidegate.deployment.plan import CREATE, Origin, Plan, Step, create_address, plan
from tidegate.local_accounts import local_address

LOCAL = 31337  # a chain id on which the faucet token exists


@dataclass(frozen=True)
class Rehearsed:
    """What a step did in the rehearsal."""

    gas: int
    code: bytes = b""  # of a contract created

    @property
    def code_hash(self) -> str:
        return hash_of(self.code)


def embedded(chain_id: int) -> Any:
    try:
        from tidegate.revm_chain import RevmChain
    except ImportError as missing:
        raise DeploymentError(str(missing)) from None
    return RevmChain(chain_id)


class _Rehearsal(Walk):
    """A walk whose creations take nonces that are given."""

    def __init__(self, *args: Any, nonces: Mapping[str, int]) -> None:
        super().__init__(*args)
        self.nonces = nonces

    def _replan(self) -> None:
        addresses = {name: create_address(self.sender, n) for name, n in self.nonces.items()}
        self.plan = plan(self.config, Origin(self.sender, 0, True, addresses))

    def _do(self, step: Step) -> None:
        if step.kind == CREATE:
            self.chain.set_nonce(self.sender, self.nonces[step.name])
        super()._do(step)


def rehearse(
    config: DeploymentConfig, chain_id: int, sender: str, nonces: Mapping[str, int]
) -> dict[str, Rehearsed]:
    """What each step does, by its id. `nonces` is of the creations, by contract."""
    chain = embedded(chain_id)
    signers = tuple(local_address(f"signer {i}") for i in range(len(config.signers)))
    config = replace(config, signers=signers)
    token = config.token
    if token.address is not None:
        scratch = embedded(LOCAL)
        faucet = scratch.deploy(artifacts.artifact(TOKEN), token.name, token.symbol, token.decimals)
        chain.set_code(token.address, scratch.code(faucet.address))
    walk = _Rehearsal(chain, config, Journal(chain, sender), sender, nonces=nonces)
    try:
        walk.run()
    except ProtocolError as refusal:
        raise DeploymentError(f"the rehearsal of the plan ends with {refusal}") from None
    found = {}
    for step in walk.plan.steps:
        entry = walk.journal.steps[step.id]
        code = chain.code(step.address) if step.kind == CREATE else b""
        found[step.id] = Rehearsed(entry.get("gas_used", 0), code)
    return found


def nonces_of(wanted: Plan, journal: Journal | None = None) -> dict[str, int]:
    """Of every creation: from the manifest where it was sent, else as planned."""
    nonces = {step.name: step.nonce for step in wanted.steps if step.nonce is not None}
    for identity, entry in journal.steps.items() if journal else ():
        if identity.startswith("create-") and "nonce" in entry:
            nonces[identity.removeprefix("create-")] = entry["nonce"]
    return nonces
