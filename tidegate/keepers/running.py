"""Opens the service from settings and runs it until it is told to stop.

What `run` promises: it comes back by itself from every trouble that can pass (no node, a node's
nonsense, a reorganisation, a chain that was reset and deployed anew); it ends on SIGTERM or SIGINT
after its transactions have ended, at the latest after `Settings.drain` seconds, and its exit code
says what is left.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from enum import IntEnum
from typing import Any

from eth_account.signers.local import LocalAccount

from tidegate.chain import Known
from tidegate.client.calls import Outcome
from tidegate.client.errors import ProtocolError
from tidegate.client.units import text
from tidegate.client.venue import COLLATERAL, Venue
from tidegate.deployment import Deployment, DeploymentError
from tidegate.deployment.config import load_network
from tidegate.keepers.budget import Budget
from tidegate.keepers.cursor import Cursor, Reset, Unsteady
from tidegate.keepers.endpoints import Endpoints, NoEndpoint
from tidegate.keepers.history import History
from tidegate.keepers.lane import Lane
from tidegate.keepers.lease import LeaseSplit, Split, open_split
from tidegate.keepers.registry import choose
from tidegate.keepers.sender import BLAMELESS, DRY_RUN, IN_FLIGHT, Sender
from tidegate.keepers.service import NoOffers, Offers, Service, Tick
from tidegate.keepers.settings import Settings
from tidegate.keepers.store import Store
from tidegate.keepers.watch import Facts, Watch
from tidegate.spec import words
from tidegate.web3_chain import RpcError, Web3Chain

RECONNECT = 5.0  # seconds between two attempts to open the service
JUDGE_EVERY = 1.0  # seconds between two looks at the alarms
BALANCE_EVERY = 30.0
FLUSH = 2.0  # seconds for the last alerts to be told
SAY_EVERY = 30.0  # seconds between two lines about the same label and trouble
ROUNDS = 20  # of one pass, each of which may make the next ones due


class Exit(IntEnum):
    """What `tidegate keepers run` ends with; 2 is click's, for wrong options."""

    DONE = 0
    LEFT = 1  # something due was refused, or was given up
    CONFIG = 2
    NO_NODE = 3
    WRONG_CHAIN = 4  # other chain or deployment than the manifest's
    UNDER_WAY = 5  # transactions were still under way at the end


