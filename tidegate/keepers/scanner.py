"""Which accounts stand below maintenance: reads those that can, the nearest first, all at times.

An account is read when an event touched it, when the prices since its last reading can have brought
it below maintenance, and every `rescan` seconds. At most `at_once` are read in a pass; the rest
stays due, so that slices of the nearest are sent before the farthest are read.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tidegate.chain import Contract
from tidegate.client.errors import ProtocolError
from tidegate.keepers import liquidator
from tidegate.keepers.journal import Journal
from tidegate.keepers.liquidator import Candidate
from tidegate.keepers.view import View
from tidegate.spec.rounding import WAD

PER_CALL = 64  # accounts the lens takes
AT_ONCE = 2_048


@dataclass
class Scanner:
    """Last readings of every account with positions or without cash. `ours`: never liquidated."""

    view: View
    lens: Contract
    ours: Callable[[int], bool]
    rescan: int = liquidator.RESCAN
    at_once: int = AT_ONCE
    readings: dict[int, Candidate] = field(default_factory=dict)
    scanned: int = field(default=0, init=False)  # accounts read so far
    scanned_at: int = field(default=0, init=False)  # of the last full scan
    _unread: dict[int, None] = field(default_factory=dict, init=False)  # touched, in this order

    def standings(self, journal: Journal, marks: Mapping[int, int], now: int) -> list[Candidate]:
        """Fresh readings of what is due now."""
        self._unread.update(dict.fromkeys(sorted(journal.take_touched())))
        if now - self.scanned_at >= self.rescan:
            self.scanned_at = now
            self._unread.update(dict.fromkeys(self._all_nearest_first(marks)))
        due = dict.fromkeys(liquidator.nearest_first(self.readings.values(), marks))
        due.update(self._unread)
        chosen = [account for account in due if not self.ours(account)][: self.at_once]
        found = self.read(chosen, journal, marks)
        for account in chosen:
            self._unread.pop(account, None)
        for account in [one for one in self._unread if self.ours(one)]:
            del self._unread[account]
        return found

    def forget(self) -> None:
        """After blocks were undone: everything is read again."""
        self.readings.clear()
        self._unread.clear()
        self.scanned_at = 0

    @property
    def backlog(self) -> int:
        """Accounts that are due and were not read."""
        return len(self._unread)

    def read(
        self, accounts: Sequence[int], journal: Journal, marks: Mapping[int, int]
    ) -> list[Candidate]:
        """Now, from the chain."""
        parts = [accounts[at : at + PER_CALL] for at in range(0, len(accounts), PER_CALL)]
        answers = self.view.ask([(self.lens, "health", (list(part),)) for part in parts])
        found = []
        for part, answer in zip(parts, answers, strict=True):
            if isinstance(answer, ProtocolError):
                raise answer
            for account, health in zip(part, answer, strict=True):
                candidate = Candidate(
                    account,
                    health.equity,
                    health.maintenance,
                    health.cash,
                    {
                        instrument: abs(size) * marks[instrument] // WAD
                        for instrument, size in journal.sizes.get(account, {}).items()
                    },
                    marks,
                )
                found.append(candidate)
                if candidate.notionals or candidate.cash < 0:
                    self.readings[account] = candidate
                else:
                    self.readings.pop(account, None)
        self.scanned += len(found)
        return found

    def _all_nearest_first(self, marks: Mapping[int, int]) -> list[int]:
        held = [one for one in self.readings.values() if one.notionals]
        held.sort(key=lambda one: liquidator.nearness(one, marks))
        return [one.account for one in held]
