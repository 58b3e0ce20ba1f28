"""A recorded crash on the grid of the simulation's steps, as floats: a model's input, not money."""

from dataclasses import dataclass

import numpy as np

from tidegate.simulation.paths import PathError, Replay, points


@dataclass(frozen=True)
class CrashPath:
    """Recorded prices at every step; `times` in seconds, a step apart."""

    name: str
    times: np.ndarray
    prices: dict[str, np.ndarray]

    @property
    def step(self) -> int:
        return int(self.times[1] - self.times[0])

    def __len__(self) -> int:
        return len(self.times)

    def low(self, market: str) -> float:
        return float(self.prices[market].min())

    def held_at_low(self) -> "CrashPath":
        """Each market falls as recorded and stays at its low: a shock without a rebound."""
        return CrashPath(
            f"{self.name}, held at its low",
            self.times,
            {name: np.minimum.accumulate(series) for name, series in self.prices.items()},
        )


def on_grid(name: str, replay: Replay, step: int, seed: int) -> CrashPath:
    """Bars as open, extremes in seeded order, close, a quarter of the bar apart; lines between.

    Bars of five minutes so become a path with three straight legs each, whatever the true ticks.
    The extremes are on the grid if a quarter of a bar is a whole number of steps.
    """
    if replay.seconds % (4 * step):
        raise PathError(f"steps of {step} s do not divide a quarter of bars of {replay.seconds} s")
    legs = list(points(replay, seed))
    at = np.array([leg.time for leg in legs], dtype=float)
    first = -(-int(at[0]) // step) * step
    times = np.arange(first, int(at[-1]) + 1, step)
    prices = {
        market: np.interp(times, at, [float(leg.prices[market]) for leg in legs])
        for market in replay.markets
    }
    return CrashPath(name, times, prices)
