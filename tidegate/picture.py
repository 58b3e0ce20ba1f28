"""The picture of a run: price, open interest, liquidations, LP share value over one time axis."""

from bisect import bisect_right
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from tidegate.report import Report

# Okabe and Ito: told apart by the colour-blind too
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
WHOLE, PARTIAL = "#B22222", "#E69F00"
SIZE = (11.0, 10.0)  # inches
DPI = 130
DAY = 86400  # seconds


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _thousands(value: float, _: float) -> str:
    if abs(value) >= 1e6:
        return f"{value / 1e6:,.4g}M"
    return f"{value / 1e3:,.4g}k" if abs(value) >= 1e3 else f"{value:,.4g}"


def draw(report: Report, path: Path) -> None:
    """Write a PNG. Prices are indexed to the first bar so that both markets share one axis."""
    record = report.record
    times = [_moment(sample.time) for sample in record.samples]
    figure, panels = plt.subplots(
        4, 1, figsize=SIZE, sharex=True, height_ratios=(3, 2.2, 1.6, 1.6), layout="constrained"
    )
    price, interest, liquidations, share = panels
    _prices(price, report, times)
    _interest(interest, report, times)
    _liquidations(liquidations, report, times)
    _share(share, report, times)
    figures = report.figures
    figure.suptitle(
        f"{times[0]:%Y-%m-%d %H:%M} to {times[-1]:%Y-%m-%d %H:%M} UTC: {report.traders} traders, "
        f"{figures.liquidations} liquidations ({figures.liquidated_whole} whole), "
        f"deficit {figures.deficit:,.0f}",
        x=0.01,
        ha="left",
        fontsize=12,
    )
    locator = mdates.AutoDateLocator(minticks=5, maxticks=12)
    share.xaxis.set_major_locator(locator)
    share.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator, tz=UTC))
    share.set_xlabel("time (UTC)")
    for panel in panels:
        panel.grid(alpha=0.25)
        panel.spines[["top", "right"]].set_visible(False)
        panel.margins(x=0.01)
    figure.savefig(path, dpi=DPI)
    plt.close(figure)


def _prices(panel: Axes, report: Report, times: list[datetime]) -> None:
    for colour, name in zip(COLOURS, report.record.lows, strict=False):
        series = [float(sample.prices[name]) for sample in report.record.samples]
        start = series[0]
        low = float(report.record.lows[name])
        panel.fill_between(
            times,
            [100 * float(sample.lows[name]) / start for sample in report.record.samples],
            [100 * float(sample.highs[name]) / start for sample in report.record.samples],
            color=colour,
            alpha=0.25,
            lw=0,
        )
        panel.plot(
            times,
            [100 * value / start for value in series],
            color=colour,
            lw=1.3,
            label=f"{name} close, low to high shaded (100 = {start:,.6g}; low {low:,.6g})",
        )
    panel.set_ylabel("price\n(first bar = 100)")
    panel.legend(loc="best", frameon=False, fontsize=9)


def _interest(panel: Axes, report: Report, times: list[datetime]) -> None:
    for colour, name in zip(COLOURS, report.record.lows, strict=False):
        for side, sign, style in (("longs", 1, "-"), ("shorts", -1, "--")):
            values = [
                sign * float(getattr(sample, side)[name] * sample.prices[name])
                for sample in report.record.samples
            ]
            panel.plot(times, values, style, color=colour, lw=1.2, label=f"{name} {side}")
    panel.axhline(0, color="0.6", lw=0.8)
    panel.yaxis.set_major_formatter(FuncFormatter(_thousands))
    panel.set_ylabel("open interest\n(collateral,\nshorts below 0)")
    panel.legend(loc="best", frameon=False, fontsize=9, ncols=2)


def _liquidations(panel: Axes, report: Report, times: list[datetime]) -> None:
    """Bars of notional per bar of the replay, partial slices under whole ones."""
    samples = report.record.samples
    starts = [sample.time for sample in samples]
    # matplotlib's unit of time is a day
    width = (starts[1] - starts[0]) / DAY if len(starts) > 1 else 0.01
    sums: dict[bool, Counter[int]] = {True: Counter(), False: Counter()}
    for one in report.record.slices:
        place = max(bisect_right(starts, one.time) - 1, 0)
        sums[one.whole][place] += float(abs(one.size) * one.price)
    base: Counter[int] = Counter()
    for whole, colour, label in (
        (False, PARTIAL, f"partial slices ({report.figures.liquidated_partial})"),
        (True, WHOLE, f"whole positions ({report.figures.liquidated_whole})"),
    ):
        places = sorted(sums[whole])
        panel.bar(
            [times[at] for at in places],
            [sums[whole][at] for at in places],
            bottom=[base[at] for at in places],
            width=width,
            color=colour,
            label=label,
        )
        base.update(sums[whole])
    panel.yaxis.set_major_formatter(FuncFormatter(_thousands))
    panel.set_ylabel("liquidated per bar\n(notional, collateral)")
    panel.legend(loc="upper right", frameon=False, fontsize=9)


def _share(panel: Axes, report: Report, times: list[datetime]) -> None:
    values = [float(sample.share) for sample in report.record.samples]
    panel.plot(times, values, color=COLOURS[2], lw=1.3, label="LP share")
    panel.set_ylabel("LP share value\n(collateral)")
    panel.ticklabel_format(axis="y", useOffset=False)
    panel.legend(loc="best", frameon=False, fontsize=9)
