"""The market outside: what selling into it does to the price there. A model, so floats.

    price = recorded * exp(displacement)        displacement = permanent + temporary

A net sale of one unit of money lowers both parts, linearly; the permanent one stays, the temporary
one halves every half life. What is bought raises them alike, so a round trip at once moves nothing.
Linear permanent impact is the only kind without free round trips (Huberman and Stanzl 2004); the
square root found for large orders (for Bitcoin: Donier and Bonart 2015, who also find that the
impact of uninformed orders, as liquidations are, dies away almost wholly) is concave: the linear
model is too mild for small flows and too harsh for very large ones.
"""

import math
from dataclasses import dataclass

LN2 = math.log(2)


@dataclass(frozen=True, slots=True)
class Impact:
    """How a market answers to one unit of money sold, as a log price. Half life in seconds."""

    permanent: float
    temporary: float
    half_life: float = 300.0

    def scaled(self, factor: float) -> "Impact":
        """The same market when every unit sold stands for `factor` units."""
        return Impact(self.permanent * factor, self.temporary * factor, self.half_life)

    def wholly_permanent(self) -> "Impact":
        """A market that answers as strongly at first and recovers nothing."""
        return Impact(self.permanent + self.temporary, 0.0, self.half_life)


@dataclass(slots=True)
class ExternalMarket:
    """The displacement of one market."""

    impact: Impact
    permanent: float = 0.0
    temporary: float = 0.0
    sold: float = 0.0  # net, money
    turnover: float = 0.0  # money

    @property
    def displacement(self) -> float:
        return self.permanent + self.temporary

    def price(self, recorded: float) -> float:
        return recorded * math.exp(self.displacement)

    def pass_time(self, seconds: float) -> None:
        self.temporary *= math.exp(-LN2 * seconds / self.impact.half_life)

    def trade(self, money: float, recorded: float) -> float:
        """Sell (buy: negative) for this much; the price is the mean along the way."""
        before = self.displacement
        self.permanent -= self.impact.permanent * money
        self.temporary -= self.impact.temporary * money
        self.sold += money
        self.turnover += abs(money)
        return recorded * math.exp((before + self.displacement) / 2)


# Parameters


@dataclass(frozen=True, slots=True)
class CrashFlow:
    """Published speed of a crash's forced selling. Money in dollars, times in minutes."""

    in_window: float
    window: float
    in_peak_minute: float
    before_peak: float  # minutes of the window
    long_share: float

    @property
    def net(self) -> float:
        """Sold less bought per dollar liquidated: longs are sold, shorts bought back."""
        return 2 * self.long_share - 1


# Amberdata, "How $3.21B vanished in 60 seconds": all coins of the venues it watches. The window is
# the 40 minutes from 20:50 UTC, the peak minute 21:15.
OCTOBER_2025 = CrashFlow(6.93e9, 40.0, 3.21e9, 25.0, 0.839)


def calibrate(
    flow: CrashFlow, market_share: float, fall: float, recovered: float, half_life: float
) -> Impact:
    """Coefficients with which the flow alone makes `fall` at the end of the peak minute.

    `fall` is a log move, positive; `recovered` the share of it that is temporary; `market_share`
    the part of the flow that went into this market. Outside the peak minute the flow is even.
    """
    rate = (flow.in_window - flow.in_peak_minute) / (flow.window - 1)
    share = flow.net * market_share
    minutes = half_life / 60
    kept = rate * minutes / LN2 * (1 - 2 ** (-flow.before_peak / minutes))
    standing = share * (kept + flow.in_peak_minute)
    gone_through = share * (rate * flow.before_peak + flow.in_peak_minute)
    return Impact(
        permanent=(1 - recovered) * fall / gone_through,
        temporary=recovered * fall / standing,
        half_life=half_life,
    )


# Of the fall, the part that forced selling is taken to have made; the rest was news.
FORCED = 0.5
MARKET_SHARE = 0.25  # of all coins' forced selling, BTC and ETH each
RECOVERED = 0.8
HALF_LIFE = 300.0
# Binance perpetuals, bars of five minutes: log of the open at 20:50 over the low after 21:20 UTC.
FALL_BTC = math.log(116_830.3 / 101_516.5)
FALL_ETH = math.log(4_009.98 / 3_400.0)


def october_2025(fall: float) -> Impact:
    """Per dollar, of a market that fell this far."""
    return calibrate(OCTOBER_2025, MARKET_SHARE, FORCED * fall, RECOVERED, HALF_LIFE)
