"""What a keeper shows of itself: metrics, health, alarms. On loopback only, and by webhook.

`alarms` is pure: facts in, alarms out. Each alarm has a page in docs/runbooks/ of its name. A
webhook hears of each alarm when it begins and when it ends; it is told in a thread of its own, so
that a slow receiver never holds a keeper up.
"""

import json
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import SplitResult, urlsplit

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

LOOPBACK = {"127.0.0.1", "::1", "localhost"}
WEBHOOK_TIMEOUT = 5.0
WAITING_ALERTS = 100  # what is not told by then is dropped, the oldest first
# Alarms under which /healthz says 503: the keeper is not doing its work.
FAILING = {"head-drift", "chain-reset", "stuck-transaction", "nothing-executed"}


@dataclass(frozen=True, slots=True)
class Limits:
    """When to raise an alarm. Seconds; the balance in coins."""

    low_balance: Decimal = Decimal("0.05")
    head_age: float = 60.0  # of the newest block
    due: float = 300.0  # that an item has been due
    reset: float = 900.0  # for which a reset is shown


@dataclass(frozen=True, slots=True)
class Facts:
    """One moment of a keeper. Ages in seconds."""

    balance: Decimal | None = None  # coins; None: not asked
    dead: int = 0
    nodes: int = 0
    nodes_asked: int = 0
    head_age: float = 0.0
    since_reset: float | None = None
    stuck: int = 0
    stale_feeds: tuple[int, ...] = ()
    oldest_due: float = 0.0
    lease_lost: bool = False


def alarms(facts: Facts, limits: Limits) -> dict[str, str]:
    """By name, with what an operator reads first."""
    found: dict[str, str] = {}
    if facts.balance is not None and facts.balance < limits.low_balance:
        found["low-balance"] = f"{facts.balance:f} coins left, below {limits.low_balance:f}"
    if facts.dead:
        found["dead-letter"] = f"{facts.dead} items were given up"
    if facts.nodes_asked < facts.nodes or facts.head_age > limits.head_age:
        found["head-drift"] = (
            f"{facts.nodes_asked} of {facts.nodes} nodes can be asked, "
            f"the newest block is {facts.head_age:.0f} s old"
        )
    if facts.since_reset is not None and facts.since_reset < limits.reset:
        found["chain-reset"] = f"the chain was reset {facts.since_reset:.0f} s ago"
    if facts.stuck:
        found["stuck-transaction"] = f"{facts.stuck} transactions wait at the fee cap"
    if facts.stale_feeds:
        feeds = ", ".join(map(str, facts.stale_feeds))
        found["price-feed-stale"] = f"no fresh price of feed {feeds}"
    if facts.oldest_due > limits.due:
        found["nothing-executed"] = f"something has been due for {facts.oldest_due:.0f} s"
    if facts.lease_lost:
        found["lease-lost"] = "no database of leases: the work is split by hash"
    return found


def failing(found: Mapping[str, str], facts: Facts, limits: Limits) -> bool:
    """Whether the keeper cannot do its work. One bad node of several is no reason."""
    bad = FAILING & found.keys()
    if "head-drift" in bad and facts.nodes_asked and facts.head_age <= limits.head_age:
        bad = bad - {"head-drift"}
    return bool(bad)


