"""What an operator does with a deployment, as text: for `tidegate deploy` and `ape run deploy`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tidegate.chain import Chain
from tidegate.deployment.apply import MAX_FEE, apply, origin_of, refuse
from tidegate.deployment.check import differences
from tidegate.deployment.config import DeploymentConfig, DeploymentError, load_market
from tidegate.deployment.deployed import Deployment, hash_of
from tidegate.deployment.journal import Journal, load_manifest
from tidegate.deployment.operations import add_market
from tidegate.deployment.plan import CREATE, Origin, Plan, Step, plan
from tidegate.deployment.rehearsal import Rehearsed, nonces_of, rehearse
from tidegate.deployment.verify import verify, write_inputs


def _console() -> Console:
    """As wide as the terminal; a file or a pipe has no width, and nothing may be cut there."""
    console = Console()
    return console if console.is_terminal else Console(width=160)


@dataclass
class Desk:
    """One network, its configuration and its manifest."""

    chain: Chain | None  # None: offline
    chain_id: int
    config: DeploymentConfig
    sender: str
    folder: Path
    local: bool
    confirmations: int = 1
    max_fee: int = MAX_FEE  # wei per gas
    console: Console = field(default_factory=_console)

    @property
    def path(self) -> Path:
        return self.folder / f"{self.chain_id}.json"

    # Reading

    def plan(self) -> None:
        """Print steps and parameters; nothing is written or sent."""
        refuse(self.config, self.local, self.sender)
        journal = None
        if self.chain is None:
            origin = Origin(self.sender, 0, self.local)
        else:
            journal = Journal(self.chain, self.sender, self.folder)
            origin = origin_of(self.chain, journal, self.sender)
        wanted = plan(self.config, origin)
        nonces = nonces_of(wanted, journal)
        rehearsed = rehearse(self.config, self.chain_id, self.sender, nonces)
        self._print_plan(wanted, rehearsed, journal)
        if self.chain is not None:
            coins = self.chain.balance(self.sender) / 10**18
            self.say(f"The sender {self.sender} has {coins:.4f} coins for gas.")

    def _print_plan(
        self, wanted: Plan, rehearsed: dict[str, Rehearsed], journal: Journal | None
    ) -> None:
        table = Table(title=f"Plan for chain {self.chain_id}")
        for name in ("step", "nonce", "address", "code hash", "state"):
            table.add_column(name)
        table.add_column("gas", justify="right")
        total = 0
        for step in wanted.steps:
            there = rehearsed[step.id]
            done = journal is not None and journal.confirmed(step)
            total += 0 if done else there.gas
            table.add_row(
                step.id,
                "" if step.nonce is None else str(step.nonce),
                step.address,
                there.code_hash[:18] if step.kind == CREATE else "",
                "done" if done else "",
                f"{there.gas:,}" if there.gas else "",
            )
        self._show(table)
        parameters = Table(title="Parameters")
        for name in ("step", "parameter", "value"):
            parameters.add_column(name, overflow="fold")
        for step in wanted.steps:
            for index, (key, value) in enumerate(step.settings):
                parameters.add_row("" if index else step.id, key, value)
        self._show(parameters)
        self.say(f"Gas left to spend, as rehearsed in process: {total:,}. Nothing was sent.")

    def status(self) -> bool:
        """Which steps are done and what differs; whether all is as configured."""
        chain = self._chain()
        if not self.path.exists():
            self.say(f"Nothing is deployed: {self.path} does not exist. Run apply.")
            return False
        manifest = self._manifest()
        journal = Journal(chain, manifest["deployer"], self.folder)
        wanted = plan(self.config, origin_of(chain, journal, manifest["deployer"]))
        table = Table(title=f"Chain {self.chain_id}, block {chain.block()}")
        for name in ("step", "state", "block", "transaction or address"):
            table.add_column(name)
        for step in wanted.steps:
            table.add_row(*self._state(journal, step))
        self._show(table)
        if not journal.complete:
            self.say("Not finished: apply goes on where it ended.")
            return False
        found = self._other_code(manifest)
        if not found:
            deployment = Deployment.load(chain, self.folder)
            found = differences(deployment, self.config, manifest["deployer"])
        for text in found:
            self.say(f"DIFFERS  {text}")
        self.say("Not as configured." if found else "Everything is as configured.")
        return not found

    def _state(self, journal: Journal, step: Step) -> tuple[str, str, str, str]:
        entry = journal.steps.get(step.id, {})
        where = journal.created.get(step.name) or (entry.get("tx") or [""])[-1]
        return step.id, entry.get("state", "to do"), str(entry.get("block", "")), where

    def _other_code(self, manifest: dict[str, Any]) -> list[str]:
        return [
            f"{name} at {entry['address']}: the code is not the one that was deployed"
            for name, entry in manifest["contracts"].items()
            if hash_of(self._chain().code(entry["address"])) != entry["code_hash"]
        ]

    def verify(self, out: Path) -> bool:
        """Compare with the sources; write what explorers ask for."""
        manifest = self._manifest()
        findings = verify(manifest, self.chain)
        against = "the manifest" if self.chain is None else "the chain"
        table = Table(title=f"Sources against {against}")
        for name in ("contract", "address", "", "bytes or difference"):
            table.add_column(name, overflow="fold")
        for finding in findings:
            mark = "same" if finding.same else "DIFFERS"
            table.add_row(finding.name, finding.address, mark, finding.text)
        self._show(table)
        folder = out / str(self.chain_id)
        written = write_inputs(manifest, folder)
        self.say(f"{len(written)} standard JSON inputs with constructor arguments: {folder}")
        return all(finding.same for finding in findings)

    # Writing

    def apply(self) -> Deployment:
        """Send what is left of the plan."""
        if not self.local and not self._chain().balance(self.sender):
            raise DeploymentError(f"{self.sender} has no coins for gas: fund it, then apply again")
        deployment = apply(
            self._chain(),
            self.config,
            self.folder,
            self.sender,
            self.say,
            self.confirmations,
            self.max_fee,
        )
        self.say(f"manifest: {self.path}")
        return deployment

    def add_market(self, file: Path) -> Path:
        """Write the timelock's operation that brings a market nearer."""
        market = load_market(file)
        deployment = Deployment.load(self._chain(), self.folder)
        proposal = add_market(deployment, market)
        table = Table(title=f"Operation: {proposal.title}")
        for name in ("call", "parameter", "value"):
            table.add_column(name, overflow="fold")
        for call in proposal.operation.calls:
            for index, (key, value) in enumerate(call.settings):
                table.add_row("" if index else call.what, key, value)
        self._show(table)
        path = proposal.write(self.folder / "operations", self.chain_id)
        self.say(
            f"{path}: a governor sends schedule_batch to the timelock {deployment.timelock.address}"
            f"; after {proposal.delay:,} s anyone sends execute_batch."
        )
        if proposal.title.startswith("feed"):
            self.say("Then, once the signers have published a price, run this command again.")
        else:
            self.say(f"Then add the name {file.stem} to `markets` of the network's file.")
        return path

    # Within

    def _chain(self) -> Chain:
        if self.chain is None:
            raise DeploymentError("this needs the chain: leave out --offline")
        return self.chain

    def _manifest(self) -> dict[str, Any]:
        if not self.path.exists():
            raise DeploymentError(f"no manifest {self.path}: run apply first")
        return load_manifest(self.path)

    def say(self, text: str) -> None:
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _show(self, table: Table) -> None:
        self.console.print(table)
