"""The same crash with and without each damper: many seeds, every setting, in parallel.

One task is one crash, one setting, one seed, on a chain of its own: deploying takes a tenth of a
second once the contracts are compiled, so nothing is shared between two runs.
"""

import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from functools import cache
from multiprocessing import get_context
from pathlib import Path

from tidegate.chain import Chain
from tidegate.deployment import DeploymentConfig
from tidegate.simulation import paths
from tidegate.simulation.crash import Conduct, CrashRun, Tally
from tidegate.simulation.crash_exchange import BREAKER, LIQUIDITY, Terms, genesis, prepare
from tidegate.simulation.crash_path import CrashPath, on_grid
from tidegate.simulation.crowd import gather
from tidegate.simulation.external_market import FALL_BTC, FALL_ETH, Impact, october_2025
from tidegate.simulation.paths import BTC, ETH, PathError, Replay

DATA = "TIDEGATE_MARKET_DATA"  # names the folder of recorded bars
STEP = 15  # seconds: three slots of the oracle
CROWD = 100.0  # accounts alike that each account of the exchange stands for, in the market outside
ACCOUNTS = 500
SEEDS = 20
IMPACTS = {BTC: october_2025(FALL_BTC), ETH: october_2025(FALL_ETH)}  # per dollar
GENERATED_BARS = 180


@dataclass(frozen=True, slots=True)
class Crash:
    """Some hours of recorded bars; without files, of generated ones."""

    name: str
    title: str
    files: tuple[tuple[str, str], ...]  # market, file name
    start: str = ""
    end: str = ""
    bars: int = GENERATED_BARS  # without files

    def replay(self, folder: Path | None) -> Replay:
        return _replay(self, folder)


@cache
def _replay(crash: Crash, folder: Path | None) -> Replay:
    if not crash.files:
        return paths.generate(1, crash.bars, seconds=60)
    if folder is None:
        raise PathError(f"{crash.name} needs {DATA}")
    named = {market: folder / file for market, file in crash.files}
    return paths.read_markets(named, paths.parse_time(crash.start), paths.parse_time(crash.end))


CRASHES = (
    Crash(
        "2025-10-10",
        "10 October 2025, 20:30 to 23:30 UTC, Binance perpetuals, bars of five minutes",
        (
            (BTC, "btcusdt_perp_5m_2025-10-05_15.csv"),
            (ETH, "ethusdt_perp_5m_2025-10-05_15.csv"),
        ),
        "2025-10-10T20:30",
        "2025-10-10T23:30",
    ),
    Crash(
        "2021-05-19",
        "19 May 2021, 12:00 to 15:00 UTC, Binance spot, bars of one minute",
        (
            (BTC, "btcusdt_spot_1m_2021-05-17_20.csv"),
            (ETH, "ethusdt_spot_1m_2021-05-17_20.csv"),
        ),
        "2021-05-19T12:00",
        "2021-05-19T15:00",
    ),
)
GENERATED = Crash("generated", "a generated crash", ())


@dataclass(frozen=True, slots=True)
class Setting:
    """What is compared: parameters of the deployment, how keepers work, the market outside."""

    name: str
    terms: Terms = field(default_factory=Terms)
    conduct: Conduct = field(default_factory=Conduct)
    permanent: bool = False  # the market outside recovers nothing
    held: bool = False  # recorded prices stay at their low
    crowd: float = CROWD


NONE = Setting("no dampers")
USUAL = Terms(bucket=DeploymentConfig().bucket, bucket_window=DeploymentConfig().bucket_window)
BUCKET = Setting("bucket", USUAL)
AUCTION = Setting("bucket, auctions", USUAL, Conduct(auctions=True))
BRAKED = Setting("breaker", Terms(breaker=BREAKER))
CROWDING = Setting("crowding margin", Terms(crowding="0.1"))
ALL = Setting("all", replace(USUAL, crowding="0.1", breaker=BREAKER), Conduct(auctions=True))
SETTINGS = (NONE, BUCKET, AUCTION, BRAKED, CROWDING, ALL)
# The same exchange half and twice as large against the same market outside.
SIZES = tuple(
    replace(setting, name=f"{setting.name}, {label}", crowd=crowd)
    for label, crowd in (("half the size", CROWD / 2), ("twice the size", CROWD * 2))
    for setting in (NONE, ALL)
)
# Speed alone: the same exchange without dampers, its keepers slower and slower.
SPEEDS = tuple(
    Setting(f"every {every * STEP} s", conduct=Conduct(every=every)) for every in (1, 4, 20, 60)
)
# The theory: a shock that stays, a market that recovers nothing.
THEORY = tuple(
    Setting(name, conduct=conduct, permanent=True, held=True)
    for name, conduct in (
        ("permanent, at once", Conduct()),
        ("permanent, shuffled", Conduct(shuffled=True)),
        ("permanent, every 5 min", Conduct(every=20)),
    )
)


@dataclass(frozen=True, slots=True)
class Task:
    """One run."""

    crash: Crash
    setting: Setting
    seed: int
    accounts: int = ACCOUNTS
    folder: Path | None = None


