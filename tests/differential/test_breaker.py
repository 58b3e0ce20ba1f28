"""The breaker and its specification live the same random lives; spoilt bytecode does not.

After every call the level, the state and both samples are compared, now and then the readings.
"""

from dataclasses import replace
from random import Random

import pytest

from tests.harness.breaker import DEPTH, PRICE, SETTINGS, Bench
from tests.harness.storage import refused
from tests.stateful.wealth.faults import Fault, spoilt
from tidegate import artifacts
from tidegate.artifacts import Artifact
from tidegate.client.errors import ProtocolError
from tidegate.spec import breaker as spec
from tidegate.spec.breaker import Settings
from tidegate.spec.rounding import WAD

STEPS = 250
LIVES = 4
FAULTY_LIVES = 12


class Life:
    """What may happen to one market, calm more often than not."""

    def __init__(self, seed: int, code: Artifact | None = None) -> None:
        self.rng = Random(f"breaker {seed}")
        self.bench = Bench(code)
        self.reached: set[int] = set()

    def act(self) -> None:
        rng = self.rng
        doing = rng.choices(
            [self.market, self.wait, self.silence, self.outage, self.guard, self.govern],
            [10, 10, 1, 1, 1, 1],
        )[0]
        doing()
        if rng.random() < 0.1:
            self.bench.readings()
        self.reached.add(self.bench.poke())

    def market(self) -> None:
        rng, seen = self.rng, self.bench.seen
        hot = rng.choice([1, 1, 4, 20])
        price = (seen.price or PRICE) * (1000 + rng.randint(-10, 10) * hot) // 1000
        self.bench.show(
            price=min(max(price, PRICE // 50), PRICE * 50),
            price_age=0,
            skew=rng.randint(-20, 20) * hot * DEPTH * WAD // 4000,
            liquidated=(seen.liquidated or 0) + rng.randint(0, hot) * DEPTH * PRICE // 2000,
            drawn=(rng.randint(0, 50) * hot, 1000),
        )

    def wait(self) -> None:
        self.bench.pass_time(self.rng.choice([1, 4, 20, 59, 60, 61, 300, 360, 600, 3600]))

    def silence(self) -> None:
        self.bench.show(**{self.rng.choice(["price", "liquidated", "drawn"]): None})

    def outage(self) -> None:
        bench, seconds = self.bench, self.rng.choice([296, 300, 304, 1200])
        bench.chain.set_time(bench.now + seconds)
        bench.show(price=bench.seen.price or PRICE, price_age=seconds)
        bench.poke()
        bench.show(price_age=self.rng.choice([None, 0, seconds]))

    def guard(self) -> None:
        level, duration = self.rng.randint(0, 5), self.rng.choice([0, 1, 240, 600, 601])
        bench = self.bench
        try:
            bench.escalate(level, duration)
        except ProtocolError as refusal:
            with pytest.raises(ValueError, match=refusal.name):
                spec.escalate(bench.market, level, duration, bench.seen, bench.scale, bench.now)

    def govern(self) -> None:
        rng = self.rng
        name = rng.choice(list(Settings.LAYOUT))
        changed = replace(SETTINGS, **{name: rng.randint(0, 60)})
        # the feed's prices are fresh for a minute
        if changed.within_bounds() and changed.outage != 1:
            self.bench.set_settings(changed)
        else:
            refused(self.bench.chain, "OutOfBounds", lambda: self.bench.set_settings(changed))


def lives(code: Artifact | None, most: int) -> tuple[int, set[int]]:
    """Steps lived and levels reached; AssertionError when the two part."""
    steps, reached = 0, set()
    for seed in range(most):
        life = Life(seed, code)
        for _ in range(STEPS):
            steps += 1
            life.act()
        reached |= life.reached
    return steps, reached


def test_bytecode_and_specification_agree():
    assert lives(None, LIVES) == (LIVES * STEPS, {0, 1, 2, 3, 4})


FILE = "liquidation/CircuitBreaker.vy"
FAULTS = {
    "a level never falls": ("level = before - 1", "level = before"),
    "a level falls to the bottom": ("level = before - 1", "level = wanted"),
    "a poke restarts a hold": (
        "since = now if before != brakes.NORMAL else since",
        "since = since if before != brakes.NORMAL else since",
    ),
    "any measure restarts a hold": ("elif measured == before:", "elif measured != 0:"),
    "a halt has no end": (
        "elif before == brakes.HALTED and not may_halt:",
        "elif before == brakes.HALTED and not may_halt and now == 0:",
    ),
    "a halt that nobody ended is a rest": (
        "rested: bool = before != brakes.HALTED or state & OUTAGE != 0",
        "rested: bool = True",
    ),
    "a halt that ends late has its rest behind it": (
        "max(halts >> 32, now + self._longest_halt(settings))",
        "(halts >> 32)",
    ),
    "an outage counts as a halt": (
        "if level == brakes.HALTED and not reading.outage and now >= halts & TIME:",
        "if level == brakes.HALTED and now >= halts & TIME:",
    ),
    "the grace begins again with every poke": (
        "if outage_before and not reading.outage:",
        "if (outage_before or now < grace_until) and not reading.outage:",
    ),
    "the guardian never ends": ("if now < self._guard_until(state) else", "if now != 0 else"),
    "the guardian renews at once": ("next: uint256 = until + duration", "next: uint256 = until"),
    "an hour is as good as a window": (
        "unsafe_mul(then, windows)",
        "then",
    ),
    "a part of a window counts as none": (
        "unsafe_div(unsafe_add(age, unsafe_sub(window, 1)), window)",
        "unsafe_div(age, window)",
    ),
    "the sample is of every poke": (
        "if ((self._samples[instrument][place] >> 90) & TIME) // window != epoch:",
        "if window != 0:",
    ),
    "one sample is forgotten": ("range(2):", "range(1):"),
    "a shrinking skew is growth": ("if skew > then:", "if skew != then:"),
    "silence is a count of nothing": (
        "price != 0 and sample & COUNTED != 0:",
        "price != 0:",
    ),
    "a skew may halt": (
        "self._reached(settings >> 40, 2, reading.skew)",
        "self._reached(settings >> 40, 4, reading.skew)",
    ),
    "the price of the second of its change": (
        "price = (first >> 90) & PRICE",
        "price = first & PRICE",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_the_lives_find_it(name: str):
    with spoilt(Fault("CircuitBreaker", FILE, *FAULTS[name])):
        code = artifacts.artifact("CircuitBreaker")
    with pytest.raises((AssertionError, ProtocolError)):
        lives(code, FAULTY_LIVES)


@pytest.mark.parametrize("seconds", [0, 1, 2**32 - 1_800_000_000])
@pytest.mark.parametrize("first", [1, 2**90 - 1])
@pytest.mark.parametrize("then", [1, 2**90 - 1])
@pytest.mark.parametrize("amount", [0, 2**103 - 1])
def test_the_corners_of_every_field(seconds: int, first: int, then: int, amount: int):
    """What is unchecked in the bytecode: the widest price, skew and counter, the oldest sample."""
    bench = Bench()
    bench.show(price=first)
    bench.poke()
    bench.pass_time(seconds)
    bench.show(price=then, price_age=0, skew=-amount, liquidated=min(amount * 2**25, 2**128 - 1))
    bench.readings()
    bench.poke()
