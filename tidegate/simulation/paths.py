"""Price paths as OHLC bars: read from CSV files under strict rules, or generated from a seed.

Prices are Decimals in units of the collateral; times are seconds since 1970 (UTC). Inside the
generator log prices are floats: they are a model, not money, and become Decimals of whole ticks
before anybody sees them.
"""

import csv
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path

import numpy as np

BTC = "BTC-PERP"
ETH = "ETH-PERP"
COLUMNS = ("timestamp", "open", "high", "low", "close")
DAY = 86400
YEAR = 365 * DAY
MAX_PRICE = Decimal(10) ** 9  # a feed's price must fit 90 bits with 18 decimals
TICK = Decimal(1).scaleb(-18)


class PathError(ValueError):
    """A price path that cannot be used; the text says where and why."""


class NotReadable(PathError):
    """The file is missing or is not text."""


class MissingColumn(PathError):
    """The header lacks a column."""


class BadTimestamp(PathError):
    """A time is not ISO 8601 with a zone, or not after the one before."""


class BadPrice(PathError):
    """A price is not a positive finite number."""


class BadBar(PathError):
    """Open and close do not lie between low and high."""


class IrregularBars(PathError):
    """Two bars do not lie a whole number of bar lengths apart."""


class TooFewBars(PathError):
    """Nothing is left to replay."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One interval of a market: `time` is when it opens."""

    time: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal

    @property
    def prices(self) -> tuple[Decimal, Decimal, Decimal, Decimal]:
        return self.open, self.high, self.low, self.close


@dataclass(frozen=True, slots=True)
class Replay:
    """What the demo replays: bars of several markets at the same times."""

    seconds: int  # length of a bar
    bars: dict[str, tuple[Bar, ...]]
    gaps: frozenset[int] = frozenset()  # bars whose open is one jump, without steps before it
    source: str = "generated"

    @property
    def markets(self) -> tuple[str, ...]:
        return tuple(self.bars)

    @property
    def times(self) -> list[int]:
        return [bar.time for bar in next(iter(self.bars.values()))]

    def __len__(self) -> int:
        return len(next(iter(self.bars.values())))


# Reading


def _time(text: str, where: str) -> int:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise BadTimestamp(f"{where}: {text!r} is not an ISO 8601 time") from None
    if moment.tzinfo is None:
        raise BadTimestamp(f"{where}: {text!r} names no time zone")
    seconds = moment.timestamp()
    if seconds != int(seconds):
        raise BadTimestamp(f"{where}: {text!r} is not a whole second")
    return int(seconds)


def _price(text: str, where: str) -> Decimal:
    try:
        price = Decimal(text.strip())
    except InvalidOperation:
        raise BadPrice(f"{where}: {text!r} is not a number") from None
    # Decimal takes 1_000 and digits of other scripts: no exchange writes them
    if "_" in text or not text.isascii():
        raise BadPrice(f"{where}: {text!r} is not a number")
    if not price.is_finite() or not 0 < price <= MAX_PRICE:
        raise BadPrice(f"{where}: {text!r} is not a price between 0 and {MAX_PRICE:f}")
    if price % TICK:
        raise BadPrice(f"{where}: {text!r} has more than 18 decimals")
    return price


def parse_time(text: str) -> int:
    """An ISO 8601 time of a person, UTC where it names no zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadTimestamp(f"{text!r} is not an ISO 8601 time") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def bar_seconds(bars: Sequence[Bar], where: str) -> int:
    """The bar length: the smallest distance, of which every other must be a multiple."""
    if len(bars) < 2:
        raise TooFewBars(f"{where}: {len(bars)} bar(s); at least 2 are needed")
    distances = [after.time - before.time for before, after in pairwise(bars)]
    shortest = min(distances)
    for bar, distance in zip(bars, distances, strict=False):
        if distance % shortest:
            raise IrregularBars(
                f"{where}: {distance} s after {iso(bar.time)} is no multiple of {shortest} s"
            )
    return shortest


def iso(time: int) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_csv(path: Path | str) -> tuple[Bar, ...]:
    """Every bar of a file `timestamp,open,high,low,close[,...]`, times strictly ascending."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NotReadable(f"{path}: {error}") from None
    try:
        rows = iter(list(csv.reader(text.splitlines())))
    except csv.Error as error:
        raise NotReadable(f"{path}: {error}") from None
    header = [name.strip().lower() for name in next(rows, [])]
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise MissingColumn(f"{path}: no column {', '.join(missing)}")
    at = [header.index(name) for name in COLUMNS]
    bars: list[Bar] = []
    for number, row in enumerate(rows, start=2):
        if not row:
            continue
        where = f"{path}:{number}"
        if len(row) != len(header):
            raise MissingColumn(f"{where}: {len(row)} fields, the header has {len(header)}")
        time = _time(row[at[0]], where)
        bar = Bar(time, *(_price(row[place], where) for place in at[1:]))
        if not bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high:
            raise BadBar(f"{where}: open and close must lie between low and high")
        if bars and time <= bars[-1].time:
            raise BadTimestamp(f"{where}: {iso(time)} is not after {iso(bars[-1].time)}")
        bars.append(bar)
    bar_seconds(bars, str(path))
    return tuple(bars)