class Metrics:
    """Everything Prometheus may ask for; docs/keepers.md lists it."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        name = "tidegate_keeper_"

        def gauge(what: str, help_: str, labels: tuple[str, ...] = ()) -> Gauge:
            return Gauge(name + what, help_, labels, registry=self.registry)

        def counter(what: str, help_: str, labels: tuple[str, ...] = ()) -> Counter:
            return Counter(name + what, help_, labels, registry=self.registry)

        self.head = gauge("head_block", "Newest block of the node that is asked")
        self.read = gauge("read_block", "Newest block whose events are known")
        self.head_age = gauge("head_age_seconds", "Since a new block was last seen")
        self.node_behind = gauge("node_behind_blocks", "Behind the best head", ("node",))
        self.node_asked = gauge("node_asked", "1 if the node is asked", ("node",))
        self.node_failures = gauge("node_failures", "Requests that no node answered")
        self.transactions = counter("transactions", "Ended, by outcome", ("label", "outcome"))
        self.in_flight = gauge("in_flight", "Transactions under way")
        self.stuck = gauge("stuck", "Transactions under way at the fee cap")
        self.replaced = gauge("fees_raised", "Transactions offered again at higher fees")
        self.cancelled = gauge("cancelled", "Transactions replaced by nothing")
        self.dead = gauge("dead_items", "Items given up and not yet forgiven")
        self.oldest_due = gauge("oldest_due_seconds", "How long the oldest due item has been due")
        self.accounts = gauge("accounts", "Accounts known from events")
        self.watched = gauge("accounts_watched", "Accounts with positions or without cash")
        self.scanned = gauge("accounts_scanned", "Readings of accounts so far")
        self.backlog = gauge("accounts_backlog", "Accounts due to be read")
        self.orders = gauge("open_orders", "Orders resting or waiting")
        self.balance = gauge("balance_coins", "Of the sending address")
        self.price_age = gauge(
            "price_age_seconds", "Since the newest priced slot opened", ("feed",)
        )
        self.undone = gauge("reorganisations", "Times that blocks were undone")
        self.resets = counter("chain_resets", "Times that the chain was another")
        self.alarm = gauge("alarm", "1 while an alarm stands", ("alarm",))
        self.tick = Histogram(
            name + "tick_seconds",
            "Duration of one turn",
            buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15),
            registry=self.registry,
        )


@dataclass
class Watch:
    """Holds the last facts and serves them."""

    limits: Limits = Limits()
    webhook: "Webhook | None" = None
    identity: Mapping[str, Any] = field(default_factory=dict)  # chain, address, roles
    say: Callable[..., None] = lambda event, **facts: None
    metrics: Metrics = field(default_factory=Metrics)
    standing: dict[str, str] = field(default_factory=dict)
    facts: Facts = Facts()
    details: Mapping[str, Any] = field(default_factory=dict)  # dead items, nodes

    def judge(self, facts: Facts, details: Mapping[str, Any]) -> None:
        """Take new facts; tell what begins and what ends."""
        found = alarms(facts, self.limits)
        for name in sorted(found.keys() - self.standing.keys()):
            self._tell(name, found[name], "begins")
        for name in sorted(self.standing.keys() - found.keys()):
            self._tell(name, self.standing[name], "ends")
        for name in found.keys() | self.standing.keys():
            self.metrics.alarm.labels(name).set(name in found)
        self.standing, self.facts, self.details = found, facts, details

    def health(self) -> tuple[bool, dict[str, Any]]:
        """Whether it does its work, and what /healthz shows."""
        fine = not failing(self.standing, self.facts, self.limits)
        return fine, {
            "ok": fine,
            **self.identity,
            "alarms": self.standing,
            "facts": asdict(self.facts),
            **self.details,
        }

    def _tell(self, name: str, text: str, turn: str) -> None:
        self.say(f"alarm {turn}", alarm=name, text=text, runbook=f"docs/runbooks/{name}.md")
        if self.webhook is not None:
            self.webhook.tell({"alarm": name, "turn": turn, "text": text, **self.identity})


class BadAddress(ValueError):
    """A URL or an address to listen at that is not allowed."""


class Webhook:
    """Posts JSON to a URL that is https or of this machine. Loses alerts rather than waiting."""

    def __init__(self, url: str, say: Callable[..., None] = lambda event, **facts: None) -> None:
        self._parts = self.check(url)
        self._say = say
        self._queue: queue.Queue[dict[str, Any]] = queue.Queue(WAITING_ALERTS)
        threading.Thread(target=self._run, name="webhook", daemon=True).start()

    @staticmethod
    def check(url: str) -> SplitResult:
        """The URL's parts; BadAddress if it may not be told."""
        parts = urlsplit(url)
        here = parts.scheme == "http" and parts.hostname in LOOPBACK
        if not parts.hostname or not (parts.scheme == "https" or here):
            raise BadAddress("a webhook is https, or http on this machine")
        return parts

    def tell(self, alert: dict[str, Any]) -> None:
        while True:
            try:
                self._queue.put_nowait(alert)
                return
            except queue.Full:
                self._queue.get_nowait()

    def flush(self, seconds: float) -> None:
        """Wait until everything was told, at most so long."""
        until = time.monotonic() + seconds
        while self._queue.unfinished_tasks and time.monotonic() < until:
            time.sleep(0.02)

    def _run(self) -> None:
        while True:
            alert = self._queue.get()
            try:
                self._post(alert)
            except (OSError, HTTPException) as error:
                # its text may hold the URL, and that a secret
                self._say("webhook failed", why=type(error).__name__, alarm=alert.get("alarm"))
            finally:
                self._queue.task_done()

    def _post(self, alert: dict[str, Any]) -> None:
        parts = self._parts
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=WEBHOOK_TIMEOUT)
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            body = json.dumps(alert, default=str)
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            status = connection.getresponse().status
            if status >= 300:
                self._say("webhook failed", why=f"HTTP status {status}", alarm=alert.get("alarm"))
        finally:
            connection.close()


def serve(watch: Watch, port: int, host: str = "127.0.0.1") -> ThreadingHTTPServer:
    """/metrics and /healthz in a thread of their own, on loopback only."""
    if host not in LOOPBACK:
        raise BadAddress(f"metrics are served on loopback only, not on {host}")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(200, CONTENT_TYPE_LATEST, generate_latest(watch.metrics.registry))
            elif self.path == "/healthz":
                fine, content = watch.health()
                body = json.dumps(content, default=str, indent=1).encode()
                self._answer(200 if fine else 503, "application/json", body)
            else:
                self._answer(404, "text/plain", b"/metrics or /healthz\n")

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Who scrapes is no news."""

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server