@dataclass(frozen=True)
class Row:
    """What one run came to. Shares are of what they are measured by; money in the collateral."""

    crash: str
    setting: str
    seed: int
    seconds: float  # wall clock
    accounts: int
    liquidated: int
    slices: int
    extra_low: dict[str, float]  # share of the recorded low; negative is below it
    ends: dict[str, float]  # last price over the recorded one
    liquidated_notional: float  # share of the open interest at the start
    cost: float  # of liquidated traders, share of all deposits
    deficit: float  # share of all deposits
    borne: dict[str, float]  # by whom, shares of all deposits
    provider: float  # share of the liquidity
    vault: float  # the part of it inside the exchange
    minutes: float  # to calm
    auctions: int
    bids: int
    takeovers: int
    shared: int  # losses that a side shared
    levels: dict[str, int]  # how often the breaker set each level
    bidders: float  # their result, share of the liquidity
    broken: list[str]  # laws of the ledger that do not hold at the end
    shrunk: int
    held_back: int  # prices that the oracle's guard let pass only in part
    topped_up: int
    reduced: int
    refused: dict[str, int]
    prices: dict[str, list[float]]  # over the recorded first price, every fourth step

    def as_json(self) -> dict:
        return asdict(self)


def path_of(task: Task) -> CrashPath:
    replay = task.crash.replay(task.folder)
    path = on_grid(task.crash.name, replay, STEP, task.seed)
    return path.held_at_low() if task.setting.held else path


def impacts_of(setting: Setting) -> dict[str, Impact]:
    if setting.permanent:
        return {name: impact.wholly_permanent() for name, impact in IMPACTS.items()}
    return IMPACTS


def play(
    task: Task,
    make_chain: Callable[[int], Chain],
    progress: Callable[[int], None] = lambda step: None,
) -> Row:
    """One run on a fresh chain, `make_chain(time of its first block)`."""
    began = time.monotonic()
    path = path_of(task)
    first = int(path.times[0])
    opening = {
        name: Decimal(str(float(series[0]))).quantize(Decimal("0.01"))
        for name, series in path.prices.items()
    }
    ready = prepare(make_chain(genesis(first)), opening, first, task.setting.terms)
    members = gather(task.seed, task.accounts, list(opening))
    run = CrashRun(
        ready,
        path,
        members,
        impacts_of(task.setting),
        task.setting.crowd * ACCOUNTS / task.accounts,
        task.seed,
        task.setting.conduct,
        progress,
    )
    return row_of(task, path, run.run(), time.monotonic() - began)


def row_of(task: Task, path: CrashPath, tally: Tally, seconds: float) -> Row:
    liquidity = float(LIQUIDITY)
    prices = {}
    for name, series in path.prices.items():
        displaced = [
            float(recorded) * math.exp(push) / float(series[0])
            for recorded, push in zip(series, tally.displacement[name], strict=True)
        ]
        prices[name] = [round(price, 5) for price in displaced[::4]]
    return Row(
        crash=task.crash.name,
        setting=task.setting.name,
        seed=task.seed,
        seconds=seconds,
        accounts=task.accounts,
        liquidated=len(tally.liquidated),
        slices=tally.slices,
        extra_low=tally.extra_low,
        ends=tally.ends,
        liquidated_notional=tally.notional / tally.interest,
        cost=tally.cost / tally.deposits,
        deficit=tally.deficit / tally.deposits,
        borne={layer: paid / tally.deposits for layer, paid in sorted(tally.borne.items())},
        provider=tally.provider_result / liquidity,
        vault=(tally.vault_end - tally.vault_start) / liquidity,
        minutes=tally.minutes_to_calm,
        auctions=tally.auctions,
        bids=tally.bids,
        takeovers=tally.takeovers,
        shared=tally.shared,
        levels={str(level): times for level, times in sorted(tally.levels.items())},
        bidders=tally.bidders / liquidity,
        broken=tally.broken,
        shrunk=tally.shrunk,
        held_back=tally.held_back,
        topped_up=tally.topped_up,
        reduced=tally.reduced,
        refused=dict(tally.refused),
        prices=prices,
    )


def in_process(task: Task) -> Row:
    """One run on pyrevm."""
    from tidegate.revm_chain import RevmChain

    return play(task, lambda timestamp: RevmChain(timestamp=timestamp))


def tasks(
    crashes: Sequence[Crash],
    settings: Sequence[Setting],
    seeds: int,
    accounts: int,
    folder: Path | None,
) -> list[Task]:
    return [
        Task(crash, setting, seed, accounts, folder)
        for seed in range(1, seeds + 1)
        for crash in crashes
        for setting in settings
    ]


def run_all(todo: Sequence[Task], processes: int) -> Iterator[Row]:
    """Rows as they are done, in any order."""
    if processes == 1:
        yield from map(in_process, todo)
        return
    # the first run compiles, if anything is to be compiled: not every process again
    yield in_process(todo[0])
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        waiting = [pool.submit(in_process, task) for task in todo[1:]]
        for done in as_completed(waiting):
            yield done.result()


def data_folder() -> Path | None:
    """Where recorded bars lie, if the environment says so."""
    named = os.environ.get(DATA)
    return Path(named) if named else None


def same(one: Row, other: Row) -> bool:
    """Whether two chains came to the same, to the last digit."""
    return replace(one, seconds=0.0) == replace(other, seconds=0.0)
