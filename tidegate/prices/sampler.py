"""Asks a signer's sources again and again, and keeps the medians: its own prices of slots."""

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from tidegate.client.price_message import MAX_AGE
from tidegate.prices.clock import Clock, ClockStepped
from tidegate.prices.median import NoPrice, Rules, agree
from tidegate.prices.observation import Observation, Reason, Source, SourceError
from tidegate.prices.signer import Sample


@dataclass(frozen=True)
class FeedSources:
    """Where one feed's price comes from, and how far others' may lie from it (ppm)."""

    feed: int
    sources: tuple[Source, ...]
    rules: Rules
    tolerance: int


@dataclass(frozen=True, slots=True)
class Look:
    """What one pass over a feed's sources gave: a sample, or why there is none."""

    sample: Sample | None
    problem: str
    faults: Mapping[str, str]  # by source


class Sampler:
    """One pass at a time; a source that is still busy with the last question is not asked again.

    `seconds`: how long a pass waits for its sources; who is slower is left out of it.
    """

    def __init__(self, feeds: Sequence[FeedSources], clock: Clock, seconds: float = 1.5) -> None:
        self.feeds = {each.feed: each for each in feeds}
        self.clock = clock
        self.seconds = seconds
        self.looks: dict[int, Look] = {}
        self._samples: dict[int, deque[Sample]] = {each.feed: deque() for each in feeds}
        self._busy: dict[tuple[int, str], Future[Observation]] = {}
        self._steps = clock.steps
        self._lock = threading.Lock()
        sources = sum(len(each.sources) for each in feeds)
        self._pool = ThreadPoolExecutor(max(1, sources), thread_name_prefix="source")

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def own(self, feed: int, opened: int) -> Sample | None:
        """The first sample that was begun at or after a slot's start, if that was in time."""
        with self._lock:
            for sample in self._samples[feed]:
                if sample.began >= opened:
                    return sample if sample.published <= opened + MAX_AGE else None
        return None

    def look(self) -> None:
        """One pass over all sources."""
        try:
            began = int(self.clock.now())
            found = self._ask(began)
            published = int(self.clock.now())
        except ClockStepped as error:
            for feed in self.feeds:
                self.looks[feed] = Look(None, str(error), {})
            return
        finally:
            self._forget_after_a_step()
        for feed, (observations, faults) in found.items():
            self.looks[feed] = self._judge(feed, observations, faults, began, published)

    def _forget_after_a_step(self) -> None:
        """What was seen by another time is of no slot."""
        if self.clock.steps != self._steps:
            self._steps = self.clock.steps
            with self._lock:
                for samples in self._samples.values():
                    samples.clear()

    def _ask(self, now: int) -> dict[int, tuple[list[Observation], dict[str, str]]]:
        asked: dict[Future[Observation], tuple[int, str]] = {}
        found: dict[int, tuple[list[Observation], dict[str, str]]] = {}
        for each in self.feeds.values():
            faults: dict[str, str] = {}
            found[each.feed] = ([], faults)
            for source in each.sources:
                key = (each.feed, source.name)
                if key in self._busy and not self._busy[key].done():
                    faults[source.name] = f"{Reason.TIMEOUT}: still busy"
                    continue
                self._busy[key] = self._pool.submit(source.observe, now)
                asked[self._busy[key]] = key
        done, late = wait(asked, timeout=self.seconds)
        for future in done:
            feed, name = asked[future]
            try:
                found[feed][0].append(future.result())
            except SourceError as error:
                found[feed][1][name] = str(error)
        for future in late:
            feed, name = asked[future]
            found[feed][1][name] = f"{Reason.TIMEOUT}: {self.seconds:g} s"
        return found

    def _judge(
        self,
        feed: int,
        observations: list[Observation],
        faults: dict[str, str],
        began: int,
        published: int,
    ) -> Look:
        try:
            agreed = agree(observations, self.feeds[feed].rules, published)
        except NoPrice as error:
            return Look(None, str(error), faults | {name: str(why) for name, why in error.left_out})
        faults |= {name: str(why) for name, why in agreed.left_out}
        sample = Sample(feed, agreed.price, began, published, agreed.sources)
        with self._lock:
            samples = self._samples[feed]
            samples.append(sample)
            while samples[0].began < began - 2 * MAX_AGE:
                samples.popleft()
        return Look(sample, "", faults)
