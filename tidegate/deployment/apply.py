"""Walks a plan: sends what is not done, waits, and keeps the manifest one write ahead.

A step's transaction is signed, its hash and nonce are written down, then it is sent. Whoever comes
back after a crash asks for that hash first. Where no block has it and its nonce is still free, the
same nonce is used again, so that at most one of the two can ever be mined. One that waits too long
is replaced in the same way, at higher and higher fees up to a cap.
"""

import math
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from tidegate import artifacts
from tidegate.chain import Call, Chain, NodeError, Receipt, Sealed
from tidegate.client.errors import ProtocolError
from tidegate.deployment.check import check
from tidegate.deployment.config import (
    CONTRACTS,
    TOKEN,
    DeploymentConfig,
    DeploymentError,
    known_addresses,
    problems,
)
from tidegate.deployment.deployed import Deployment, LocalSigners, hash_of
from tidegate.deployment.journal import SENT, Journal
from tidegate.deployment.plan import CREATE, PRICE, WAIT, Origin, Plan, Step, plan
from tidegate.fees import GWEI, Fees, offer

PRICE_TIMEOUT = 600.0  # seconds to wait for the signers' first prices
MINED_TIMEOUT = 300.0  # seconds for a transaction to be mined
REPLACED_AFTER = 45.0  # seconds without a block before a transaction is offered at a higher fee
MAX_FEE = 200 * GWEI  # per gas, the most that is offered unless the operator says otherwise
INDEXED_AFTER = 15.0  # seconds in which a node finds a transaction of a block that it has
Say = Callable[[str], None]


def quiet(text: str) -> None:
    """For who wants no progress."""


def deploy(
    chain: Chain,
    config: DeploymentConfig | None = None,
    sender: str | None = None,
    say: Say = quiet,
) -> Deployment:
    """Deploy and configure everything, and check it on the chain. The manifest stays in memory."""
    return apply(chain, config or DeploymentConfig(), sender=sender, say=say)


def apply(
    chain: Chain,
    config: DeploymentConfig,
    folder: Path | None = None,
    sender: str | None = None,
    say: Say = quiet,
    confirmations: int = 1,
    max_fee: int = MAX_FEE,
) -> Deployment:
    """Do what is left of the plan, resuming where the manifest in `folder` ends.

    `max_fee`: the most to offer for gas, wei per gas.
    """
    sender = sender or chain.sender
    refuse(config, chain.local, sender)
    artifacts.artifacts([*CONTRACTS, TOKEN])
    journal = Journal(chain, sender, folder)
    walk = Walk(chain, config, journal, sender, say, confirmations, max_fee)
    return walk.run()


def refuse(config: DeploymentConfig, local: bool, sender: str) -> None:
    """DeploymentError before anything is sent, naming all that must be put right."""
    found = problems(config, local)
    if not local and sender.lower() in known_addresses():
        found.append(f"the key of the deployer {sender} is known to all: not on a real network")
    if found:
        raise DeploymentError("; ".join(found))


def origin_of(chain: Chain, journal: Journal, sender: str) -> Origin:
    """Where the rest of a deployment starts."""
    # A node that lags behind the last transaction must not make us use its nonce again.
    nonce = max(chain.count(sender), journal.last_nonce() + 1)
    if under_way := [entry for entry in journal.steps.values() if entry["state"] == SENT]:
        nonce = under_way[0]["nonce"]
    return Origin(sender, nonce, chain.local, journal.created)


