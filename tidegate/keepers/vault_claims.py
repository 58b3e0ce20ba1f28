"""Vault claims: processes each closed epoch in order and hands out what it priced."""

from collections.abc import Sequence
from dataclasses import dataclass

from tidegate.keepers.actions import Absorb, Claim, PokeCaps, ProcessEpoch


@dataclass(frozen=True, slots=True)
class Request:
    """An open request to the vault."""

    account: int
    epoch: int


@dataclass(frozen=True, slots=True)
class VaultState:
    """What the role knows. Epochs and times in seconds; deficits 1e-18 of the collateral."""

    now: int
    epoch_seconds: int
    requests: Sequence[Request]
    processed: frozenset[int]  # epochs that have their price
    newest_slots: Sequence[int]  # opening second of the price in force, by market
    all_fresh: bool
    booked_deficit: int = 0
    caps_age: int = 0  # seconds since the caps were last scaled
    caps_every: int = 0  # 0: leave them

    def closed(self, epoch: int) -> bool:
        """Whether the epoch is over and every price in force is of later."""
        end = (epoch + 1) * self.epoch_seconds
        return self.now >= end and all(slot >= end for slot in self.newest_slots)


def decide(state: VaultState) -> list[ProcessEpoch | Claim | PokeCaps | Absorb]:
    """Oldest epoch first; claims only of epochs that have their price already."""
    actions: list[ProcessEpoch | Claim | PokeCaps | Absorb] = []
    waiting = sorted({request.epoch for request in state.requests} - state.processed)
    if state.all_fresh:
        actions += [ProcessEpoch(epoch) for epoch in waiting if state.closed(epoch)]
    actions += [
        Claim(request.account) for request in state.requests if request.epoch in state.processed
    ]
    if state.booked_deficit > 0:
        actions.append(Absorb())
    if state.caps_every and state.caps_age >= state.caps_every:
        actions.append(PokeCaps())
    return actions