@dataclass
class Runner:
    """Runs one keeper. `account` None: a dry run for `address`."""

    settings: Settings
    address: str
    account: LocalAccount | None
    watch: Watch
    say: Callable[..., None]
    lease_url: str | None = None
    offers: Offers = field(default_factory=NoOffers)
    stop: threading.Event = field(default_factory=threading.Event)
    once: bool = False
    reset_at: float | None = field(default=None, init=False)
    _balance: Decimal | None = field(default=None, init=False)
    _balance_at: float = field(default=float("-inf"), init=False)
    _judged_at: float = field(default=float("-inf"), init=False)
    _said_at: dict[tuple[str, str], float] = field(default_factory=dict, init=False)
    _trouble: Exception | None = field(default=None, init=False)  # of the last turn

    @property
    def dry(self) -> bool:
        return self.account is None

    def run(self) -> Exit:
        """See the module."""
        refused = ""
        while not self.stop.is_set():
            try:
                service = self.open()
            except (NoEndpoint, Unsteady, RpcError) as trouble:
                self.say("no node", why=str(trouble))
                if self.once:
                    return Exit.NO_NODE
            except DeploymentError as trouble:
                if str(trouble) != refused:  # one answer may be a lie: ask again
                    refused = str(trouble)
                    continue
                self.say("no deployment", why=str(trouble))
                if self.once or self.reset_at is None:
                    return Exit.WRONG_CHAIN
            else:
                try:
                    return self._loop(service)
                except Reset as reset:
                    self.forget(service, reset)
                    continue
            self._judge_closed()
            self.stop.wait(RECONNECT)
        return Exit.DONE

    def forget(self, service: Service, reset: Reset) -> None:
        """The chain is another: nothing that was kept counts."""
        self.reset_at = time.monotonic()
        self.watch.metrics.resets.inc()
        self.say("chain reset", why=str(reset), then="everything is read anew")
        service.store.clear()
        service.store.close()

    # Opening

    def open(self) -> Service:
        """Connect, check that chain and deployment are the manifest's, take up what was left."""
        settings = self.settings
        network = load_network(settings.network)
        urls = settings.rpc or (network.rpc,)
        rpc = Endpoints(
            urls,
            network.chain_id,
            settings.guard,
            block_seconds=settings.block_seconds,
            say=self.say,
        )
        rpc.head()
        chain = Web3Chain(rpc, network.name, {self.address: _never}, still=False)
        deployment = Deployment.load(chain, settings.manifests)
        venue = Venue.of(deployment)
        known = Known()
        for contract in (venue.core, venue.oracle, venue.vault, venue.exchange, venue.liquidator):
            known.add(contract.address, contract.abi)
        identity = f"{chain.chain_id} {chain.genesis} {venue.core.address} {self.address}"
        path = settings.state / f"{chain.chain_id}-{self.address.lower()}.sqlite"
        store = Store(":memory:" if self.dry else path, identity)
        if store.renewed:
            self.say("chain reset", why="the state file is of another chain or deployment")
            self.reset_at = time.monotonic()
            self.watch.metrics.resets.inc()
        lane = Lane(chain, rpc, self.account, store, settings.terms, say=self.say)
        sender = Sender(
            lane,
            settings.retries,
            self._seen,
            Budget(pause=float(settings.retry_pause), forgive_after=settings.forgive_after),
            dry_run=self.dry,
            coin_price=int(settings.coin_price * 10**18),
            buried=lambda dead: self.say("given up", item=dead.item, why=dead.reason),
        )
        service = Service(
            venue,
            rpc,
            Cursor(rpc, known, first_block(deployment.manifest), chain.genesis),
            History(words.deficits(venue.core.address, COLLATERAL)),
            lane,
            sender,
            store,
            choose(settings.roles),
            self._split(),
            self.offers,
            settings.duties(self.address),
            say=self.say,
            losses=settings.losses,
        )
        self.say(
            "open",
            chain=chain.chain_id,
            address=self.address,
            core=venue.core.address,
            roles=[role.name for role in service.roles],
            from_block=service.cursor.at + 1,
        )
        return service

    def _split(self) -> Split:
        keeper, _, keepers = self.settings.share.partition("/")
        return open_split(
            self.lease_url, self.address, int(keeper), int(keepers), lambda line: self.say(line)
        )

    # Running

    def turn(self, service: Service) -> Tick | None:
        """One tick, and the alarms; None if trouble that can pass ended it. Raises Reset."""
        began = time.monotonic()
        tick: Tick | None = None
        self._trouble = None
        try:
            tick = service.tick()
            if began - self._balance_at > BALANCE_EVERY:
                self._balance = Decimal(text(service.lane.balance()))
                self._balance_at = began
        except (NoEndpoint, Unsteady, RpcError, ProtocolError) as trouble:
            # a view that the contracts refuse is a node between two states
            self.say("tick failed", why=f"{type(trouble).__name__}: {trouble}")
            self._trouble = trouble
        now = time.monotonic()
        self.watch.metrics.tick.observe(now - began)
        if now - self._judged_at >= JUDGE_EVERY:
            self._judged_at = now
            self._judge(service)
        return tick

    def _loop(self, service: Service) -> Exit:
        result = Exit.DONE
        rounds = 0
        while not self.stop.is_set():
            began = time.monotonic()
            tick = self.turn(service)
            if self.once and isinstance(self._trouble, NoEndpoint):
                service.close()
                return Exit.NO_NODE
            if self.once and tick is not None and tick.caught_up:
                rounds += 1
                if self._refused(tick):
                    result = Exit.LEFT
                if rounds >= ROUNDS or (not service.lane.waiting and not self._more(tick)):
                    break
            pause = float(self.settings.poll)
            if tick is not None and not tick.caught_up:
                pause = 0.0
            self.stop.wait(max(0.0, pause - (time.monotonic() - began)))
        return self.end(service, result)

    def _more(self, tick: Tick) -> bool:
        """Whether another round of one pass may find something to do."""
        return any(outcome.done for outcome in tick.outcomes)

    def _refused(self, tick: Tick) -> bool:
        return any(
            outcome.error is not None and outcome.error.name not in (DRY_RUN, IN_FLIGHT)
            for outcome in tick.outcomes
        )

    def end(self, service: Service, result: Exit = Exit.DONE) -> Exit:
        """Wait for what is under way, write down what is settled; what to end with."""
        waiting = service.lane.waiting
        if waiting:
            self.say("draining", under_way=waiting, seconds=float(self.settings.drain))
            try:
                waiting = service.sender.drain(float(self.settings.drain))
            except (NoEndpoint, RpcError) as trouble:
                self.say("drain failed", why=str(trouble))
                waiting = service.lane.waiting
        if service.sender.budget.dead:
            result = max(result, Exit.LEFT)
        if waiting:
            self.say("left under way", nonces=sorted(service.lane.flights))
            result = Exit.UNDER_WAY
        self._judge(service)
        service.close()
        if self.watch.webhook is not None:
            self.watch.webhook.flush(FLUSH)
        self.say("closed", code=int(result))
        return result

    # Telling

    def _seen(self, outcome: Outcome) -> None:
        transaction = outcome.transaction
        name = "done" if outcome.error is None else outcome.error.name
        if name == IN_FLIGHT:
            return
        self.watch.metrics.transactions.labels(transaction.label, name).inc()
        if name in BLAMELESS and name != DRY_RUN:
            # dear gas would fill the log with one line for every item at every block
            now, said = time.monotonic(), (transaction.label, name)
            if now - self._said_at.get(said, float("-inf")) < SAY_EVERY:
                return
            self._said_at[said] = now
        facts: dict[str, Any] = {"call": transaction.call.what, "label": transaction.label}
        if outcome.receipt is not None:
            self.say(
                "landed",
                block=outcome.receipt.block,
                gas=outcome.receipt.gas_used,
                tx=outcome.receipt.tx_hash,
                **facts,
            )
        elif name == DRY_RUN:
            self.say("would send", about=repr(transaction.about), **facts)
        else:
            self.say("not done", why=str(outcome.error), **facts)

    def _judge(self, service: Service) -> None:
        watch, metrics = self.watch, self.watch.metrics
        now = time.monotonic()
        nodes = service.rpc.report()
        journal, dead = service.history.live, service.sender.budget.dead
        ages = service.price_ages()
        facts = Facts(
            balance=self._balance,
            dead=len(dead),
            nodes=len(nodes),
            nodes_asked=sum(node["asked"] for node in nodes),
            head_age=service.rpc.head_age(),
            since_reset=None if self.reset_at is None else now - self.reset_at,
            stuck=len(service.lane.stuck()),
            stale_feeds=service.stale,
            oldest_due=service.oldest_due(),
            lease_lost=isinstance(service.split, LeaseSplit) and not service.split.by_lease,
        )
        details = {
            "head": service.rpc.best.number if service.rpc.best else None,
            "read": service.cursor.at,
            "under_way": sorted(service.lane.flights),
            "nodes": nodes,
            "dead": [
                {"item": one.item, "why": one.reason, "seconds": int(now - one.since)}
                for one in list(dead.values())[-100:]
            ],
        }
        metrics.head.set(details["head"] or 0)
        metrics.read.set(service.cursor.at)
        metrics.head_age.set(facts.head_age)
        for node in nodes:
            metrics.node_behind.labels(node["node"]).set(node["behind"] or 0)
            metrics.node_asked.labels(node["node"]).set(node["asked"])
        metrics.node_failures.set(service.rpc.failed)
        metrics.in_flight.set(service.lane.waiting)
        metrics.stuck.set(facts.stuck)
        metrics.replaced.set(service.lane.replaced)
        metrics.cancelled.set(service.lane.cancelled)
        metrics.dead.set(facts.dead)
        metrics.oldest_due.set(facts.oldest_due)
        metrics.accounts.set(len(journal.accounts))
        metrics.watched.set(len(service.scanner.readings))
        metrics.scanned.set(service.scanner.scanned)
        metrics.backlog.set(service.scanner.backlog)
        metrics.orders.set(len(journal.orders))
        metrics.undone.set(service.undone)
        if facts.balance is not None:
            metrics.balance.set(float(facts.balance))
        for feed, age in ages.items():
            metrics.price_age.labels(str(feed)).set(age)
        watch.judge(facts, details)

    def _judge_closed(self) -> None:
        since = None if self.reset_at is None else time.monotonic() - self.reset_at
        self.watch.judge(Facts(nodes=max(1, len(self.settings.rpc)), since_reset=since), {})


def first_block(manifest: dict[str, Any]) -> int:
    """The first block that may hold an event of the deployment."""
    blocks = [step["block"] for step in manifest.get("steps", {}).values() if "block" in step]
    return min(blocks, default=0)


def _never(transaction: dict[str, Any]) -> bytes:
    raise RuntimeError("only the lane signs")
