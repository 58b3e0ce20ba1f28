"""What an owner who alone executes can make of the delay, on recorded crashes.

Nobody else executes; the owner watches the price and picks, in hindsight, the best second of the
window. What he takes is closed at that second's price, and a round costs spread and fee twice.
After its slot an order fills at the worse of its price and the open slot's, so what is left to
him is the move since the open slot's start. docs/decisions/0030-how-an-order-ends.md has the
table, `python -m tests.attacks.test_late_execution FOLDER` prints it.

Every slot's price is published at its start. Within a bar the price goes from open to its extremes
in seeded order and to the close, straight in between: more than a real price moves in seconds.
Floats: this is a statistic.
"""

import os
import random
import sys
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
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
SLOT_SECONDS = 4
GRACE = 8
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


@dataclass(frozen=True)
class Round:
    """One opportunity: moves since the slot's price at each second of the window."""

    moves: tuple[float, ...]
    before: float  # the move of the window before
    volatility: float  # known at the start
    cost: float  # of one way

    def gain(self, side: int, second: int, fair: bool = True) -> float:
        """What a fill of one side is worth at that second's price. Not fair: at the slot's."""
        move = side * self.moves[second]
        seen = side * self.moves[second - second % SLOT_SECONDS] if fair else 0.0
        return move - max(0.0, seen)

    def best(self, last: int, sides: Sequence[int] = (1, -1), fair: bool = True) -> float:
        """The best fill up to a second, after both costs."""
        gains = [self.gain(side, at, fair) for side in sides for at in range(last + 1)]
        return max(gains) - 2 * self.cost


def rounds_of(bars: Sequence[Bar], costs: Costs, seed: int = 1) -> list[Round]:
    """A round a minute over all bars."""
    at = straight(bars, seed)
    volatility, last = 0.0, at(bars[0].time)
    found = []
    for time in range(bars[0].time + 60, bars[-1].time - 60, 60):
        slot = at(time)
        moves = tuple(at(time + second) / slot - 1 for second in range(costs.window + 1))
        before = slot / at(time - costs.window) - 1
        found.append(Round(moves, before, volatility, costs.one_way(volatility)))
        for pushed in range(PUSH_SECONDS, 61, PUSH_SECONDS):
            price = at(time + pushed)
            volatility += (abs(price / last - 1) - volatility) / 8
            last = price
    return found


Strategy = Callable[[Round, Costs], float]


def takes_the_winner(one: Round, costs: Costs) -> float:
    """Of two opposite opening orders; the other lapses."""
    return one.best(costs.window) - costs.lapse


def takes_the_winner_or_both(one: Round, costs: Costs) -> float:
    return max(one.best(costs.window) - costs.lapse, -2 * one.cost)


def follows_the_last_move(one: Round, costs: Costs) -> float:
    """One opening order only, with the price of the last window."""
    return max(one.best(costs.window, (1 if one.before > 0 else -1,)), -costs.lapse)


def as_late_as_allowed(one: Round, costs: Costs) -> float:
    """Two opposite reduce-only orders of a hedged pair, looked at once, at the window's end."""
    gains = [one.gain(side, costs.window) for side in (1, -1)]
    return max(max(gains) - 2 * one.cost, 0.0)


def closes_the_winner(one: Round, costs: Costs) -> float:
    """The same in the best second. So it is with resting orders whose quote he breaks himself."""
    return max(one.best(costs.window), 0.0)


def meets_a_cap_himself(one: Round, costs: Costs) -> float:
    """Or breaks the quote: the loser is refunded within the grace. What that costs is left out."""
    return max(one.best(GRACE), one.best(costs.window) - costs.lapse, 0.0)


STAKED = (takes_the_winner, takes_the_winner_or_both, follows_the_last_move)
FREE = (as_late_as_allowed, closes_the_winner, meets_a_cap_himself)
LEAST = 1e-4  # of the notional: what picking the best second of a free order may earn
WORST = 100  # one round in so many, by the volatility that is known when it starts


