"""The theory that the comparison is held against: whole liquidations, one market, one shock.

Longs fail when the log price is at or below their threshold; what is sold moves it. With permanent
impact alone the price after any set of sales depends on the set, not on its order, and selling only
ever makes more accounts fail. So the failing accounts are the least set closed under both, the same
for any speed and order (Tarski). With impact that recovers the order in time decides, and slow
selling ends higher. Floats: a model.
"""

from collections.abc import Callable, Sequence

import numpy as np

from tidegate.simulation.external_market import ExternalMarket, Impact


def end_state(
    thresholds: np.ndarray, money: np.ndarray, shock: float, permanent: float
) -> tuple[float, np.ndarray]:
    """Log price and who has failed, in rounds over sorted thresholds: O(n log n) once.

    `thresholds` log prices (0 is the price before), `money` what each failing account sells,
    `shock` the first fall as a positive log move, `permanent` log price per unit of money.
    """
    order = np.argsort(-thresholds, kind="stable")
    below = -thresholds[order]  # ascending: the first fail first
    sold = np.concatenate(([0.0], np.cumsum(money[order])))
    failed = 0
    while True:
        price = -shock - permanent * sold[failed]
        now = int(np.searchsorted(below, -price, side="right"))
        if now == failed:
            break
        failed = now
    mask = np.zeros(len(thresholds), dtype=bool)
    mask[order[:failed]] = True
    return float(price), mask


Chooser = Callable[[Sequence[int]], Sequence[int]]


def play_out(
    thresholds: np.ndarray,
    money: np.ndarray,
    shock: float,
    impact: Impact,
    choose: Chooser,
    seconds: float,
    steps: int = 100_000,
) -> tuple[float, float, np.ndarray]:
    """Lowest and last log price and who failed, when `choose` says which of the failing are sold.

    One choice every `seconds`; it must take at least one. Until nobody fails any more.
    """
    market = ExternalMarket(impact)
    failed = np.zeros(len(thresholds), dtype=bool)
    low = -shock
    for _ in range(steps):
        price = -shock + market.displacement
        low = min(low, price)
        due = np.flatnonzero(~failed & (thresholds >= price))
        if not len(due):
            break
        for number in choose(due.tolist()):
            failed[number] = True
            market.trade(float(money[number]), 1.0)
        low = min(low, -shock + market.displacement)
        market.pass_time(seconds)
    return low, -shock + market.displacement, failed
