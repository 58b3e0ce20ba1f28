"""What a comparison came to: medians and the 5-95 % range per setting, as a table and as JSON."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from tidegate.simulation.compare import Row
from tidegate.simulation.paths import BTC, ETH


@dataclass(frozen=True, slots=True)
class Column:
    """One figure of the table; `shown` writes a value without its unit."""

    title: str
    value: Callable[[Row], float]
    shown: str = "{:.2f}"
    scale: float = 1.0

    def text(self, rows: Sequence[Row]) -> str:
        """Median (5 % to 95 %); the median alone where all are the same."""
        values = np.array([self.value(row) for row in rows]) * self.scale
        low, middle, high = (self.write(one) for one in np.percentile(values, [5, 50, 95]))
        return middle if low == high else f"{middle} ({low} to {high})"

    def write(self, value: float) -> str:
        text = self.shown.format(value)
        return text.lstrip("-") if not float(text) else text


PERCENT = 100.0


def _heaviest(row: Row) -> float:
    """How concentrated a deficit is: 0 without one, 1 if a single layer pays it all."""
    return max(row.borne.values(), default=0.0) / row.deficit if row.deficit else 0.0


COLUMNS = (
    Column("low of BTC beyond the recorded one, %", lambda row: row.extra_low[BTC], scale=PERCENT),
    Column("of ETH, %", lambda row: row.extra_low[ETH], scale=PERCENT),
    Column("accounts liquidated", lambda row: row.liquidated, "{:.0f}"),
    Column("liquidated, % of open interest", lambda row: row.liquidated_notional, "{:.1f}", 100),
    Column("loss in liquidation, % of deposits", lambda row: row.cost, scale=PERCENT),
    Column("deficit, % of deposits", lambda row: row.deficit, scale=PERCENT),
    Column("both together, % of deposits", lambda row: row.cost + row.deficit, scale=PERCENT),
    Column("borne by insurance", lambda row: row.borne.get("insurance", 0.0), scale=PERCENT),
    Column("by the guaranty fund", lambda row: row.borne.get("fund", 0.0), scale=PERCENT),
    Column("by the vault", lambda row: row.borne.get("vault", 0.0), scale=PERCENT),
    Column("on the layer that pays most, % of the deficit", _heaviest, "{:.0f}", PERCENT),
    Column("LP result with hedge, % of liquidity", lambda row: row.provider, scale=PERCENT),
    Column("bidders' result, % of liquidity", lambda row: row.bidders, scale=PERCENT),
    Column("minutes to calm", lambda row: row.minutes, "{:.0f}"),
    Column("BTC at the end, % of recorded", lambda row: row.ends[BTC], "{:.2f}", 100),
    Column("ETH at the end, % of recorded", lambda row: row.ends[ETH], "{:.2f}", 100),
    Column("topped up or reduced in time", lambda row: row.topped_up + row.reduced, "{:.0f}"),
)


def names(rows: Sequence[Row]) -> tuple[list[str], list[str]]:
    """Crashes and settings, in the order in which they first appear by seed."""
    crashes = list(dict.fromkeys(row.crash for row in rows))
    settings = list(dict.fromkeys(row.setting for row in rows))
    return crashes, settings


def of(rows: Sequence[Row], crash: str, setting: str) -> list[Row]:
    return [row for row in rows if row.crash == crash and row.setting == setting]


def lines(
    rows: Sequence[Row], crash: str, settings: Sequence[str], columns: Sequence[Column] = COLUMNS
) -> list[list[str]]:
    """One line per figure: its title, then each setting that ran."""
    present = [found for setting in settings if (found := of(rows, crash, setting))]
    return [[column.title, *(column.text(found) for found in present)] for column in columns]


def markdown(
    rows: Sequence[Row], crash: str, settings: Sequence[str], columns: Sequence[Column] = COLUMNS
) -> str:
    """One crash as it stands in the docs: settings side by side."""
    present = [setting for setting in settings if of(rows, crash, setting)]
    made = ["| | " + " | ".join(present) + " |", "| --- |" + " ---: |" * len(present)]
    made += ["| " + " | ".join(line) + " |" for line in lines(rows, crash, settings, columns)]
    return "\n".join(made) + "\n"


def show(rows: Sequence[Row], console: Console) -> None:
    """Settings as columns: a terminal is narrow."""
    crashes, settings = names(rows)
    for crash in crashes:
        present = [setting for setting in settings if of(rows, crash, setting)]
        seeds = len(of(rows, crash, present[0]))
        table = Table(title=f"{crash}: median (5 to 95 %) of {seeds} seeds", title_justify="left")
        table.add_column("")
        for setting in present:
            table.add_column(setting, justify="right")
        for line in lines(rows, crash, present):
            table.add_row(*line)
        console.print(table)


def append(row: Row, path: Path) -> None:
    """One more line of a file of rows: a run that was broken off keeps what it has."""
    with path.open("a") as file:
        file.write(json.dumps(row.as_json()) + "\n")


def read(path: Path) -> list[Row]:
    """Every whole line; none if there is no file."""
    text = path.read_text() if path.exists() else ""
    return [Row(**json.loads(line)) for line in text.splitlines(keepends=True) if line[-1] == "\n"]
