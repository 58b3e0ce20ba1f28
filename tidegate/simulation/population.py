"""A seeded population of traders: what each deposits, holds and does, bar by bar.

Sizes are chosen as multiples of the deposit (leverage); the scenario turns them into units at the
price of the moment. A third of the traders holds both markets in one cross-margined account.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

# leverage (notional over deposit) and how many of a hundred traders use it
LEVERAGES: tuple[tuple[Decimal, int], ...] = (
    (Decimal("1.5"), 10),
    (Decimal(2), 14),
    (Decimal(3), 18),
    (Decimal(5), 20),
    (Decimal(8), 16),
    (Decimal(10), 12),
    (Decimal(12), 10),
)
LONG_SHARE = 0.64
CROSS_EVERY = 3
OPENING_SHARE = 0.40  # share of the path in which traders open
FEWEST = 100
DEPOSIT = Decimal(6000)  # the median, in units of the collateral
SMALLEST_DEPOSIT = Decimal(400)
LARGEST_DEPOSIT = Decimal(60000)


class Kind(StrEnum):
    """What a trader does."""

    OPEN = "open"
    ADD = "add"
    REDUCE = "reduce"
    CLOSE = "close"
    REST = "rest"  # a resting order below (above) the market
    TOP_UP = "top up"
    WITHDRAW = "withdraw"


@dataclass(frozen=True, slots=True)
class Intent:
    """One act. `leverage` is signed: notional over the trader's deposit, or a share of it."""

    bar: int
    point: int  # 0..3: which of the bar's prices
    trader: int
    kind: Kind
    market: str = ""
    leverage: Decimal = Decimal(0)
    offset: Decimal = Decimal(0)  # of a resting order from the price, a share


@dataclass(frozen=True, slots=True)
class Trader:
    """One account. The deposit is in units of the collateral."""

    number: int
    sub: int
    deposit: Decimal
    leverage: Decimal
    markets: tuple[str, ...]
    intents: tuple[Intent, ...]

    @property
    def cross(self) -> bool:
        return len(self.markets) > 1


@dataclass(frozen=True, slots=True)
class Provider:
    """A liquidity provider: requests at bar 0 and redeems a share at a later bar."""

    number: int
    deposit: Decimal
    redeem_bar: int | None = None
    redeem_share: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Population:
    traders: tuple[Trader, ...]
    providers: tuple[Provider, ...]

    def intents(self) -> list[Intent]:
        """Of everybody, in the order of time."""
        acts = [intent for trader in self.traders for intent in trader.intents]
        return sorted(acts, key=lambda act: (act.bar, act.point, act.trader))


def _deposit(rng: random.Random) -> Decimal:
    drawn = DEPOSIT * Decimal(str(round(rng.lognormvariate(0.0, 0.9), 3)))
    return min(max(drawn, SMALLEST_DEPOSIT), LARGEST_DEPOSIT).quantize(Decimal(1))


def _trader(number: int, bars: int, markets: Sequence[str], rng: random.Random) -> Trader:
    levels, weights = zip(*LEVERAGES, strict=True)
    leverage = rng.choices(levels, weights)[0]
    cross = number % CROSS_EVERY == 0
    own = tuple(markets) if cross else (markets[number // CROSS_EVERY % len(markets)],)
    deposit = _deposit(rng)
    opening = rng.randrange(1, max(2, int(bars * OPENING_SHARE)))
    side = 1 if rng.random() < LONG_SHARE else -1
    acts: list[Intent] = []

    def act(bar: int, kind: Kind, market: str = "", **more: Decimal) -> None:
        if bar < bars - 1:
            acts.append(Intent(bar, rng.randrange(4), number, kind, market, **more))

    for place, market in enumerate(own):
        # a cross-margined trader splits its leverage; every second one hedges one leg by the other
        share = side * leverage / len(own)
        if place and number % (2 * CROSS_EVERY) == 0:
            share = -share
        first = opening + 3 * place
        act(first, Kind.OPEN, market, leverage=share)
        if rng.random() < 0.30:
            act(first + rng.randrange(4, 40), Kind.ADD, market, leverage=share / 4)
        if rng.random() < 0.15:
            offset = Decimal(rng.randrange(2, 15)) / 1000
            act(
                first + rng.randrange(4, 60),
                Kind.REST,
                market,
                leverage=share / 4,
                offset=offset,
            )
        if rng.random() < 0.20:
            act(first + rng.randrange(20, 120), Kind.REDUCE, market, leverage=Decimal("0.5"))
        if rng.random() < 0.30:
            act(rng.randrange(first + 10, max(first + 11, bars)), Kind.CLOSE, market)
    if rng.random() < 0.15:
        act(
            rng.randrange(opening + 5, max(opening + 6, bars)), Kind.TOP_UP, leverage=Decimal("0.3")
        )
    if rng.random() < 0.10:
        act(
            rng.randrange(opening + 5, max(opening + 6, bars)),
            Kind.WITHDRAW,
            leverage=Decimal("0.1"),
        )
    acts.sort(key=lambda one: (one.bar, one.point))
    return Trader(number, number + 1, deposit, leverage, own, tuple(acts))


def populate(
    seed: int, traders: int, bars: int, markets: Sequence[str], liquidity: Decimal
) -> Population:
    """The same seed gives the same people. `liquidity` is what the providers deposit together."""
    rng = random.Random(f"population {seed}")
    people = tuple(_trader(number, bars, markets, rng) for number in range(traders))
    providers = (
        Provider(0, (liquidity / 2).quantize(Decimal(1))),
        Provider(1, (liquidity * 3 / 10).quantize(Decimal(1)), int(bars * 0.75), Decimal("0.2")),
        Provider(2, (liquidity / 5).quantize(Decimal(1)), int(bars * 0.45), Decimal("0.1")),
    )
    return Population(people, providers)
