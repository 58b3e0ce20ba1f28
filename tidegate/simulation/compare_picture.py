"""The picture of a comparison: the price with each setting, and what it cost, per crash."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from tidegate.simulation.compare import Row
from tidegate.simulation.compare_report import PERCENT, names, of
from tidegate.simulation.paths import BTC

# Okabe and Ito: told apart by the colour-blind too
COLOURS = ("#000000", "#E69F00", "#56B4E9", "#009E73", "#D55E00", "#CC79A7", "#0072B2")
WIDTH = 7.0  # inches per crash
HEIGHT = 13.0
DPI = 130
SAMPLE = 1.0  # minutes between two prices of a row
PANELS = (
    ("low of BTC beyond\nthe recorded, %", lambda row: PERCENT * row.extra_low[BTC]),
    ("loss in liquidation,\n% of deposits", lambda row: PERCENT * row.cost),
    ("deficit,\n% of deposits", lambda row: PERCENT * row.deficit),
    ("LP result with hedge,\n% of liquidity", lambda row: PERCENT * row.provider),
)


# of BTC over the first price, a minute apart, by crash and seed, which orders the extremes of bars
Recorded = Mapping[tuple[str, int], Sequence[float]]


def draw(rows: Sequence[Row], recorded: Recorded, path: Path) -> None:
    """Write a PNG."""
    crashes, settings = names(rows)
    figure, panels = plt.subplots(
        2 + len(PANELS),
        len(crashes),
        figsize=(WIDTH * len(crashes), HEIGHT),
        height_ratios=(2.4, 2, *(1.3 for _ in PANELS)),
        layout="constrained",
        squeeze=False,
    )
    colours = dict(zip(settings, COLOURS * (1 + len(settings) // len(COLOURS)), strict=False))
    for place, crash in enumerate(crashes):
        _prices(panels[0][place], rows, crash, settings, colours, recorded)
        _pushed(panels[1][place], rows, crash, settings, colours, recorded)
        for panel, (title, value) in zip(panels[2:, place], PANELS, strict=True):
            _ranges(panel, rows, crash, settings, colours, value)
            panel.set_ylabel(title, fontsize=9)
        for panel in panels[:, place]:
            panel.grid(alpha=0.25)
            panel.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=DPI)
    plt.close(figure)


def _prices(
    panel: Axes,
    rows: Sequence[Row],
    crash: str,
    settings: Sequence[str],
    colours: dict[str, str],
    recorded: Recorded,
) -> None:
    """The first seed's record shaded, medians over it."""
    shaded = 100 * np.array(next(series for (name, _), series in recorded.items() if name == crash))
    panel.fill_between(
        np.arange(len(shaded)) * SAMPLE, shaded, color="0.9", lw=0, label="recorded", zorder=0
    )
    lowest = shaded.min()
    for setting in settings:
        series = [row.prices[BTC] for row in of(rows, crash, setting)]
        if not series:
            continue
        middle = 100 * np.median(np.array(series), axis=0)
        lowest = min(lowest, middle.min())
        panel.plot(
            np.arange(len(middle)) * SAMPLE, middle, color=colours[setting], lw=1.1, label=setting
        )
    panel.set_ylim(lowest - 2, 101.5)
    panel.set_title(f"{crash}: BTC, median over seeds (first price = 100)", loc="left", fontsize=11)
    panel.legend(frameon=False, fontsize=8, loc="lower right")


def _pushed(
    panel: Axes,
    rows: Sequence[Row],
    crash: str,
    settings: Sequence[str],
    colours: dict[str, str],
    recorded: Recorded,
) -> None:
    """What the exchange's own selling has done to the price, median over seeds."""
    for setting in settings:
        ratios = [
            np.array(row.prices[BTC]) / np.array(recorded[crash, row.seed])
            for row in of(rows, crash, setting)
        ]
        if not ratios:
            continue
        middle = 100 * np.median(np.array(ratios), axis=0) - 100
        panel.plot(np.arange(len(middle)) * SAMPLE, middle, color=colours[setting], lw=1.1)
    panel.axhline(0, color="0.6", lw=0.8)
    panel.set_ylabel("BTC against the\nrecorded price, %", fontsize=9)
    panel.set_xlabel("minutes", fontsize=9)


def _ranges(panel: Axes, rows, crash, settings, colours, value) -> None:
    """Median as a dot, 5 to 95 % as a line, one per setting."""
    present = [setting for setting in settings if of(rows, crash, setting)]
    for place, setting in enumerate(present):
        values = [value(row) for row in of(rows, crash, setting)]
        low, middle, high = np.percentile(values, [5, 50, 95])
        panel.plot([place, place], [low, high], color=colours[setting], lw=3, alpha=0.5)
        panel.plot(place, middle, "o", color=colours[setting], ms=6)
    panel.axhline(0, color="0.6", lw=0.8)
    panel.set_xticks(range(len(present)), present, fontsize=8)
    panel.margins(x=0.1)
