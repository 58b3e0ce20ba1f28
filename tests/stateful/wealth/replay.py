"""Shorten a life that broke the law: python -m tests.stateful.wealth.replay 'SEED NUMBER' KIND.

Prints the steps that are left, and every transaction of the attacker and about the attacker.
"""

import sys

from tests.stateful.wealth.cast import set_up
from tests.stateful.wealth.life import Life
from tests.stateful.wealth.machine import (
    STEPS_A_LIFE,
    Failure,
    Outcome,
    drawn,
    live,
    one_life,
    shortened,
)


class Told(Life):
    """A life that tells what happens."""

    def judged(self, name, send, ours=True):  # type: ignore[no-untyped-def]
        receipt = super().judged(name, send, ours)
        events = [event.name for event in receipt.events] if receipt else "refused"
        marks = {feed: price / 1e18 for feed, price in self.truth.marks(self.now).items()}
        print(
            f"{self.now} slot {self.slot}+{self.now % self.slot_seconds} {name}: {events} {marks}"
        )
        return receipt


def main(seed: str, kind: str) -> None:
    cast = set_up()
    try:
        one_life(cast, seed, kind, Outcome())
    except Failure as failure:
        trace = shortened(cast, failure)
        print(trace)
        for _ in live(cast, seed, kind, trace, Told):
            pass
    print(f"{len(drawn(seed, STEPS_A_LIFE))} steps hold the law")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
