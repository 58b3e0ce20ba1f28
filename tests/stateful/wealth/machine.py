"""Lives one after the other, until so many actions were tried; replays and shortens a failing one."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tests.stateful.wealth import truth
from tests.stateful.wealth.attacker import WEIGHTED
from tests.stateful.wealth.cast import Cast
from tests.stateful.wealth.law import Broken, Tally
from tests.stateful.wealth.life import Life
from tests.stateful.wealth.provider import Attacker
from tests.stateful.wealth.settlement import settle

STEPS_A_LIFE = 220
Trace = list[tuple[int, str]]  # step numbers and moves


@dataclass
class Outcome:
    """What many lives came to."""

    tried: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    tallies: list[tuple[str, Tally]] = field(default_factory=list)
    seconds: float = 0

    @property
    def actions(self) -> int:
        return sum(self.tried.values())


class Failure(AssertionError):
    """The law broke; says how to replay it."""

    def __init__(self, seed: str, kind: str, trace: Trace, broken: Broken) -> None:
        super().__init__(f"{broken}\nlife {seed!r} ({kind}), step {len(trace)}")
        self.seed, self.kind, self.trace, self.broken = seed, kind, trace, broken


def drawn(seed: str, steps: int) -> Trace:
    rng = random.Random(f"{seed} moves")
    return [(step, rng.choice(WEIGHTED)) for step in range(steps)]


def live(cast: Cast, seed: str, kind: str, trace: Sequence[tuple[int, str]]) -> Iterator[Life]:
    """The life after every step of the trace, and once more when everything is settled."""
    life = Life(cast, seed, kind)
    attacker = Attacker(life)
    for step, name in trace:
        getattr(attacker, name)(random.Random(f"{seed} step {step}"))
        yield life
    settle(attacker)
    yield life


def run(
    cast: Cast, seed: object, steps: int, kinds: Sequence[str] = truth.KINDS, least: int = 0
) -> Outcome:
    """At least so many actions; every life from the same moment."""
    outcome, began = Outcome(), time.monotonic()
    number = 0
    while outcome.actions < max(steps, least):
        kind = kinds[number % len(kinds)]
        one_life(cast, f"{seed} {number}", kind, outcome)
        number += 1
    outcome.seconds = time.monotonic() - began
    return outcome


def one_life(cast: Cast, seed: str, kind: str, outcome: Outcome) -> None:
    checkpoint = cast.system.chain.snapshot()
    trace = drawn(seed, STEPS_A_LIFE)
    life, past = None, 0
    try:
        for life in live(cast, seed, kind, trace):  # noqa: B007
            past += 1
    except Broken as broken:
        raise Failure(seed, kind, trace[: past + 1], broken) from broken
    finally:
        cast.system.chain.restore(checkpoint)
    assert life is not None
    outcome.tried.update(life.tried)
    outcome.done.update(life.done)
    outcome.refused.update(life.refused)
    outcome.tallies.append((kind, life.law.tally))


def breaks(cast: Cast, failure: Failure, trace: Trace) -> Broken | None:
    """Whether a shorter trace of the same life still breaks the law."""
    checkpoint = cast.system.chain.snapshot()
    try:
        for _ in live(cast, failure.seed, failure.kind, trace):
            pass
    except Broken as broken:
        return broken
    finally:
        cast.system.chain.restore(checkpoint)
    return None


def shortened(cast: Cast, failure: Failure, say: Callable[[str], None] = print) -> Trace:
    """Leaves out steps as long as the law still breaks."""
    trace, chunk = failure.trace, max(1, len(failure.trace) // 2)
    while True:
        at, shorter = 0, False
        while at < len(trace):
            rest = trace[:at] + trace[at + chunk :]
            if breaks(cast, failure, rest):
                trace, shorter = rest, True
            else:
                at += chunk
        say(f"{len(trace)} steps left")
        if chunk == 1 and not shorter:
            return trace
        chunk = max(1, chunk // 2)
