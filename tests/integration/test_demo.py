"""The demo as a whole: on the in-process chain, on anvil, on the embedded chain."""

import csv
import json
import os
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from tidegate import demo
from tidegate.audit import read_books
from tidegate.cli import main
from tidegate.client.venue import Venue
from tidegate.deployment import deploy
from tidegate.laws import LAWS, check
from tidegate.revm_chain import RevmChain
from tidegate.simulation import paths
from tidegate.simulation.population import populate
from tidegate.simulation.scenario import WARM_UP, Scenario

SIGNERS = ["signer 0", "signer 1", "signer 2"]
DATA = os.environ.get("TIDEGATE_MARKET_DATA")
# (moment of the crash, first bar, end, lowest price of BTC that is known)
CRASHES = {
    "2025-10-10": ("2025-10-10T21:15Z", "2025-10-10T15:00Z", "2025-10-11T00:00Z", "101516.5"),
    "2021-05-19": ("2021-05-19T13:09Z", "2021-05-19T11:00Z", "2021-05-19T14:30Z", "30000"),
}


def played(options, traders):
    """A report and the scenario behind it, on the in-process chain."""
    replay = demo.replay_of(options, embedded=False)
    config = demo.configuration(replay)
    chain = RevmChain(timestamp=replay.times[0] - 2 * config.epoch_seconds - 2 * WARM_UP)
    venue = Venue.of(deploy(chain, config))
    report = demo.play(venue, replay, options, traders, SIGNERS, Console(quiet=True))
    return report, venue


@pytest.fixture(scope="module")
def calm():
    return played(demo.Options({}, bars=100), 40)


@pytest.fixture(scope="module")
def gapped():
    return played(demo.Options({}, bars=60, gap=True), 40)


def test_crash_is_survived_without_a_deficit(calm):
    report, _ = calm
    assert report.laws == dict.fromkeys(LAWS, True)
    assert report.figures.fills > 40
    assert report.figures.liquidations >= 20
    assert report.figures.liquidated_whole > 0
    assert report.figures.deficit == 0
    assert report.figures.funding_paid > 0


def test_gap_makes_a_deficit_that_the_vault_absorbs(gapped):
    report, _ = gapped
    assert report.laws == dict.fromkeys(LAWS, True)
    assert report.figures.deficit > 0
    assert report.figures.deficit_left == 0


def test_every_wick_reached_the_oracle(calm):
    report, _ = calm
    replay = demo.replay_of(demo.Options({}, bars=100), embedded=False)
    for name, bars in replay.bars.items():
        assert report.record.lows[name] == min(bar.low for bar in bars)
        assert report.record.highs[name] == max(bar.high for bar in bars)
    posted = {
        (event.args.feed, event.args.price)
        for event in report.record.events
        if event.name == "Posted"
    }
    for feed, bars in enumerate(replay.bars.values(), start=1):
        for bar in bars:
            for price in bar.prices:
                assert (feed, int(price * 10**18)) in posted
    assert report.record.late_points == 0