class Walk:
    """One run of a plan on a chain."""

    def __init__(
        self,
        chain: Chain,
        config: DeploymentConfig,
        journal: Journal,
        sender: str,
        say: Say = quiet,
        confirmations: int = 1,
        max_fee: int = MAX_FEE,
    ) -> None:
        self.chain = chain
        self.config = config
        self.journal = journal
        self.sender = sender
        self.say = say
        self.confirmations = confirmations
        self.max_fee = max_fee
        self.sent = 0  # transactions of this run
        self.plan: Plan

    def run(self) -> Deployment:
        journal = self.journal
        if journal.complete:
            deployment = self._deployment()
            self._same_code()
            check(deployment, self.config, self.sender)
            self.say("nothing to do: everything is deployed and as configured")
            return deployment
        token = self.config.token.address
        if token is not None:
            journal.attach("Token", TOKEN, token)
        self._replan()
        journal.describe(self.config, complete=False)
        while step := next((s for s in self.plan.steps if not journal.confirmed(s)), None):
            self._do(step)
        self._same_code()
        deployment = self._deployment()
        check(deployment, self.config, self.sender)
        journal.describe(self.config, complete=True)
        deployment.manifest = journal.content
        return deployment

    def _replan(self) -> None:
        self.plan = plan(self.config, origin_of(self.chain, self.journal, self.sender))
        self._unchanged()

    def _unchanged(self) -> None:
        """What was sent must be what the plan says today."""
        for step in self.plan.steps:
            entry = self.journal.steps.get(step.id)
            if entry and entry["content"] != step.content:
                raise DeploymentError(
                    f"{step.id} was sent with other parameters than the configuration has now: "
                    f"put them back, or move {self.journal.path} away to deploy anew"
                )

    # Steps

    def _do(self, step: Step) -> None:
        if step.kind == WAIT:
            self._first_prices(step)
            self.journal.confirm(step, None)
            return
        if self._resumed(step):
            return
        if step.nonce is not None and step.nonce != self._nonce(step):
            self._replan()  # another transaction of the sender came between: later addresses move
            return
        call = self._call(step)
        self._send(step, self.chain.seal(call, self._nonce(step), self._first_offer(step)))
        try:
            receipt = self._wait(step, call)
        except ProtocolError:
            self.journal.forget(step)
            raise
        self._confirm(step, receipt)

    def _nonce(self, step: Step) -> int:
        entry = self.journal.steps.get(step.id)
        if entry and entry["state"] == SENT:
            return int(entry["nonce"])
        return origin_of(self.chain, self.journal, self.sender).nonce

    def _resumed(self, step: Step) -> bool:
        """Settle what an earlier run left; False if the transaction is to be sent (again)."""
        entry = self.journal.steps.get(step.id)
        if entry is None:
            return False
        self.say(f"{step.id}: under way since an earlier run, looking for {entry['tx'][-1]}")
        used = self.chain.count(self.sender) > entry["nonce"]
        waits = any(self.chain.knows(tx_hash) for tx_hash in entry["tx"])
        if used and not waits and not self.chain.local:
            time.sleep(INDEXED_AFTER)
            waits = any(self.chain.knows(tx_hash) for tx_hash in entry["tx"])
        if not waits and not used:
            return False  # the node never had it, or lost it: its nonce is used again
        if waits:
            try:
                self._confirm(step, self._wait(step))
            except ProtocolError:
                self.journal.forget(step)
                raise
            return True
        if self._effect(step):
            self._confirm(step, None)
            return True
        # The nonce went to another transaction, so this one can never be mined.
        self.journal.forget(step)
        self._replan()
        return True

    def _effect(self, step: Step) -> bool:
        """Whether the chain already is as the step would make it."""
        if step.kind == CREATE:
            return bool(self.chain.code(step.address))
        if step.kind == PRICE:
            return bool(self._oracle(step).call("latest", step.feed)[0])
        timelock = self.chain.contract(artifacts.artifact("Timelock"), step.to)
        asked = "is_operation" if step.id.startswith("schedule") else "is_operation_done"
        return bool(timelock.call(asked, step.operation))

    def _call(self, step: Step) -> Call:
        if step.kind != PRICE:
            what = f"constructor of {step.source}" if step.kind == CREATE else step.id
            # What was sent before keeps its gas: it may be mined by now, and not be estimated.
            offered = self.journal.steps.get(step.id, {}).get("offer", {})
            return Call(step.to, step.data, self.sender, gas=offered.get("gas"), what=what)
        oracle = self._oracle(step)
        signers = LocalSigners(oracle, self.config.threshold, len(self.config.signers))
        arguments = signers.arguments(step.feed, step.price, self.chain.time())
        return oracle.prepare("push", *arguments, sender=self.sender)

    def _oracle(self, step: Step):
        return self.chain.contract(artifacts.artifact("PriceOracle"), step.to)

    # Fees

    def _send(self, step: Step, sealed: Sealed) -> None:
        """NodeError unless the node has it now, or will take it once gas is cheaper."""
        self.journal.sent(step, sealed)
        try:
            self.chain.publish(sealed)
        except NodeError:
            if sealed.fees is None or self.chain.gas_price()[0] <= sealed.fees.most:
                raise
            self.say(f"{step.id}: the node does not take it at {_gwei(sealed.fees.most)}")
        self.sent += 1

    def _first_offer(self, step: Step) -> Fees | None:
        """Waits while gas costs more than is allowed; None where gas has no market."""
        if self.chain.local:
            return None
        deadline = time.monotonic() + MINED_TIMEOUT
        while True:
            base, fees = self._offer(step)
            if fees:
                return fees
            dear = f"{step.id}: gas costs {_gwei(base)}, the limit {_gwei(self.max_fee)} is too low"
            if time.monotonic() > deadline:
                raise DeploymentError(f"{dear}: apply again later, or with a higher --max-fee")
            self.say(f"{dear}: waiting")
            time.sleep(REPLACED_AFTER)

    def _offer(self, step: Step) -> tuple[int, Fees | None]:
        """The base fee now; and what to offer for the step, None if the limit is below that.

        More than its last transaction offers; where the limit leaves no room, the same again: a
        node that lost it takes it, another has it already.
        """
        base, tip = self.chain.gas_price()
        before = _offered(self.journal.steps.get(step.id, {}))
        fees = offer(base, tip, self.max_fee, before)
        if fees is None and before and base <= before.most:
            fees = before
        return base, fees

    def _replace(self, step: Step) -> None:
        """Offer more for the step's transaction, if that is allowed and the node takes it."""
        entry = self.journal.steps[step.id]
        base, fees = self._offer(step)
        if fees is None:
            limit = _gwei(self.max_fee)
            self.say(f"{step.id}: gas costs {_gwei(base)}, the limit {limit} is too low: waiting")
            return
        sealed = self.chain.seal(self._call(step), entry["nonce"], fees)
        self.say(f"{step.id}: not mined yet, {_gwei(fees.most)} offered now")
        try:
            self._send(step, sealed)
        except NodeError as error:
            # Mined in this moment, or coins are missing: what was sent before may still be mined.
            self.say(f"{step.id}: the node keeps the transaction it has ({error})")

    def _wait(self, step: Step, call: Call | None = None) -> Receipt:
        hashes = self.journal.steps[step.id]["tx"]
        deadline = time.monotonic() + MINED_TIMEOUT
        # One of an earlier run has waited long enough.
        offered = time.monotonic() if call else -math.inf
        nonce = self.journal.steps[step.id]["nonce"]
        pause = 0.001 if self.chain.local else 1.0
        while True:
            for tx_hash in hashes:
                receipt = self.chain.outcome(tx_hash, call)
                if receipt and self.chain.block() >= receipt.block + self.confirmations - 1:
                    return receipt
            if time.monotonic() > deadline:
                raise DeploymentError(
                    f"{step.id}: {hashes[-1]} is not mined after {MINED_TIMEOUT:.0f} s: "
                    "apply again to go on waiting, nothing is sent twice"
                )
            waited = not self.chain.local and time.monotonic() > offered + REPLACED_AFTER
            if waited and self.chain.count(self.sender) <= nonce:
                self._replace(step)
                offered = time.monotonic()
            time.sleep(pause)
            pause = min(pause * 1.5, 1.0)

    def _confirm(self, step: Step, receipt: Receipt | None) -> None:
        if step.kind == CREATE:
            artifact = artifacts.artifact(step.source)
            code = self.chain.code(step.address)
            if not same_program(code, artifact):
                raise DeploymentError(
                    f"{step.name} at {step.address} has other code than planned: "
                    f"move {self.journal.path} away and deploy from a fresh account"
                )
            self.chain.contract(artifact, step.address)
            self.say(f"{step.name:15} {step.address} {len(code):6} bytes")
        elif step.kind != WAIT:
            self.say(f"{step.id:15} {receipt.gas_used if receipt else 0:,} gas")
        self.journal.confirm(step, receipt)

    def _first_prices(self, step: Step) -> None:
        """An instrument is listed at a price in force: signed here, or awaited."""
        chain, oracle = self.chain, self._oracle(step)
        feeds = {market.feed for market in self.config.markets}
        if chain.local:
            # A price counts from the next second on.
            chain.advance(1)
        elif not all(oracle.call("latest", feed)[0] for feed in feeds):
            self.say("waiting for the signers' first prices: start the price pusher")
        deadline = time.monotonic() + (0 if chain.local else PRICE_TIMEOUT)
        while missing := [feed for feed in sorted(feeds) if not oracle.call("latest", feed)[0]]:
            if time.monotonic() > deadline:
                raise DeploymentError(
                    f"no price of the feeds {missing}: start the price pusher and apply again, "
                    "which goes on from here"
                )
            time.sleep(2)

    # The end

    def _same_code(self) -> None:
        """Every contract of the manifest is on the chain with the code it had."""
        for name, entry in self.journal.content["contracts"].items():
            if hash_of(self.chain.code(entry["address"])) != entry["code_hash"]:
                raise DeploymentError(
                    f"{name} at {entry['address']} has other code than the manifest says: "
                    f"the chain was reset or the file is of another one; move "
                    f"{self.journal.path} away and apply again"
                )

    def _deployment(self) -> Deployment:
        chain, journal = self.chain, self.journal
        contracts = {
            name: chain.contract(artifacts.artifact(entry["source"]), entry["address"])
            for name, entry in journal.content["contracts"].items()
        }
        markets = {market.name: market.instrument for market in self.config.markets}
        return Deployment(chain, contracts, markets, journal.content)


def _offered(entry: dict[str, Any]) -> Fees | None:
    """What the last transaction of a step offers, as far as the manifest says."""
    found = entry.get("offer")
    return Fees(found["most"], found["tip"]) if found else None


def _gwei(price: int) -> str:
    return f"{Decimal(price) / GWEI:.6g} gwei"


def same_program(code: bytes, artifact: artifacts.Artifact) -> bool:
    """Whether deployed code is the artifact's, whatever its immutables are."""
    return len(code) == artifact.runtime_size and code.startswith(artifact.runtime)
