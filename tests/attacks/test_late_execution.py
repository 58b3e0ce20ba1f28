"""An owner who alone executes, as late as allowed, earns nothing on a crash net of lapse fees.

Two opposite orders wait for one slot. Nobody else executes; the owner looks at the price until the
window ends, takes the winner at the slot's price and lets the loser lapse, or takes both when the
price has hardly moved. Without lapse fees the delay is a free option, and the last test shows it.

What is judged is a crash as recorded, calm hours included: who strikes only in its worst minutes,
and alone, still earns there what it saves on the others (docs/decisions/0030-how-an-order-ends.md).

Within a bar the price goes from open to its extremes in seeded order and to the close, straight in
between: more than a real price moves in 30 seconds. Floats: this is a statistic.
"""

import os
import random
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from tests.harness.system import BTC, System, wad
from tidegate.deployment import DeploymentConfig
from tidegate.simulation.paths import Bar, bar_seconds, generate, read_csv
from tidegate.spec.rounding import WAD

DATA = os.environ.get("TIDEGATE_MARKET_DATA")
FILES = (
    "btcusdt_spot_5m_2020-03-05_12.csv",
    "btcusdt_spot_1m_2021-05-17_20.csv",
    "ethusdt_spot_1m_2021-05-17_20.csv",
    "btcusdt_perp_5m_2025-10-05_15.csv",
    "ethusdt_perp_5m_2025-10-05_15.csv",
)
PUSH_SECONDS = 8
Price = Callable[[float], float]


@dataclass(frozen=True)
class Costs:
    """Shares of the notional."""

    window: int
    lapse: float
    fee: float
    half_spread: float
    volatility: float
    max_half_spread: float

    @classmethod
    def of(cls, config: DeploymentConfig) -> "Costs":
        market = config.markets[0]
        return cls(
            config.window,
            float(config.lapse_ratio),
            market.trade.taker_fee / 1e6,
            float(market.quote.half_spread),
            float(market.quote.volatility),
            float(market.quote.max_half_spread),
        )

    def one_way(self, volatility: float) -> float:
        half = self.half_spread + self.volatility * volatility
        return self.fee + min(half, self.max_half_spread)


def straight(bars: Sequence[Bar], seed: int = 1) -> Price:
    """The price at any time."""
    seconds, order = bar_seconds(bars, "bars"), random.Random(seed)
    times: list[float] = []
    prices: list[float] = []
    for bar in bars:
        extremes = (bar.high, bar.low) if order.random() < 0.5 else (bar.low, bar.high)
        for leg, price in enumerate((bar.open, *extremes, bar.close)):
            times.append(bar.time + leg * seconds / 4)
            prices.append(float(price))

    def at(time: float) -> float:
        place = bisect_right(times, time) - 1
        if place >= len(times) - 1:
            return prices[-1]
        share = (time - times[place]) / (times[place + 1] - times[place])
        return prices[place] + (prices[place + 1] - prices[place]) * share

    return at


# What a round earns, by the move from the slot to the end of the window and the cost of one way.
# What was opened is closed at the price of that end.


def takes_the_winner(move: float, before: float, cost: float, lapse: float) -> float:
    return abs(move) - 2 * cost - lapse


def takes_the_winner_or_both(move: float, before: float, cost: float, lapse: float) -> float:
    return max(abs(move) - 2 * cost - lapse, -2 * cost)


def follows_the_last_move(move: float, before: float, cost: float, lapse: float) -> float:
    """One order only, with the price of the last window."""
    gain = move if before > 0 else -move
    return max(gain - 2 * cost, -lapse)


STRATEGIES = (takes_the_winner, takes_the_winner_or_both, follows_the_last_move)


def earns(bars: Sequence[Bar], costs: Costs, strategy, seed: int = 1) -> float:
    """Mean per round and notional, a round a minute over all bars."""
    at = straight(bars, seed)
    volatility, total, rounds = 0.0, 0.0, 0
    last = at(bars[0].time)
    for time in range(bars[0].time + 60, bars[-1].time - 60, 60):
        slot = at(time)
        move = at(time + costs.window) / slot - 1
        before = slot / at(time - costs.window) - 1
        total += strategy(move, before, costs.one_way(volatility), costs.lapse)
        rounds += 1
        for pushed in range(PUSH_SECONDS, 61, PUSH_SECONDS):
            price = at(time + pushed)
            volatility += (abs(price / last - 1) - volatility) / 8
            last = price
    return total / rounds