def read_markets(files: dict[str, Path], start: int | None, end: int | None) -> Replay:
    """The bars that all files have, from start to before end."""
    markets = {name: read_csv(path) for name, path in files.items()}
    lengths = {name: bar_seconds(bars, name) for name, bars in markets.items()}
    if len(set(lengths.values())) != 1:
        raise IrregularBars(f"bars of different length: {lengths}")
    common = set.intersection(*({bar.time for bar in bars} for bars in markets.values()))
    kept = {
        time for time in common if (start is None or time >= start) and (end is None or time < end)
    }
    if len(kept) < 2:
        raise TooFewBars(f"{len(kept)} bar(s) common to {', '.join(markets)} in the time chosen")
    return Replay(
        next(iter(lengths.values())),
        {name: tuple(bar for bar in bars if bar.time in kept) for name, bars in markets.items()},
        source=", ".join(path.name for path in files.values()),
    )


# Generating


@dataclass(frozen=True, slots=True)
class Diffusion:
    """A correlated jump diffusion of one market. Shares are of the price, rates per year or day."""

    start: Decimal
    tick: Decimal
    volatility: float  # per square root of a year
    loading: float  # correlation with the common factor
    jump: float  # standard deviation of a jump's log size
    crash: float  # log size of the crash
    rebound: float  # share of the crash that comes back


MARKETS = {
    BTC: Diffusion(Decimal(64000), Decimal("0.1"), 0.60, 0.9, 0.010, -0.24, 0.45),
    ETH: Diffusion(Decimal(3200), Decimal("0.01"), 0.80, 0.9, 0.014, -0.33, 0.40),
}
JUMPS_PER_DAY = 3.0
SUBSTEPS = 12  # moves inside a bar: they make its extremes
CRASH_AT = 0.55  # share of the path before the crash
CRASH_SHARE = 0.035  # share of the path in which it falls
REBOUND_SHARE = 0.10


def _drift(bars: int, market: Diffusion) -> np.ndarray:
    """The crash and its rebound as log moves per substep."""
    drift = np.zeros(bars * SUBSTEPS)
    begin = int(bars * CRASH_AT) * SUBSTEPS
    falling = max(1, round(bars * CRASH_SHARE)) * SUBSTEPS
    rising = max(1, round(bars * REBOUND_SHARE)) * SUBSTEPS
    # the fall accelerates, the rebound tires
    fall = np.arange(1, falling + 1, dtype=float) ** 2
    rise = np.arange(rising, 0, -1, dtype=float)
    drift[begin : begin + falling] += market.crash * fall / fall.sum()
    tail = drift[begin + falling : begin + falling + rising]
    tail += (-market.crash * market.rebound * rise / rise.sum())[: len(tail)]
    return drift


def generate(seed: int, bars: int = 320, seconds: int = 300, start: int = 1_767_225_600) -> Replay:
    """A seeded jump diffusion of BTC-PERP and ETH-PERP with one crash of both."""
    random_ = np.random.default_rng(seed)
    steps = bars * SUBSTEPS
    dt = seconds / SUBSTEPS
    common = random_.standard_normal(steps)
    jumps = random_.random(steps) < JUMPS_PER_DAY * dt / DAY
    made: dict[str, tuple[Bar, ...]] = {}
    for name, market in MARKETS.items():
        own = random_.standard_normal(steps)
        noise = market.loading * common + np.sqrt(1 - market.loading**2) * own
        moves = market.volatility * np.sqrt(dt / YEAR) * noise
        moves += jumps * market.jump * random_.standard_normal(steps)
        logs = np.concatenate(([0.0], np.cumsum(moves + _drift(bars, market))))
        ticks = float(market.start / market.tick)
        levels = [round(ticks * float(level)) * market.tick for level in np.exp(logs)]
        made[name] = tuple(
            _bar(start + number * seconds, levels[number * SUBSTEPS : (number + 1) * SUBSTEPS + 1])
            for number in range(bars)
        )
    return Replay(seconds, made, source=f"seed {seed}")


def _bar(time: int, levels: list[Decimal]) -> Bar:
    return Bar(time, levels[0], max(levels), min(levels), levels[-1])


def with_gap(replay: Replay, at: int, share: Decimal) -> Replay:
    """The same path with every price from bar `at` on lower by a share, reached in one jump."""
    if not 0 < at < len(replay):
        raise TooFewBars(f"a gap at bar {at} of {len(replay)}")

    def fallen(bar: Bar) -> Bar:
        return replace(bar, **{name: getattr(bar, name) * (1 - share) for name in COLUMNS[1:]})

    bars = {
        name: before[:at] + tuple(fallen(bar) for bar in before[at:])
        for name, before in replay.bars.items()
    }
    return replace(replay, bars=bars, gaps=replay.gaps | {at})


# Inside a bar


@dataclass(frozen=True, slots=True)
class Point:
    """One price of every market at one time."""

    time: int
    bar: int
    prices: dict[str, Decimal]
    jump: bool = False  # no steps before it


def points(replay: Replay, seed: int) -> Iterator[Point]:
    """Each bar as open, its two extremes in seeded order, close."""
    order = random.Random(seed)
    for number, time in enumerate(replay.times):
        legs: dict[str, tuple[Decimal, ...]] = {}
        for name, bars in replay.bars.items():
            bar = bars[number]
            extremes = (bar.high, bar.low) if order.random() < 0.5 else (bar.low, bar.high)
            legs[name] = (bar.open, *extremes, bar.close)
        for leg in range(4):
            yield Point(
                time + leg * replay.seconds // 4,
                number,
                {name: prices[leg] for name, prices in legs.items()},
                jump=leg == 0 and number in replay.gaps,
            )
