"""`tidegate demo --compare`: every setting on every crash, with progress, table and picture."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tidegate.simulation import compare, compare_report
from tidegate.simulation.compare import (
    ACCOUNTS,
    CRASHES,
    GENERATED,
    SETTINGS,
    SIZES,
    SPEEDS,
    THEORY,
    Crash,
    Row,
    Task,
)
from tidegate.simulation.crash_exchange import genesis
from tidegate.simulation.paths import BTC, PathError
from tidegate.web3_chain import local_node

GROUPS = {"dampers": SETTINGS, "speed": SPEEDS, "size": SIZES, "theory": THEORY}


@dataclass(frozen=True, slots=True)
class Options:
    """What `tidegate demo --compare` was asked."""

    groups: tuple[str, ...] = ("dampers",)
    seeds: int = compare.SEEDS
    accounts: int = ACCOUNTS
    processes: int = 2
    node: bool = False  # repeat one run on anvil
    resume: bool = False  # keep the rows that the report holds already
    report: Path | None = None
    table: Path | None = None
    picture: Path | None = None


def crashes(console: Console) -> tuple[tuple[Crash, ...], Path | None]:
    """The recorded ones where the data is, else the generated one, and says so."""
    folder = compare.data_folder()
    if folder is None:
        console.print(
            f"[yellow]{compare.DATA} names no folder of recorded bars:[/] "
            "comparing on a generated crash"
        )
        return (GENERATED,), None
    missing = [
        file for crash in CRASHES for _, file in crash.files if not (folder / file).is_file()
    ]
    if missing:
        raise PathError(f"{compare.DATA} = {folder} lacks {', '.join(missing)}")
    return CRASHES, folder


def run(options: Options, console: Console) -> list[Row]:
    """All runs; rows ordered by seed, crash and setting."""
    chosen, folder = crashes(console)
    settings = [setting for group in options.groups for setting in GROUPS[group]]
    todo = compare.tasks(chosen, settings, options.seeds, options.accounts, folder)
    place = {(one.crash.name, one.setting.name, one.seed): n for n, one in enumerate(todo)}
    for path in (options.report, options.table, options.picture):
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    if options.report and options.resume:
        rows = [
            row
            for row in compare_report.read(options.report)
            if (row.crash, row.setting, row.seed) in place
        ]
    elif options.report:
        options.report.unlink(missing_ok=True)
    have = {(row.crash, row.setting, row.seed) for row in rows}
    todo = [one for one in todo if (one.crash.name, one.setting.name, one.seed) not in have]
    began = time.monotonic()
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    ) as progress:
        bar = progress.add_task(f"{len(settings)} settings, {options.seeds} seeds", total=len(todo))
        for row in compare.run_all(todo, options.processes) if todo else ():
            rows.append(row)
            if options.report:
                compare_report.append(row, options.report)
            progress.update(bar, advance=1)
    rows.sort(key=lambda row: place[row.crash, row.setting, row.seed])
    spent = time.monotonic() - began
    compare_report.show(rows, console)
    each = sum(row.seconds for row in rows) / len(rows)
    console.print(
        f"{len(rows)} runs of {options.accounts} accounts in {spent:.0f} s on "
        f"{options.processes} process(es), {each:.1f} s each"
    )
    for row in rows:
        if row.broken:
            console.print(
                f"[bold red]{row.crash}, {row.setting}, seed {row.seed}: {', '.join(row.broken)}"
            )
    publish(rows, chosen, folder, options, console)
    return rows


def repeat_on_node(options: Options, rows: Sequence[Row], console: Console) -> bool:
    """The last setting of the first crash once more, on anvil; whether all is the same."""
    chosen, folder = crashes(console)
    row = next(row for row in reversed(rows) if row.crash == chosen[0].name and row.seed == 1)
    [setting] = [
        one for group in options.groups for one in GROUPS[group] if one.name == row.setting
    ]
    task = Task(chosen[0], setting, 1, options.accounts, folder)
    first = int(compare.path_of(task).times[0])
    with local_node(genesis(first), say=console.print) as chain:
        again = compare.play(task, lambda timestamp: chain)
    equal = compare.same(row, again)
    console.print(
        f"{row.crash}, {row.setting}, seed 1 on {chain.name} in {again.seconds:.0f} s: "
        + ("the same to the last digit" if equal else "[bold red]NOT the same[/]")
    )
    return equal


def publish(
    rows: Sequence[Row],
    chosen: Sequence[Crash],
    folder: Path | None,
    options: Options,
    console: Console,
) -> None:
    """Table, JSON, picture."""
    if options.table:
        _, settings = compare_report.names(rows)
        text = [
            f"### {crash.title}\n\n{compare_report.markdown(rows, crash.name, settings)}"
            for crash in chosen
        ]
        options.table.write_text("\n".join(text))
    if options.picture:
        # matplotlib takes a second to import: not before it is needed
        from tidegate.simulation.compare_picture import draw

        recorded = {}
        for crash in chosen:
            for seed in sorted({row.seed for row in rows}):
                path = compare.path_of(Task(crash, SETTINGS[0], seed, folder=folder))
                series = path.prices[BTC]
                recorded[crash.name, seed] = (series / series[0])[::4].tolist()
        draw(rows, recorded, options.picture)
        console.print(f"picture: {options.picture}")
