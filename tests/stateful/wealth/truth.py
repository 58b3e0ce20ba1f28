"""What the prices truly are: fixed by a seed before anybody acts, one price a second and feed.

The signers publish the price at which a slot opens, at once; in a few slots they are silent, and
then the oracle's rule holds: a silent slot is priced by the first later publication. Whether a
message reaches the chain, and when, is up to whoever posts it.
"""

import math
import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from tidegate.simulation.paths import Bar, bar_seconds, read_csv
from tidegate.spec.rounding import WAD

DATA = os.environ.get("TIDEGATE_MARKET_DATA")
RECORDED = (
    "btcusdt_spot_5m_2020-03-05_12.csv",
    "btcusdt_spot_1m_2021-05-17_20.csv",
    "ethusdt_spot_1m_2021-05-17_20.csv",
    "btcusdt_perp_5m_2025-10-05_15.csv",
    "ethusdt_perp_5m_2025-10-05_15.csv",
)
START = {1: 60_000 * WAD, 2: 3_000 * WAD}  # by feed, 1e-18
CENT = WAD // 100
LARGEST_STEP = 0.045  # of a slot, below the feeds' deviation guard
SILENT = 0.02  # share of the slots without a publication
CALM, JUMPS, TREND, CRASH, RECORD = "calm", "jumps", "trend", "crash", "recorded"
KINDS = (CALM, CRASH, JUMPS, CRASH, TREND)

Step = Callable[[int], float]  # log move into the second of this number, counted from the start


@dataclass(frozen=True, slots=True)
class Message:
    """What the signers sign for a slot."""

    price: int  # 1e-18
    published: int  # s


def _calm(rng: random.Random) -> Step:
    """A basis point a second: 56 % a year."""
    return lambda _: rng.gauss(0, 0.0001)


def _jumps(rng: random.Random) -> Step:
    return lambda _: rng.gauss(0, 0.0002) + (rng.gauss(0, 0.008) if rng.random() < 0.005 else 0)


def _trend(rng: random.Random) -> Step:
    drift = rng.choice((-1, 1)) * rng.uniform(0.00002, 0.0001)
    return lambda _: drift + rng.gauss(0, 0.0002)


def _crash(rng: random.Random) -> Step:
    """A fifth to a third down within minutes, half of it back; sometimes the mirror image."""
    sign, begin = rng.choice((-1, -1, 1)), rng.randint(80, 600)
    depth, falling, rising = rng.uniform(0.2, 0.4), rng.randint(48, 240), rng.randint(160, 640)

    def step(number: int) -> float:
        noise = rng.gauss(0, 0.0005)
        if begin <= number < begin + falling:
            return sign * depth / falling + 3 * noise
        if begin + falling <= number < begin + falling + rising:
            return -sign * depth / 2 / rising + noise
        return noise

    return step


@lru_cache(maxsize=8)
def _bars(name: str) -> tuple[Bar, ...]:
    return read_csv(Path(DATA or "") / name)


def recorded_files() -> list[str]:
    """Of RECORDED, those at hand."""
    return [name for name in RECORDED if DATA and (Path(DATA) / name).exists()]


def _recorded(rng: random.Random) -> Step:
    """A stretch of a recorded market, bars walked in straight lines: open, extremes, close."""
    bars = _bars(rng.choice(recorded_files()))
    legs = bar_seconds(bars, "bars") / 4  # seconds from one corner to the next
    corners = [price for bar in _stretch(bars, rng) for price in _corners(bar, rng)]

    def level(number: int) -> float:
        at = min(number / legs, len(corners) - 1.001)
        low = int(at)
        return corners[low] + (corners[low + 1] - corners[low]) * (at - low)

    return lambda number: math.log(level(number) / level(number - 1))


def _stretch(bars: Sequence[Bar], rng: random.Random) -> Sequence[Bar]:
    """An hour of trading, mostly a wild one: every second stretch holds the widest of 200 bars."""
    length = 12 if bar_seconds(bars, "bars") >= 300 else 60
    starts = [rng.randrange(len(bars) - length) for _ in range(200)]
    if rng.random() < 0.5:
        return bars[starts[0] : starts[0] + length]
    wide = max(starts, key=lambda at: float(bars[at].high / bars[at].low))
    first = max(0, wide - length // 2)
    return bars[first : first + length]


def _corners(bar: Bar, rng: random.Random) -> tuple[float, ...]:
    extremes = (bar.high, bar.low) if rng.random() < 0.5 else (bar.low, bar.high)
    return tuple(float(price) for price in (bar.open, *extremes, bar.close))


class Truth:
    """The true path of both feeds."""

    def __init__(self, kind: str, seed: object, start: int, slot_seconds: int) -> None:
        self.kind, self.slot_seconds = kind, slot_seconds
        self.start = start - start % slot_seconds
        rngs = {feed: random.Random(f"{seed} path {feed}") for feed in START}
        makers = {CALM: _calm, JUMPS: _jumps, TREND: _trend, CRASH: _crash, RECORD: _recorded}
        self._steps = {feed: makers[kind](rng) for feed, rng in rngs.items()}
        self._prices = {feed: [price] for feed, price in START.items()}
        self._silence = {feed: random.Random(f"{seed} silence {feed}") for feed in START}
        self._silent: dict[int, list[bool]] = {feed: [False] for feed in START}

    def at(self, feed: int, time: int) -> int:
        """1e-18. Drawn as far as asked for; what is drawn depends on nothing but the seed."""
        number, prices = max(0, time - self.start), self._prices[feed]
        while len(prices) <= number:
            opened = prices[-1 - (len(prices) - 1) % self.slot_seconds]
            price = prices[-1] * math.exp(self._steps[feed](len(prices)))
            price = min(max(price, opened * (1 - LARGEST_STEP)), opened * (1 + LARGEST_STEP))
            prices.append(max(1, round(price / CENT)) * CENT)
        return prices[number]

    def marks(self, time: int) -> dict[int, int]:
        return {feed: self.at(feed, time) for feed in START}

    def message(self, feed: int, slot: int) -> Message:
        """The only one that will ever be signed for the slot; public from `published` on."""
        number, silent = slot - self.start // self.slot_seconds, self._silent[feed]
        while len(silent) <= number:
            silent.append(self._silence[feed].random() < SILENT and not silent[-1])
        opened = (slot + (number >= 0 and silent[number])) * self.slot_seconds
        return Message(self.at(feed, opened), opened)
