"""The demo: deploy on a local chain, replay a crash, let keepers work, check the laws."""

import time
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tidegate.anvil import find_anvil
from tidegate.audit import history, read_books
from tidegate.client.units import human
from tidegate.client.venue import Venue
from tidegate.deployment import DeploymentConfig, deploy, perpetual
from tidegate.deployment.config import BreakerConfig
from tidegate.laws import check
from tidegate.report import Report, figures, markdown, show
from tidegate.simulation import paths
from tidegate.simulation.paths import Replay
from tidegate.simulation.population import populate
from tidegate.simulation.scenario import WARM_UP, Record, Scenario
from tidegate.web3_chain import local_node

LIQUIDITY = Decimal(6_000_000)
DEPTH = Decimal(90_000_000)  # of each market, collateral: where the premium would reach 100 %
METERS = ("price", "skew", "liquidated", "drawn")
# thresholds of a breaker that never brakes
NEVER = {f.name: "0" for f in fields(BreakerConfig) if f.name.split("_")[0] in METERS}
SOFT = Decimal(8_000_000)  # most net position of the traders
HARD = Decimal(16_000_000)  # most open interest of a side
GAP = Decimal("0.30")
GAP_AT = 0.58  # share of the path
BARS = 320
TRADERS = 120
# eth-tester executes in Python, about twenty times slower than anvil
EMBEDDED_BARS = 24
EMBEDDED_TRADERS = 20


class NoChain(Exception):
    """The chain asked for cannot be had."""


@dataclass(frozen=True, slots=True)
class Options:
    """What `tidegate demo` was asked."""

    prices: dict[str, Path]
    start: int | None = None
    end: int | None = None
    gap: bool = False
    seed: int = 1
    traders: int | None = None
    bars: int | None = None
    chain: str = "auto"
    report: Path | None = None
    table: Path | None = None
    picture: Path | None = None


def replay_of(options: Options, embedded: bool) -> Replay:
    """The bars to replay."""
    if options.prices:
        if set(options.prices) != {paths.BTC, paths.ETH}:
            raise paths.PathError(f"--prices must name {paths.BTC} and {paths.ETH}, once each")
        replay = paths.read_markets(options.prices, options.start, options.end)
    else:
        bars = options.bars or (EMBEDDED_BARS if embedded else BARS)
        replay = paths.generate(options.seed, bars)
    if options.gap:
        replay = paths.with_gap(replay, max(1, int(len(replay) * GAP_AT)), GAP)
    return replay


def play(
    venue: Venue,
    replay: Replay,
    options: Options,
    traders: int,
    signers: list[str],
    console: Console,
) -> Report:
    """Set up, run, and check the final state."""
    began = time.monotonic()
    population = populate(options.seed, traders, len(replay), replay.markets, LIQUIDITY)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    ) as progress:
        task = progress.add_task("funding accounts", total=len(replay))
        scenario = Scenario(
            venue,
            replay,
            population,
            options.seed,
            signers,
            lambda bar: progress.update(task, completed=bar),
        )
        scenario.set_up()
        progress.update(task, description="replaying bars")
        record = scenario.run()
    return conclude(
        venue, scenario, record, replay, options, Decimal(str(time.monotonic() - began))
    )


def conclude(
    venue: Venue,
    scenario: Scenario,
    record: Record,
    replay: Replay,
    options: Options,
    seconds: Decimal,
) -> Report:
    """Read everything back from the chain and judge it."""
    events = history(venue.chain, venue.contracts)
    if events is None:
        events = record.events
    supply = venue.vault.call("totalSupply")
    paid = sum(
        event.args.assets
        for event in events
        if event.contract == "LiquidityVault" and event.name == "Claimed"
    )
    return Report(
        chain=venue.chain.name,
        source=replay.source,
        seed=options.seed,
        traders=len(scenario.population.traders),
        seconds=seconds,
        record=record,
        figures=figures(
            events, scenario.keepers.account, int(venue.vault), scenario.journal.deficits
        ),
        laws=check(read_books(venue, events)),
        gas=scenario.gas.medians(),
        provider_value=human(venue.vault.call("share_price"), 27) * human(supply),
        provider_paid=human(paid),
    )


def configuration(replay: Replay) -> DeploymentConfig:
    """The default, with markets as deep as the demo's traders are large, whatever the price."""
    markets = []
    for number, (name, bars) in enumerate(replay.bars.items(), start=1):
        price = bars[0].open
        depth, soft, hard = (
            str((amount / price).quantize(Decimal("0.001"))) for amount in (DEPTH, SOFT, HARD)
        )
        market = perpetual(name, number, str(price), depth, soft, hard, calm_skew="0.002")
        markets.append(replace(market, breaker=BreakerConfig(**NEVER)))
    # nobody bids here: slices must do it all, as if the bucket were wide and nothing braked them
    return DeploymentConfig(markets=tuple(markets), bucket="0.02")


def run(options: Options, console: Console) -> Report:
    """The whole demo on a local chain of its own."""
    if options.chain == "anvil" and find_anvil() is None:
        raise NoChain("no anvil found: run `make setup`, or use --chain embedded")
    embedded = options.chain == "embedded" or find_anvil() is None
    replay = replay_of(options, embedded)
    traders = options.traders or (EMBEDDED_TRADERS if embedded else TRADERS)
    config = configuration(replay)
    # the chain begins early enough to deploy and to let the providers in before the first bar
    genesis = replay.times[0] - 2 * config.epoch_seconds - 2 * WARM_UP
    with local_node(genesis, embedded, say=console.print) as chain:
        if embedded and len(replay) <= EMBEDDED_BARS and not options.prices:
            console.print(
                f"smaller than on anvil: {len(replay)} bars (not {BARS}), {traders} traders"
            )
        with console.status("compiling and deploying"):
            venue = Venue.of(deploy(chain, config))
        signers = [f"signer {number}" for number in range(config.threshold)]
        report = play(venue, replay, options, traders, signers, console)
        publish(report, options, console)
    return report


def publish(report: Report, options: Options, console: Console) -> None:
    """Table, JSON, picture."""
    show(report, console)
    for path in (options.report, options.table, options.picture):
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
    if options.report:
        report.write(options.report)
    if options.table:
        options.table.write_text(markdown(report))
    if options.picture:
        # matplotlib takes a second to import: not before it is needed
        from tidegate.picture import draw

        draw(report, options.picture)
        console.print(f"picture: {options.picture}")