def mean(rounds: Sequence[Round], costs: Costs, strategy: Strategy) -> float:
    return sum(strategy(one, costs) for one in rounds) / len(rounds)


def worst(rounds: Sequence[Round]) -> list[Round]:
    ranked = sorted(rounds, key=lambda one: one.volatility, reverse=True)
    return ranked[: max(1, len(ranked) // WORST)]


@cache
def generated(seed: int, market: str) -> list[Round]:
    return rounds_of(generate(seed).bars[market], Costs.of(DeploymentConfig()), seed)


@cache
def recorded(path: Path) -> list[Round]:
    return rounds_of(read_csv(path), Costs.of(DeploymentConfig()))


@pytest.fixture(scope="module")
def costs() -> Costs:
    return Costs.of(DeploymentConfig())


@pytest.fixture(params=FILES)
def recording(request) -> list[Round]:
    path = Path(DATA or "") / request.param
    if not DATA or not path.exists():
        pytest.skip(f"TIDEGATE_MARKET_DATA names no folder with {request.param}")
    return recorded(path)


@pytest.mark.parametrize("strategy", STAKED)
@pytest.mark.parametrize("market", ["BTC-PERP", "ETH-PERP"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_earns_nothing_on_a_generated_crash(costs: Costs, strategy, market: str, seed: int):
    assert mean(generated(seed, market), costs, strategy) < 0


@pytest.mark.parametrize("strategy", FREE)
@pytest.mark.parametrize("market", ["BTC-PERP", "ETH-PERP"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nor_does_what_ends_for_nothing(costs: Costs, strategy, market: str, seed: int):
    assert mean(generated(seed, market), costs, strategy) < LEAST


@pytest.mark.parametrize("strategy", STAKED)
def test_it_earns_nothing_on_a_recorded_crash(costs: Costs, strategy, recording):
    assert mean(recording, costs, strategy) < 0


@pytest.mark.parametrize("strategy", FREE)
def test_nor_does_what_ends_for_nothing_there(costs: Costs, strategy, recording):
    assert mean(recording, costs, strategy) < LEAST


def test_at_its_slots_price_alone_it_would(costs: Costs):
    """The same delay without the open slot's price: an option is worth something."""

    def free(one: Round, costs: Costs) -> float:
        return max(one.best(costs.window, fair=False), 0.0)

    crash = generated(1, "BTC-PERP")
    assert mean(crash, costs, free) > 5 * mean(crash, costs, closes_the_winner) >= 0
    assert mean(crash, costs, free) > LEAST


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
        # the last slot of the window opens, and its price is needed too
        self.wait(opened + system.config.window // SLOT_SECONDS * SLOT_SECONDS)
        self.publish()
        system.chain.set_time(opened + system.config.window)
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


def table(folder: Path) -> None:
    """bp a round: all rounds, and the one in a hundred that begins most volatile."""
    costs = Costs.of(DeploymentConfig())

    def at_its_slots_price(one: Round, costs: Costs) -> float:
        return max(one.best(costs.window, fair=False) - costs.lapse, -2 * one.cost)

    def free_at_its_slots_price(one: Round, costs: Costs) -> float:
        return max(one.best(costs.window, fair=False), 0.0)

    names = [path for path in (folder / name for name in FILES) if path.exists()]
    print("| strategy | " + " | ".join(path.stem for path in names) + " |")
    print("|---|" + "--:|" * len(names))
    for strategy in (at_its_slots_price, free_at_its_slots_price, *STAKED, *FREE):
        cells = []
        for path in names:
            rounds = recorded(path)
            figures = (mean(part, costs, strategy) * 1e4 for part in (rounds, worst(rounds)))
            cells.append(" / ".join(f"{figure:.2f}" for figure in figures))
        print(f"| {strategy.__name__} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    table(Path(sys.argv[1]))
