"""Which slots to carry now, and the service that does: its results are what the pusher pushes."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from concurrent.futures import TimeoutError as FuturesTimeout
from dataclasses import dataclass, field
from typing import Any

import structlog

from tidegate.client.price_message import REMEMBERED_SLOTS
from tidegate.prices import web
from tidegate.prices.carrier import Answer, Attempt, Carrier
from tidegate.prices.clock import Clock
from tidegate.prices.observation import SourceError
from tidegate.prices.panel import Malformed, Panel, SignedPrice, natural
from tidegate.prices.server import Answer as HttpAnswer
from tidegate.prices.server import Server

log = structlog.get_logger("tidegate.prices.aggregator")
AT_ONCE = 3  # slots of one feed in a pass: the newest first
PAUSE = 0.2  # seconds between two passes
GOOD = (200, 409)
SKEW_EVERY = 15.0  # seconds between two looks at the signers' clocks


@dataclass(frozen=True, slots=True)
class Turn:
    """One attempt to make."""

    feed: int
    slot: int
    view: int


@dataclass
class Progress:
    """What is done and what was tried: (feed, slot) -> result, and the last view tried."""

    done: dict[tuple[int, int], SignedPrice] = field(default_factory=dict)
    tried: dict[tuple[int, int], int] = field(default_factory=dict)

    def forget(self, oldest: int) -> None:
        self.done = {key: price for key, price in self.done.items() if key[1] >= oldest}
        self.tried = {key: view for key, view in self.tried.items() if key[1] >= oldest}


def due(
    panel: Panel, feeds: Iterable[int], now: float, back: int, progress: Progress
) -> list[Turn]:
    """The attempts to make now: the newest slots first, each view once.

    `back`: slots behind the newest that are still worth a price. The first views follow each other,
    one for each signer; after that every n + 1 views, which is another leader each time.
    """
    turns: list[Turn] = []
    newest = panel.slot_at(now)
    patience = len(panel.signers)
    for feed in feeds:
        mine: list[Turn] = []
        for slot in range(newest, max(newest - back, 0), -1):
            view = panel.view_at(slot, now)
            if view < 0 or (feed, slot) in progress.done:
                continue
            last = progress.tried.get((feed, slot))
            step = 1 if last is None or last < patience else patience + 1
            if last is None or view >= last + step:
                mine.append(Turn(feed, slot, view))
        turns += mine[:AT_ONCE]
    return turns


class HttpTransport:
    """Signers by URL. `seconds` bounds each question, answers come as they are ready."""

    def __init__(self, urls: Mapping[str, str], seconds: float) -> None:
        self.urls = dict(urls)
        self.seconds = seconds
        self._pool = ThreadPoolExecutor(16 * max(1, len(urls)), thread_name_prefix="signer")

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def __call__(self, path: str, bodies: Mapping[str, Any]) -> Iterator[Answer]:
        futures = {}
        for signer, body in bodies.items():
            if signer in self.urls:
                futures[self._pool.submit(self._one, signer, path, body)] = signer
            else:
                yield Answer(signer, fault="no URL")
        waiting = set(futures.values())
        try:
            for future in as_completed(futures, timeout=2 * self.seconds):
                waiting.discard(futures[future])
                yield future.result()
        except FuturesTimeout:
            for signer in waiting:
                yield Answer(signer, fault="timeout")

    def _one(self, signer: str, path: str, body: Any) -> Answer:
        try:
            status, found = web.ask(self.urls[signer] + path, self.seconds, body)
        except SourceError as error:
            return Answer(signer, fault=str(error))
        if status not in GOOD:
            return Answer(signer, fault=f"HTTP {status}")
        return Answer(signer, found)

    def status(self, signer: str) -> Any:
        """What a signer says of itself; SourceError if it says nothing."""
        return web.get(self.urls[signer] + "/v1/status", self.seconds)


class Aggregator:
    """Carries every slot of every feed. Its results are served, and handed to `on_price`."""

    def __init__(
        self,
        panel: Panel,
        carrier: Carrier,
        feeds: tuple[int, ...],
        clock: Clock,
        back: int,
        on_price: Callable[[SignedPrice], None] = lambda price: None,
    ) -> None:
        self.panel = panel
        self.carrier = carrier
        self.feeds = feeds
        self.clock = clock
        self.back = min(back, REMEMBERED_SLOTS - 1)
        self.progress = Progress()
        self.faults: dict[tuple[str, str], int] = {}
        self.recent: deque[str] = deque(maxlen=50)
        self._on_price = on_price
        self._running: dict[Future[Attempt], Turn] = {}
        # room for as many slow attempts as quick ones
        self._pool = ThreadPoolExecutor(2 * AT_ONCE * len(feeds), thread_name_prefix="carry")

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def step(self, wait_seconds: float = PAUSE) -> list[SignedPrice]:
        """Begin the attempts that are due; the prices of those that ended in the time given.

        Nothing waits for a slow attempt: the newest slot begins whatever became of older ones.
        """
        now = self.clock.look()
        busy = {(turn.feed, turn.slot) for turn in self._running.values()}
        for turn in due(self.panel, self.feeds, now, self.back, self.progress):
            if (turn.feed, turn.slot) not in busy:
                self.progress.tried[turn.feed, turn.slot] = turn.view
                attempt = self._pool.submit(self.carrier.attempt, turn.feed, turn.slot, turn.view)
                self._running[attempt] = turn
        ended, _ = wait(self._running, wait_seconds, return_when=FIRST_COMPLETED)
        for attempt in ended:
            del self._running[attempt]
        made = [self._take(attempt.result()) for attempt in ended]
        self.progress.forget(self.panel.slot_at(now) - REMEMBERED_SLOTS)
        return [price for price in made if price is not None]

    def _take(self, attempt: Attempt) -> SignedPrice | None:
        for signer, what in attempt.faults:
            key = signer, what.partition(":")[0]
            self.faults[key] = self.faults.get(key, 0) + 1
            self.recent.append(f"feed {attempt.feed} slot {attempt.slot} {signer} {what}")
        where = {"feed": attempt.feed, "slot": attempt.slot, "view": attempt.view}
        if attempt.price is None:
            # a slot that every leader has tried, or that is older than the service, is no news
            tell = log.warning if attempt.view < len(self.panel.signers) else log.debug
            tell("no quorum", **where, faults=[" ".join(each) for each in attempt.faults])
            return None
        self.progress.done[attempt.feed, attempt.slot] = attempt.price
        log.info("price", **where, price=str(attempt.price.message.price))
        self._on_price(attempt.price)
        return attempt.price

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            began = time.monotonic()
            self.step()
            stop.wait(PAUSE - (time.monotonic() - began))

    def prices(self, since: int = 0) -> list[SignedPrice]:
        """What is done, from a slot on, oldest first."""
        done = list(self.progress.done.items())
        return [price for (_, slot), price in sorted(done, key=_by_slot) if slot >= since]


def _by_slot(item: tuple[tuple[int, int], SignedPrice]) -> tuple[int, int]:
    (feed, slot), _ = item
    return slot, feed


class AggregatorService:
    """An aggregator behind HTTP: GET /v1/prices?since=SLOT is what the pusher asks."""

    def __init__(self, aggregator: Aggregator, where: tuple[str, int], stale: float = 30.0) -> None:
        self.aggregator = aggregator
        self.stale = stale
        self.skews: dict[str, float] = {}
        gets = {"/v1/prices": self._prices, "/healthz": self._health, "/metrics": self._metrics}
        self.server = Server(where, gets, {})

    def close(self) -> None:
        self.server.close()
        self.aggregator.close()

    def watch_clocks(self, transport: HttpTransport) -> None:
        """How far each signer's clock is from ours, in seconds, the way there and back included."""
        for signer in transport.urls:
            try:
                said = transport.status(signer)
                theirs = float(said["time"])
            except (SourceError, KeyError, TypeError, ValueError) as error:
                self.skews.pop(signer, None)
                log.warning("signer silent", signer=signer, why=str(error))
                continue
            skew = theirs - self.aggregator.clock.look()
            self.skews[signer] = skew
            if abs(skew) > self.aggregator.panel.skew:
                log.warning("signer's clock is off", signer=signer, seconds=round(skew, 1))

    def _prices(self, query: Mapping[str, str]) -> HttpAnswer:
        try:
            since = natural(query.get("since", "0"), "since", 2**32 - 1)
        except Malformed as error:
            return 400, {"error": str(error)}
        return 200, [price.to_json() for price in self.aggregator.prices(since)]

    def _ages(self) -> dict[int, float]:
        """Seconds since the start of the newest slot with a price, by feed; inf without one."""
        now = self.aggregator.clock.look()
        ages = dict.fromkeys(self.aggregator.feeds, float("inf"))
        for feed, slot in list(self.aggregator.progress.done):
            ages[feed] = min(ages[feed], now - self.aggregator.panel.opens(slot))
        return ages

    def _health(self, _: Mapping[str, str]) -> HttpAnswer:
        late = [
            f"feed {feed}: {age:.0f} s" for feed, age in self._ages().items() if age > self.stale
        ]
        return (503 if late else 200), {"ok": not late, "problems": late}

    def _metrics(self, _: Mapping[str, str]) -> HttpAnswer:
        lines = [
            f'tidegate_price_age_seconds{{feed="{feed}"}} {age:.1f}'
            for feed, age in self._ages().items()
        ]
        lines += [
            f'tidegate_signer_faults_total{{signer="{signer}",what="{_label(what)}"}} {count}'
            for (signer, what), count in sorted(self.aggregator.faults.items())
        ]
        lines += [
            f'tidegate_signer_skew_seconds{{signer="{signer}"}} {skew:.1f}'
            for signer, skew in sorted(self.skews.items())
        ]
        return 200, "\n".join(lines) + "\n"


def _label(text: str) -> str:
    return "".join(each if each.isalnum() or each in " _-" else " " for each in text)[:60]
