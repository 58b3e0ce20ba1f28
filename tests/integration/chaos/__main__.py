"""`make chaos`: several nights of every trouble, and a SIGKILL at every answer that is awaited."""

import random
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import click
from rich.console import Console
from rich.table import Table

from tests.integration.chaos.rig import Outcome, Rig
from tests.integration.chaos.scenarios import (
    SCENARIOS,
    Missing,
    killed_at,
    requests_of_a_pass,
)

COLUMNS = ("scenario", "rounds", "faults", "duplicates", "twice", "left undone", "recovery, s")
KILLED = "killed at every answer awaited"
KILLED_MOST = 2  # duplicates of one kill


@dataclass
class Row:
    """One scenario over its rounds."""

    name: str
    most: int
    outcomes: list[Outcome] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)

    def add(self, what: str, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        if not outcome.fine:
            self.trouble.append(f"{self.name}, {what}: {outcome}")
        wasted = outcome.verdict.wasted
        if len(wasted) > self.most:
            text = ", ".join(wasted)
            self.trouble.append(f"{self.name}, {what}: more than {self.most} duplicates: {text}")

    @property
    def cells(self) -> tuple[str, ...]:
        """Recovery: median and worst."""
        if not self.outcomes:
            return (self.name, "0", *["-"] * (len(COLUMNS) - 2))
        recoveries = [outcome.recovery for outcome in self.outcomes]
        verdicts = [outcome.verdict for outcome in self.outcomes]
        return (
            self.name,
            str(len(self.outcomes)),
            f"{sum(outcome.faults for outcome in self.outcomes):,}",
            f"{sum(len(one.wasted) for one in verdicts)} of {sum(one.sent for one in verdicts):,}",
            str(sum(len(one.twice) for one in verdicts)),
            str(sum(len(one.undone) for one in verdicts)),
            f"{median(recoveries):.0f}, {max(recoveries)}",
        )


def _rows(
    rig: Rig, rounds: int, seed: int, kills: int | None, only: str, say: Callable[[str], None]
) -> Iterator[Row]:
    for scenario in SCENARIOS:
        if only not in scenario.name:
            continue
        row = Row(scenario.name, scenario.most)
        for number in range(rounds):
            try:
                row.add(f"seed {seed + number}", scenario.play(rig, seed + number))
            except Missing as missing:
                say(f"{scenario.name} is skipped: {missing}")
                break
        yield row
    if only in KILLED and kills != 0:
        row = Row(KILLED, KILLED_MOST)
        asked = requests_of_a_pass(rig)
        say(f"a keeper asks {asked} times until everything is done")
        points = [(at, answered) for at in range(1, asked + 1) for answered in (False, True)]
        if kills is not None and kills < len(points):
            points = sorted(random.Random(seed).sample(points, kills))
        for at, answered in points:
            when = "after" if answered else "before"
            row.add(f"request {at}, {when} the node had it", killed_at(rig, at, answered))
        yield row


@click.command()
@click.option("--rounds", default=5, show_default=True, help="Nights of each scenario.")
@click.option("--seed", default=1, show_default=True, help="Of the first night.")
@click.option("--kills", type=int, help="So many of the kills. Default: before and after each.")
@click.option("--only", default="", metavar="TEXT", help="Scenarios whose names hold this.")
@click.option("--table", type=click.Path(path_type=Path), help="Write the table as Markdown.")
@click.option("--keep", type=click.Path(path_type=Path), help="Keep the keepers' logs there.")
def main(
    rounds: int, seed: int, kills: int | None, only: str, table: Path | None, keep: Path | None
) -> None:
    """Inject faults around the keepers and let the chain judge. Exit 1 if a verdict is bad."""
    console = Console(width=140)
    began = time.monotonic()
    rig = Rig()
    rows = []
    try:
        for row in _rows(rig, rounds, seed, kills, only, console.print):
            rows.append(row)
            console.print("  ".join(row.cells), highlight=False)
    finally:
        if keep:
            shutil.copytree(rig.folder, keep, dirs_exist_ok=True)
        rig.close()
    shown = Table(title=f"Faults around the keepers, seed {seed}")
    for name in COLUMNS:
        shown.add_column(name, justify="left" if name == COLUMNS[0] else "right")
    for row in rows:
        shown.add_row(*row.cells)
    console.print(shown)
    console.print(f"{time.monotonic() - began:.0f} seconds")
    if table:
        lines = [COLUMNS, ["---"] * len(COLUMNS), *(row.cells for row in rows)]
        table.write_text("".join(f"| {' | '.join(line)} |\n" for line in lines))
    trouble = [text for row in rows for text in row.trouble]
    for text in trouble:
        console.print(text, highlight=False, markup=False)
    if trouble:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
