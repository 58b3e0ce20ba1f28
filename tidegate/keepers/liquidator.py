"""Liquidator: slices of what stands below maintenance, the weakest first; books what is left.

Reading every account after every price costs more than acting. `may_be_short` tells from an
account's last reading and the prices since whether it can have fallen below maintenance at all; the
others need not be read. The chain judges every action again.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from tidegate.keepers.actions import Book, Liquidate
from tidegate.spec.rounding import PPM

BATCH = 16
# What maintenance and funding may add per unit of notional moved, ppm: more than any listed shock
# and contingency together, so that a reading is early rather than late.
MARGIN_SLACK = 100_000
RESCAN = 900  # seconds after which everybody is read again
FUNDING_SLACK = 1_100  # ppm of notional: what 10 % a day takes between two rescans


class Standing(Protocol):
    """An account as last read. 1e-18 of the collateral."""

    @property
    def account(self) -> int: ...
    @property
    def equity(self) -> int: ...
    @property
    def maintenance(self) -> int: ...
    @property
    def cash(self) -> int: ...
    @property
    def notionals(self) -> Mapping[int, int]:
        """|size| * mark by instrument."""
        ...

    @property
    def marks(self) -> Mapping[int, int]:
        """The marks it was read at, by instrument."""
        ...


@dataclass(frozen=True, slots=True)
class Candidate:
    """The plain `Standing`."""

    account: int
    equity: int
    maintenance: int
    cash: int
    notionals: Mapping[int, int]
    marks: Mapping[int, int]


def spare(standing: Standing, marks: Mapping[int, int]) -> int:
    """The least equity above maintenance after the moves since the reading, 1e-24."""
    left = (standing.equity - standing.maintenance) * PPM
    for instrument, notional in standing.notionals.items():
        read = standing.marks[instrument]
        move = abs(marks.get(instrument, read) - read)
        left -= notional * move * (PPM + MARGIN_SLACK) // read + notional * FUNDING_SLACK
    return left


def may_be_short(standing: Standing, marks: Mapping[int, int]) -> bool:
    """Whether the moves since the reading can have brought equity below maintenance."""
    return bool(standing.notionals) and spare(standing, marks) < 0


def nearness(standing: Standing, marks: Mapping[int, int]) -> tuple[int, int]:
    """What is to spare for each unit of what it holds, and the account: the least comes first."""
    return spare(standing, marks) // sum(standing.notionals.values()), standing.account


def nearest_first(standings: Iterable[Standing], marks: Mapping[int, int]) -> list[int]:
    """Accounts that may be short, those with the least to spare for what they hold first."""
    due = [nearness(one, marks) for one in standings if may_be_short(one, marks)]
    return [account for _, account in sorted(due)]


def is_short(standing: Standing) -> bool:
    return bool(standing.notionals) and standing.equity < standing.maintenance


def _largest(standing: Standing) -> int:
    """The instrument with the largest notional."""
    return max(standing.notionals, key=standing.notionals.__getitem__)


def lacks_cash(standing: Standing) -> bool:
    return not standing.notionals and standing.cash < 0


def decide(
    standings: Iterable[Standing], batch: int = BATCH, braked: Collection[int] = ()
) -> list[Liquidate | Book]:
    """The weakest accounts first; of each the instrument with the largest notional.

    `braked`: instruments that the breaker lets nobody slice. An account that holds one as its
    largest is left to auctions.
    """
    standings = list(standings)
    short = [one for one in standings if is_short(one) and _largest(one) not in braked]
    short.sort(
        key=lambda standing: (standing.equity * PPM // standing.maintenance, standing.account)
    )
    slices: list[Liquidate | Book] = []
    for at in range(0, len(short), batch):
        pairs = sorted(
            (_largest(standing), standing.account) for standing in short[at : at + batch]
        )
        slices.append(
            Liquidate(
                tuple(account for _, account in pairs), tuple(instrument for instrument, _ in pairs)
            )
        )
    slices.extend(Book(standing.account) for standing in standings if lacks_cash(standing))
    return slices
