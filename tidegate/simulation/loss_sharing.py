"""Who pays when a side cannot: a queue of the most profitable, or everybody a little.

Vectorised over the winners of one side; money as floats, for statistics. The totals of Hyperliquid
on 10 October 2025 are published; how profit was spread over its wallets is not among the figures
held here, so it is drawn, and the spread is a parameter of every statement about concentration.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Deleveraging:
    """Totals of a day. Dollars."""

    wallets: int
    fills: int
    notional: float
    profit: float  # that the closed positions had made
    bankrupt: int  # accounts
    deficit: float  # what they lacked, each account once
    needed: float  # profit that had to be taken, in all waves
    taken: float  # profit that the queue took


# Wallets, fills, notional, profit, bankrupt accounts and their lack: events of 2025-10-10 21:15:03
# to 21:27 UTC, ConejoCapital/HyperMultiAssetedADL 79bad0f; needed and taken: sums over 16 waves,
# pluriholonomic/autodeleveraging-analysis aae0be8 (Chitra, "Autodeleveraging: Impossibilities and
# Optimization"). The deficit of 100 million in that paper counts one account in most waves again.
HYPERLIQUID = Deleveraging(
    wallets=19_337,
    fills=34_983,
    notional=2_103_111_430.86,
    profit=834_295_749.29,
    bankrupt=302,
    deficit=23_191_104.48,
    needed=15_079_669.61,
    taken=60_108_335.33,
)


def profits(day: Deleveraging, spread: float, seed: int) -> np.ndarray:
    """Of each wallet, lognormal with this spread of the log; their sum is the published one."""
    drawn = np.random.default_rng(seed).lognormal(0.0, spread, day.wallets)
    return drawn * day.profit / drawn.sum()


def by_queue(gains: np.ndarray, scores: np.ndarray, need: float, whole: bool) -> np.ndarray:
    """What each loses when the highest score pays first, all it has, until the need is met.

    `whole`: the last one in turn pays all it has too, as a queue that closes whole positions does.
    """
    if need > gains.sum():
        raise ValueError("more is needed than was gained")
    order = np.argsort(-scores, kind="stable")
    before = np.concatenate(([0.0], np.cumsum(gains[order])[:-1]))
    left = np.maximum(need - before, 0.0)
    paid = np.where(left > 0, gains[order] if whole else np.minimum(gains[order], left), 0.0)
    losses = np.zeros_like(gains)
    losses[order] = paid
    return losses


def pro_rata(gains: np.ndarray, need: float) -> np.ndarray:
    """What each loses when all lose the same share."""
    if need > gains.sum():
        raise ValueError("more is needed than was gained")
    return gains * (need / gains.sum())


@dataclass(frozen=True, slots=True)
class Burden:
    """How a loss lies on the winners."""

    total: float
    payers: int
    hardest: float  # largest share of its own gain that anybody loses
    top_percent: float  # share of the loss on the hundredth of winners that lose most
    gini: float  # of losses over all winners: 0 even, 1 on one


def burden(losses: np.ndarray, gains: np.ndarray) -> Burden:
    ordered = np.sort(losses)
    count, total = len(losses), float(losses.sum())
    ranks = np.arange(1, count + 1)
    gini = float((2 * ranks - count - 1) @ ordered / (count * total)) if total else 0.0
    top = max(1, count // 100)
    return Burden(
        total=total,
        payers=int((losses > 0).sum()),
        hardest=float((losses / gains).max()),
        top_percent=float(ordered[-top:].sum() / total) if total else 0.0,
        gini=gini,
    )


def compared(
    day: Deleveraging = HYPERLIQUID, spreads: tuple[float, ...] = (1.0, 1.5, 2.0), seed: int = 1
) -> dict[tuple[str, float], Burden]:
    """Three rules by spread: the queue as it took, a queue that takes no more than needed, shares.

    The score is drawn apart from the gain: the ranking goes by profit in percent and by leverage,
    not by money.
    """
    made = {}
    for spread in spreads:
        gains = profits(day, spread, seed)
        scores = np.random.default_rng(seed + 1).random(day.wallets)
        made["queue, as taken", spread] = burden(by_queue(gains, scores, day.taken, True), gains)
        made["queue, exact", spread] = burden(by_queue(gains, scores, day.needed, False), gains)
        made["pro rata, exact", spread] = burden(pro_rata(gains, day.needed), gains)
        made["pro rata, whole lack", spread] = burden(pro_rata(gains, day.deficit), gains)
    return made


def markdown(day: Deleveraging = HYPERLIQUID) -> str:
    """The table of the docs; ranges are over the spreads."""
    made = compared(day)
    lines = [
        "| rule | taken, million | times the need | payers | hardest hit loses, % of its gain "
        "| on the top hundredth, % | Gini |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for rule in dict.fromkeys(rule for rule, _ in made):
        found = [one for (name, _), one in made.items() if name == rule]
        cells = [
            _range([one.total / 1e6 for one in found], "{:.1f}"),
            _range([one.total / day.needed for one in found], "{:.2f}"),
            _range([one.payers for one in found], "{:,.0f}"),
            _range([100 * one.hardest for one in found], "{:.1f}"),
            _range([100 * one.top_percent for one in found], "{:.0f}"),
            _range([one.gini for one in found], "{:.2f}"),
        ]
        lines.append(f"| {rule} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _range(values: list[float], shown: str) -> str:
    low, high = shown.format(min(values)), shown.format(max(values))
    return low if low == high else f"{low} to {high}"


if __name__ == "__main__":
    print(markdown(), end="")
