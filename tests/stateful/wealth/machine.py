"""Lives one after the other until so many actions were tried; a failing one is shortened."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tests.stateful.wealth import truth
from tests.stateful.wealth.actor import WEIGHTED
from tests.stateful.wealth.attacker import Attacker
from tests.stateful.wealth.cast import Cast
from tests.stateful.wealth.law import Broken, Tally
from tests.stateful.wealth.life import Life
from tests.stateful.wealth.settlement import settle
from tidegate.spec.rounding import WAD

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

    def total(self, part: str) -> Counter[str]:
        """A part of all lives' tallies, summed."""
        sums: Counter[str] = Counter()
        for _, tally in self.tallies:
            sums.update(getattr(tally, part))
        return sums

    def report(self) -> str:
        """Actions tried and done, refusals, and what the attacker made of it by kind of path."""
        rows = [f"{'action':18} {'tried':>7} {'done':>7}  rate"]
        for name in sorted(self.tried):
            tried, done = self.tried[name], self.done[name]
            rows.append(f"{name:18} {tried:7} {done:7}  {done / tried:.0%}")
        rows.append(f"{self.actions:26} {sum(self.done.values()):7}  in {self.seconds:.0f} s")
        rows.append("most frequent refusals:")
        rows += [f"  {name:45} {count}" for name, count in self.refused.most_common(20)]
        groups: dict[str, list[Tally]] = {}
        for kind, tally in self.tallies:
            groups.setdefault(f"{kind}, {tally.habits}", []).append(tally)
        for name in sorted(groups):
            rows += of_kind(name, groups[name])
        return "\n".join(rows)


def of_kind(kind: str, tallies: Sequence[Tally]) -> list[str]:
    """Whole tokens, summed over the lives of one kind of path."""
    gain = sum(tally.end - tally.start for tally in tallies)
    most = max(tally.most for tally in tallies)
    rows = [f"{kind}: {len(tallies)} lives, wealth {gain // WAD:+,}, most excess {most} wei"]
    for part in ("fair", "edges"):
        sums: Counter[str] = Counter()
        for tally in tallies:
            sums.update(getattr(tally, part))
        rows += [f"  {part:5} {name:48} {sums[name] // WAD:>+12,}" for name in sorted(sums)]
    rows.append(f"  {'costs':54} {sum(tally.excess for tally in tallies) // WAD:>+12,}")
    return rows


class Failure(AssertionError):
    """The law broke; says how to replay it."""

    def __init__(self, seed: str, kind: str, trace: Trace, broken: Broken) -> None:
        super().__init__(f"{broken}\nlife {seed!r} ({kind}), step {len(trace)}")
        self.seed, self.kind, self.trace, self.broken = seed, kind, trace, broken


def drawn(seed: str, steps: int) -> Trace:
    rng = random.Random(f"{seed} moves")
    return [(step, rng.choice(WEIGHTED)) for step in range(steps)]


def live(
    cast: Cast,
    seed: str,
    kind: str,
    trace: Sequence[tuple[int, str]],
    make: Callable[..., Life] = Life,
) -> Iterator[Life]:
    """The life after every step of the trace, and once more when everything is settled."""
    life = make(cast, seed, kind)
    attacker = Attacker(life)
    for step, name in trace:
        getattr(attacker, name)(random.Random(f"{seed} step {step}"))
        yield life
    settle(attacker)
    yield life


def run(cast: Cast, seed: object, steps: int, kinds: Sequence[str] = truth.KINDS) -> Outcome:
    """At least so many actions; every life from the same moment."""
    outcome, began = Outcome(), time.monotonic()
    number = 0
    while outcome.actions < steps:
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
