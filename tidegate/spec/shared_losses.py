"""What sides of markets have lost together (contracts/core/SharedLosses.vy, ISharedLosses.vyi).

A side's scale D says what is left of a unit; its index A what a unit of scale was charged.
"""

from dataclasses import dataclass
from typing import ClassVar

from tidegate.spec.funding import INDEX_ONE
from tidegate.spec.host import Host, Table, require
from tidegate.spec.rounding import WAD, div_down, div_up
from tidegate.spec.words import Field, Indices, Position, Word

WHOLE = 10**27
LEAST = 10**18
MAX_INDEX = 2**127 - 1


@dataclass(frozen=True, slots=True)
class Loss(Word):
    """One per market, and a copy for each epoch."""

    long_lost: int = 0
    short_lost: int = 0
    long_generation: int = 0
    short_generation: int = 0
    losses: int = 0

    LAYOUT: ClassVar[dict[str, Field]] = {
        "long_lost": Field(160, 96, unit=WHOLE),
        "short_lost": Field(64, 96, unit=WHOLE),
        "long_generation": Field(44, 20),
        "short_generation": Field(24, 20),
        "losses": Field(0, 24),
    }

    def scale(self, long: bool) -> int:
        """1e-27: what is left of a unit opened when the side's generation began."""
        return WHOLE - (self.long_lost if long else self.short_lost)

    def generation(self, long: bool) -> int:
        return self.long_generation if long else self.short_generation

    @property
    def epoch(self) -> int:
        """Of a position touched now."""
        return self.losses + 1


class SharedLosses:
    """The books of one clearing house."""

    def __init__(self, host: Host) -> None:
        self.now: Table[int, Loss] = Table(host, Loss())
        self.epochs: Table[tuple[int, int], Loss] = Table(host, Loss())
        self.ends: Table[tuple[int, bool, int], int] = Table(host, 0)  # index, by side's generation

    def share(
        self, instrument: int, indices: Indices, total: int, closed: int, mark: int
    ) -> tuple[Indices, int]:
        """Closes a part of all positions of a side at the mark.

        `total` of the side and `closed` are signed as its positions are. The indices afterwards,
        and what the pool takes because the side's generation ended.
        """
        long = total > 0
        require(0 < abs(closed) <= abs(total) and (closed > 0) == long, "BadLiquidation")
        now = self.now[instrument]
        scale = now.scale(long)
        # longs are paid for no more than was closed, shorts pay for no less
        left = scale * (total - closed)
        left = div_up(left, total) if long else div_down(-left, -total)
        ended = left < LEAST
        if ended:
            left = 0
        paid = (scale - left) * mark
        index = indices.of(total) - (div_down(paid, WAD) if long else div_up(paid, WAD))
        require(index >= -MAX_INDEX, "OutOfBounds")
        if ended:
            self.ends[instrument, long, now.generation(long)] = index
        lost = 0 if ended else WHOLE - left
        then = Loss(
            lost if long else now.long_lost,
            now.short_lost if long else lost,
            now.long_generation + (ended and long),
            now.short_generation + (ended and not long),
            now.losses + 1,
        )
        require(max(then.long_generation, then.short_generation) < 2**20, "OutOfBounds")
        require(then.losses < 2**24, "OutOfBounds")
        self.now[instrument] = then
        self.epochs[instrument, then.epoch] = then
        after = Indices(index, indices.short) if long else Indices(indices.long, index)
        return after, total - closed if ended else 0

    def scaled(self, instrument: int, stored: Indices, accrued: Indices) -> Indices:
        """Indices brought to now, from those that no loss had touched; against each side."""
        now = self.now[instrument]
        longer = (accrued.long - stored.long) * now.scale(True)
        shorter = (accrued.short - stored.short) * now.scale(False)
        return Indices(
            stored.long + div_up(longer, INDEX_ONE), stored.short + div_down(shorter, INDEX_ONE)
        )

    def standing(self, instrument: int, held: Position, indices: Indices) -> tuple[int, int]:
        """What a position is now, rounded down, and what it owes the pot, rounded up."""
        long = held.size > 0
        now, then = self.now[instrument], self.epochs[instrument, held.epoch]
        left, index = now.scale(long), indices.of(held.size)
        if then.generation(long) != now.generation(long):
            left, index = 0, self.ends[instrument, long, then.generation(long)]
        whole = then.scale(long)
        return (
            div_down(held.size * left, whole),
            div_up(held.size * (index - held.checkpoint), whole),
        )
