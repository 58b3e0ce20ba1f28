"""Breaker pokes: every market whose level, sample or hold a poke would change, the gravest first.

The chain is read, the specification says what a poke would do, and a poke that would do nothing is
not sent. A calm market is poked once a window, for its sample.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from tidegate.keepers.actions import PokeBreaker
from tidegate.spec import breaker
from tidegate.spec.breaker import Market, Seen

REFRESH = 60  # seconds after which a level that is measured still begins its hold again


@dataclass(frozen=True, slots=True)
class Watched:
    """A market with a breaker, as the chain says it is."""

    instrument: int
    market: Market  # level, settings, state, samples, halts
    seen: Seen  # what lies behind the meters
    scale: int  # K, 1e-18 units


@dataclass(frozen=True, slots=True)
class BreakerState:
    now: int  # seconds
    watched: Iterable[Watched]


def is_due(watched: Watched, now: int) -> bool:
    """Whether a poke would change what matters."""
    before = watched.market
    after = breaker.step(before, watched.seen, watched.scale, now)
    return (
        after.level != before.level
        or after.samples != before.samples
        or after.state.outage != before.state.outage
        or after.halts != before.halts
        or after.state.since >= before.state.since + REFRESH
    )


def decide(state: BreakerState) -> list[PokeBreaker]:
    """One poke for each market that is due; those on the highest level, or bound for it, first:
    a halt ends only by a poke."""
    due = []
    for watched in state.watched:
        if is_due(watched, state.now):
            after = breaker.step(watched.market, watched.seen, watched.scale, state.now)
            rank = max(after.level, watched.market.level)
            due.append((-rank, watched.instrument))
    return [PokeBreaker(instrument) for _, instrument in sorted(due)]
