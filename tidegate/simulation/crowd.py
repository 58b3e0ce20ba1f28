"""The traders of a comparison: who holds what when the crash begins, and who reacts, late.

Everybody stands before the first price and is the same in every setting; what a setting's margin
does not allow is opened smaller. A trader is warned when equity falls under a multiple of
maintenance and acts, if at all, after a human's delay.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

# notional over deposit, and how many of a hundred accounts want it
LEVERAGES: tuple[tuple[Decimal, int], ...] = (
    (Decimal(2), 14),
    (Decimal(3), 16),
    (Decimal(5), 20),
    (Decimal(8), 18),
    (Decimal(10), 16),
    (Decimal(12), 10),
    (Decimal(15), 6),
)
LONG_SHARE = 0.64
CROSS_EVERY = 3  # every third account holds both markets, every second of those as a hedge
DEPOSIT = Decimal(6000)  # the median
SPREAD = 0.9  # of the log of deposits
SMALLEST_DEPOSIT = Decimal(400)
LARGEST_DEPOSIT = Decimal(60000)
WARNED = Decimal("1.5")  # equity over maintenance
REACTION = 15 * 60  # seconds, the median
REACTION_SPREAD = 1.0  # of the log
SOONEST = 60
TOP_UP_SHARE = Decimal("0.5")  # of the deposit


class Habit(StrEnum):
    """What a warned trader does in the end."""

    NOTHING = "nothing"
    TOP_UP = "top up"
    HALVE = "halve"
    CLOSE = "close"


HABITS: tuple[tuple[Habit, int], ...] = (
    (Habit.NOTHING, 55),
    (Habit.TOP_UP, 25),
    (Habit.HALVE, 10),
    (Habit.CLOSE, 10),
)


@dataclass(frozen=True, slots=True)
class Member:
    """One account. `leverages` is signed, by market; the delay in seconds."""

    number: int
    deposit: Decimal
    leverages: dict[str, Decimal]
    habit: Habit
    delay: int


def gather(seed: int, accounts: int, markets: Sequence[str]) -> tuple[Member, ...]:
    """The same seed gives the same people."""
    rng = random.Random(f"crowd {seed}")
    levels, weights = zip(*LEVERAGES, strict=True)
    habits, shares = zip(*HABITS, strict=True)
    people = []
    for number in range(accounts):
        leverage = rng.choices(levels, weights)[0]
        signed = leverage if rng.random() < LONG_SHARE else -leverage
        drawn = DEPOSIT * Decimal(str(round(rng.lognormvariate(0.0, SPREAD), 3)))
        deposit = min(max(drawn, SMALLEST_DEPOSIT), LARGEST_DEPOSIT).quantize(Decimal(1))
        if number % CROSS_EVERY == 0:
            other = -signed if number % (2 * CROSS_EVERY) == 0 else signed
            leverages = {markets[0]: signed / 2, markets[1]: other / 2}
        else:
            leverages = {markets[number // CROSS_EVERY % len(markets)]: signed}
        delay = max(SOONEST, round(REACTION * rng.lognormvariate(0.0, REACTION_SPREAD)))
        habit = rng.choices(habits, shares)[0]
        people.append(Member(number, deposit, leverages, habit, delay))
    return tuple(people)


@dataclass
class Alarm:
    """Who was warned when, and whose delay is over. Times in seconds."""

    members: Sequence[Member]
    warned_at: dict[int, int]
    acted: set[int]

    @classmethod
    def of(cls, members: Sequence[Member]) -> "Alarm":
        return cls(members, {}, set())

    def warn(self, numbers: Sequence[int], now: int) -> None:
        """The first warning counts; whoever does nothing needs none."""
        for number in numbers:
            if self.members[number].habit is not Habit.NOTHING:
                self.warned_at.setdefault(number, now)

    def due(self, now: int) -> list[Member]:
        """Those who act now, once each, in the order of their numbers."""
        found = [
            self.members[number]
            for number, since in self.warned_at.items()
            if number not in self.acted and now >= since + self.members[number].delay
        ]
        self.acted.update(member.number for member in found)
        return sorted(found, key=lambda member: member.number)
