"""Which items may be tried: one attempt at a time, a pause after each failure, an end after some.

An item is what an action is about ("order 0x12ab", "account 17"): whoever decides names it. After
`retries` failures it is dead: nothing is sent for it until `forgive_after` seconds have passed. At
most `most_dead` are remembered; the oldest is forgiven early rather than the list growing.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

RETRIES = 5
FORGIVE_AFTER = 600.0
MOST_DEAD = 1_000
LONGEST_PAUSE = 60.0


@dataclass(frozen=True, slots=True)
class Dead:
    """An item that was given up."""

    item: str
    reason: str  # of its last failure
    since: float  # monotonic seconds


@dataclass
class Budget:
    """Failures by item. `pause`: seconds after the first one, doubling; 0 tries again at once."""

    retries: int = RETRIES
    pause: float = 0.0
    forgive_after: float = FORGIVE_AFTER
    most_dead: int = MOST_DEAD
    dead: OrderedDict[str, Dead] = field(default_factory=OrderedDict)
    _failures: dict[str, tuple[int, float]] = field(default_factory=dict)  # count, not before

    def allows(self, item: str, now: float) -> bool:
        """Whether the item may be tried at this time."""
        found = self.dead.get(item)
        if found is not None:
            if now - found.since < self.forgive_after:
                return False
            self.done(item)
        return now >= self._failures.get(item, (0, now))[1]

    def failed(self, items: Iterable[str], reason: str, now: float) -> list[Dead]:
        """Count a failure of each; those that died of it."""
        died = []
        for item in items:
            count = self._failures.get(item, (0, 0.0))[0] + 1
            pause = min(self.pause * 2 ** (count - 1), LONGEST_PAUSE)
            self._failures[item] = (count, now + pause)
            if count >= self.retries and item not in self.dead:
                self.dead[item] = Dead(item, reason, now)
                died.append(self.dead[item])
        while len(self.dead) > self.most_dead:
            item, _ = self.dead.popitem(last=False)
            self._failures.pop(item, None)
        return died

    def done(self, *items: str) -> None:
        """The items succeeded, or are forgiven."""
        for item in items:
            self.dead.pop(item, None)
            self._failures.pop(item, None)

    def sweep(self, now: float) -> None:
        """Forget what is due to be forgiven, and failures so old that they say nothing."""
        old = [one.item for one in self.dead.values() if now - one.since >= self.forgive_after]
        self.done(*old)
        stale = now - self.forgive_after
        for item in [item for item, (_, after) in self._failures.items() if after < stale]:
            self._failures.pop(item)

    def forgive(self) -> None:
        """Everything may be tried again."""
        self.dead.clear()
        self._failures.clear()