def test_bar_times_are_chain_times(calm):
    report, _ = calm
    replay = demo.replay_of(demo.Options({}, bars=100), embedded=False)
    slots = {event.args.slot for event in report.record.events if event.name == "Posted"}
    assert {-(-time // 4) for time in replay.times} <= slots


def test_orders_and_liquidations_come_from_keepers_only(calm):
    report, _ = calm
    assert report.figures.keeper_order_fees > 0
    assert report.figures.keeper_rewards > 0
    assert report.figures.keeper_income == report.figures.keeper_rewards + (
        report.figures.keeper_order_fees
    )


def test_same_seed_gives_the_same_run():
    options = demo.Options({}, bars=30)
    first, second = played(options, 8)[0], played(options, 8)[0]
    assert first.figures == second.figures
    assert first.record.samples == second.record.samples


def test_a_false_law_is_found_on_the_chain(calm):
    """Tokens that arrived without a deposit count as donations; hidden ones break the law."""
    report, venue = calm
    checkpoint = venue.chain.snapshot()
    venue.token.transact("mint", venue.core.address, 1)
    books = read_books(venue, report.record.events)
    venue.chain.restore(checkpoint)
    assert check(books)["cash_conserved"] is False


def test_donation_seen_in_the_events_keeps_the_law(calm):
    report, venue = calm
    checkpoint = venue.chain.snapshot()
    receipt = venue.token.transact("mint", venue.core.address, 1)
    books = read_books(venue, [*report.record.events, *receipt.events])
    venue.chain.restore(checkpoint)
    assert books.donations == 10**12
    assert check(books)["cash_conserved"] is True


def test_lp_redemptions_are_paid(calm):
    report, _ = calm
    assert report.provider_paid > 0
    assert report.provider_result == report.provider_value + report.provider_paid - Decimal(
        6_000_000
    )


def test_scenario_has_at_least_the_traders_asked_for():
    replay = demo.replay_of(demo.Options({}), embedded=False)
    assert len(replay) >= 300
    population = populate(1, demo.TRADERS, len(replay), replay.markets, demo.LIQUIDITY)
    assert len(population.traders) >= 100


def run_cli(*args):
    return CliRunner().invoke(main, ["demo", *map(str, args)], catch_exceptions=False)


@pytest.mark.anvil
@pytest.mark.slow
def test_command_on_anvil_writes_report_and_picture(tmp_path):
    report, picture = tmp_path / "report.json", tmp_path / "picture.png"
    result = run_cli(
        "--chain", "anvil", "--bars", 30, "--traders", 20, "--report", report, "--picture", picture
    )
    assert result.exit_code == 0, result.output
    assert "chain: anvil" in result.output
    told = json.loads(report.read_text())
    assert told["laws"] == dict.fromkeys(LAWS, True)
    assert told["fills"] > 0
    assert told["chain"] == "anvil"
    for operation in ("deposit", "place", "execute_open_first", "oracle_push", "lp_request"):
        assert told["gas"][operation] > 21_000
    assert Decimal(told["deficit"]) == 0
    assert picture.stat().st_size > 10_000


@pytest.mark.slow
def test_command_on_the_embedded_chain(tmp_path):
    report = tmp_path / "report.json"
    result = run_cli(
        "--chain", "embedded", "--bars", 6, "--traders", 4, "--report", report,
        "--picture", tmp_path / "picture.png",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "chain: embedded (eth-tester)" in result.output
    assert json.loads(report.read_text())["laws"] == dict.fromkeys(LAWS, True)


def test_exit_status_is_1_when_a_law_is_false(monkeypatch, calm):
    broken = replace(calm[0], laws={**calm[0].laws, "cash_conserved": False})
    monkeypatch.setattr(demo, "run", lambda options, console: broken)
    assert run_cli().exit_code == 1
    monkeypatch.setattr(demo, "run", lambda options, console: calm[0])
    assert run_cli().exit_code == 0


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--prices", "BTC-PERP"], "is not MARKET=FILE.csv"),
        (["--prices", "BTC-PERP=a", "--prices", "BTC-PERP=b"], "is named twice"),
        (["--prices", "BTC-PERP=missing.csv"], "must name BTC-PERP and ETH-PERP"),
        (["--prices", "BTC-PERP=missing.csv", "--prices", "ETH-PERP=no.csv"], "missing.csv"),
        (["--start", "someday"], "is not an ISO 8601 time"),
    ],
)
def test_wrong_options_are_told_in_one_line(args, message):
    result = run_cli(*args)
    assert result.exit_code in (1, 2)
    assert message in result.output.replace("\n", " ")
    assert "Traceback" not in result.output


def _covering(folder: Path, coin: str, moment: int) -> Path | None:
    """The file of finest bars of a coin, by its name's beginning, that covers a moment."""
    found: list[tuple[int, Path]] = []
    for path in sorted(folder.glob(f"{coin}*.csv")):
        with path.open() as file:
            rows = csv.DictReader(file)
            if not rows.fieldnames or not set(paths.COLUMNS) <= set(rows.fieldnames):
                continue
        bars = paths.read_csv(path)
        if bars[0].time <= moment <= bars[-1].time:
            found.append((bars[1].time - bars[0].time, path))
    return min(found)[1] if found else None


@pytest.mark.slow
@pytest.mark.skipif(not DATA, reason="TIDEGATE_MARKET_DATA names no folder of market data")
@pytest.mark.parametrize("crash", CRASHES)
def test_real_crash(crash):
    moment, start, end, low = CRASHES[crash]
    files = {
        name: _covering(Path(DATA or ""), coin, paths.parse_time(moment))
        for name, coin in ((paths.BTC, "btc"), (paths.ETH, "eth"))
    }
    if None in files.values():
        pytest.skip(f"no bars of {crash} in TIDEGATE_MARKET_DATA")
    options = demo.Options(files, paths.parse_time(start), paths.parse_time(end))
    report, _ = played(options, 40)
    assert report.laws == dict.fromkeys(LAWS, True)
    assert report.record.lows[paths.BTC] == Decimal(low)
    assert report.figures.liquidations >= 20
    assert report.figures.deficit_left == 0


def test_scenario_needs_processed_deposits(monkeypatch):
    """Providers whose deposits were not processed before the first bar are an error, not a hope."""
    replay = demo.replay_of(demo.Options({}, bars=20), embedded=False)
    config = demo.configuration(replay)
    chain = RevmChain(timestamp=replay.times[0] - 2 * config.epoch_seconds - 2 * WARM_UP)
    venue = Venue.of(deploy(chain, config))
    population = populate(1, 2, 20, replay.markets, demo.LIQUIDITY)
    scenario = Scenario(venue, replay, population, 1, SIGNERS)
    monkeypatch.setattr(scenario, "_vault", lambda fresh: None)
    with pytest.raises(RuntimeError, match="were not processed"):
        scenario.set_up()
