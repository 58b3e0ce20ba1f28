"""Signed prices for the keepers' service, from one or several aggregators.

A thread of its own asks; `offers` answers with what is there. Several aggregators of one panel can
only have the same prices: the first that has a slot counts.
"""

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence

from tidegate.client.price_message import REMEMBERED_SLOTS
from tidegate.keepers.actions import Publish
from tidegate.prices.observation import SourceError
from tidegate.prices.panel import SignedPrice
from tidegate.prices.pushing import fetch

EVERY = 0.5  # seconds between two questions


class AggregatorOffers:
    """What aggregators at these URLs have. `say` is told when one falls silent or is back."""

    def __init__(
        self,
        urls: Sequence[str],
        slot_seconds: int,
        say: Callable[[str], None],
        every: float = EVERY,
    ) -> None:
        self.urls = tuple(url.rstrip("/") for url in urls)
        self.slot_seconds = slot_seconds
        self._say = say
        self._every = every
        self._held: dict[tuple[int, int], Publish] = {}
        self._silent: set[str] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="offers", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    def offers(self, wanted: Mapping[int, Collection[int]]) -> Sequence[Publish]:
        """Of the slots wanted, by feed, and the newest of each feed."""
        with self._lock:
            held = dict(self._held)
        newest: dict[int, int] = {}
        for feed, slot in held:
            newest[feed] = max(newest.get(feed, 0), slot)
        return [
            offer
            for (feed, slot), offer in sorted(held.items())
            if slot == newest[feed] or slot in wanted.get(feed, ())
        ]

    def ask(self, now: float) -> None:
        """Ask every aggregator once. The first time for all that can still be stored."""
        oldest = max(int(now) // self.slot_seconds - REMEMBERED_SLOTS, 0)
        for number, url in enumerate(self.urls):
            try:
                found = fetch(url, oldest)
            except SourceError as error:
                if url not in self._silent:
                    self._silent.add(url)
                    self._say(f"aggregator {number} gives no prices: {error}")
                continue
            if url in self._silent:
                self._silent.discard(url)
                self._say(f"aggregator {number} is back")
            self._take(found, oldest)

    def _take(self, found: Sequence[SignedPrice], oldest: int) -> None:
        with self._lock:
            for price in found:
                offer = Publish(*price.arguments)
                self._held.setdefault((offer.feed, offer.slot), offer)
            self._held = {key: offer for key, offer in self._held.items() if key[1] >= oldest}

    def _run(self) -> None:
        while not self._stop.is_set():
            self.ask(time.time())
            self._stop.wait(self._every)