@pytest.fixture(scope="module")
def costs() -> Costs:
    return Costs.of(DeploymentConfig())


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("market", ["BTC-PERP", "ETH-PERP"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_earns_nothing_on_a_generated_crash(costs: Costs, strategy, market: str, seed: int):
    assert earns(generate(seed).bars[market], costs, strategy, seed) < 0


@pytest.mark.skipif(not DATA, reason="TIDEGATE_MARKET_DATA names no folder of market data")
@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("name", FILES)
def test_it_earns_nothing_on_a_recorded_crash(costs: Costs, strategy, name: str):
    path = Path(DATA or "") / name
    if not path.exists():
        pytest.skip(f"no {name} in TIDEGATE_MARKET_DATA")
    assert earns(read_csv(path), costs, strategy) < 0


def test_without_lapse_fees_it_would(costs: Costs):
    """The same delay, free: an option is worth something."""

    def free(move: float, before: float, cost: float, lapse: float) -> float:
        return max(abs(move) - 2 * cost, 0)

    assert earns(generate(1).bars["BTC-PERP"], costs, free) > 0


# The same on the deployed contracts


@dataclass
class Owner:
    """Two accounts of the attacker, who executes its own orders and nobody else's."""

    system: System
    name: str
    price: Price
    keeper: int

    def __post_init__(self) -> None:
        self.long = self.system.fund(self.name, 1_000_000, sub=1)
        self.short = self.system.fund(self.name, 1_000_000, sub=2)

    def publish(self) -> None:
        now = self.system.now
        price = Decimal(str(round(self.price(now), 2)))
        self.system.prices[1] = wad(price)
        for feed, value in self.system.prices.items():
            self.system.signers.push(feed, value, now)
        self.system.chain.advance(1)

    def wait(self, until: int) -> None:
        while (step := self.system.now + PUSH_SECONDS - 1) < until:
            self.system.chain.set_time(step)
            self.publish()
        self.system.chain.set_time(until)

    def send(self, fn: str, *args: object):
        return self.system.exchange.transact(fn, *args, sender=self.name)

    def round(self, threshold: float) -> None:
        """One strangle of 1 BTC: the winner late, or both."""
        system = self.system
        orders = [
            system.order(account, BTC, size) for account, size in ((self.long, 1), (self.short, -1))
        ]
        for order in orders:
            self.send("place", order)
        opened = system.next_slot() * system.config.slot_seconds
        self.publish()
        slot_price = system.prices[1]
        self.wait(opened + system.config.window)
        move = system.oracle.call("latest", 1)[0] / slot_price - 1
        winner = orders[0] if move > 0 else orders[1]
        taken = [winner] if abs(move) > threshold else orders
        for order in taken:
            self.send("execute", order, self.keeper)
        system.chain.advance(1)
        for order in orders:
            if order not in taken:
                self.send("cancel", order)
        closing = [
            system.order(account, BTC, Decimal(-size) / WAD, reduce_only=True)
            for account in (self.long, self.short)
            if (size := system.size(account, BTC))
        ]
        for order in closing:
            self.send("place", order)
        system.next_slot()
        self.publish()
        for order in closing:
            self.send("execute", order, self.keeper)


def test_it_earns_nothing_on_chain(funded: System, attacker: str, laws):
    """Forty bars, the crash among them, a round a bar."""
    bars = generate(1).bars["BTC-PERP"]
    first = len(bars) * 50 // 100
    at = straight(bars)
    level = 60_000 / at(bars[first].time)
    clock: dict[str, float] = {}

    def price(now: float) -> float:
        return level * at(clock["bar"] + now - clock["start"])

    # its keeper fees come back to itself
    owner = Owner(funded, attacker, price, funded.account(attacker, 3))
    accounts = (owner.long, owner.short, owner.keeper)
    start = sum(funded.cash(account) for account in accounts)
    rounds = 40
    for number in range(rounds):
        clock.update(bar=bars[first + number].time + 60, start=funded.now)
        # from the last bar's price to this one's, as far as a slot lets it
        funded.chain.advance(60)
        clock["start"] = funded.now
        owner.publish()
        owner.round(threshold=0.003)
    assert funded.size(owner.long, BTC) == funded.size(owner.short, BTC) == 0
    result = sum(funded.cash(account) for account in accounts) - start
    mean = result / WAD / rounds / 60_000
    assert -0.01 < mean < 0
    laws(*accounts, funded.account(funded.actor("liquidity provider")))
