"""Recorded prices as a source: for tests, demonstrations, and a local chain."""

from bisect import bisect_right
from pathlib import Path

from tidegate.prices.observation import Observation, Reason, SourceError, scaled
from tidegate.simulation.paths import Bar, bar_seconds, read_csv


class Recorded:
    """Bars played at their own times, or from `begins` on (seconds since 1970).

    Inside a bar the price goes open, then toward low or high and back, to close, in four equal
    parts of the bar: the order that the close confirms (a falling bar meets its high first).
    """

    def __init__(
        self, feed: int, bars: tuple[Bar, ...], begins: int | None = None, name: str = "recorded"
    ) -> None:
        self.feed = feed
        self.name = name
        self.bars = bars
        self.seconds = bar_seconds(bars, name)
        self._shift = 0 if begins is None else begins - bars[0].time
        self._times = [bar.time for bar in bars]

    @classmethod
    def read(cls, feed: int, path: Path, begins: int | None = None) -> "Recorded":
        """SourceError's cousin PathError says what is wrong with the file."""
        return cls(feed, read_csv(path), begins, path.name)

    def observe(self, now: int) -> Observation:
        then = now - self._shift
        at = bisect_right(self._times, then) - 1
        if at < 0 or then >= self._times[at] + self.seconds:
            raise SourceError(Reason.OVER if at >= 0 else Reason.FUTURE, self.name)
        bar = self.bars[at]
        turns = (bar.high, bar.low) if bar.close < bar.open else (bar.low, bar.high)
        part = (then - bar.time) * 4 // self.seconds
        price = (bar.open, *turns, bar.close)[part]
        return Observation(self.feed, self.name, scaled(price), now)
