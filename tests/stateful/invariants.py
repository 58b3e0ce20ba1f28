"""When each invariant is checked: `inv_…` here or in the bases, by its number in the docs."""

from collections import Counter
from typing import TYPE_CHECKING

from tests.stateful.call_laws import CallLaws, Health
from tests.stateful.probes import Probes
from tests.stateful.step import Called, Step
from tests.stateful.world import INSTRUMENTS
from tidegate.spec import words
from tidegate.spec.clearing import COLLATERAL
from tidegate.spec.rounding import WAD

if TYPE_CHECKING:
    from tests.stateful.system import System

HAPPENED = {
    "Sliced": "slices",
    "AuctionOpened": "auctions opened",
    "Sold": "auctions sold",
    "TakenOver": "takeovers",
    "Deleveraged": "deleveragings",
    "LossShared": "losses shared",
    "Absorbed": "waterfall draws",
    "Braked": "brakes set",
}
EVERY = 16  # calls between checks of what takes long
PROBED = 40  # calls between probes


class Invariants(Probes, CallLaws):
    """Watches every call of a system."""

    def __init__(self, system: "System") -> None:
        super().__init__(system)
        self.checked: Counter[str] = Counter()
        self.calls = 0

    def before(self, called: Called) -> None:
        self.booked = self.deficit()
        self.healths = {account: self.health(account) for account in self.named(called)}
        self.then = self.look()
        self.lefts = {i: self.sums.lefts(i) for i in INSTRUMENTS}

    def after(self, step: Step) -> None:
        self.calls += 1
        self.inv_28(step)
        if step.refusal:
            return
        self.seen = self.seen._replace(time=0)
        self.look()
        after: dict[int, Health] = {account: self.health(account) for account in self.healths}
        self.note_losses(step)
        self.inv_01()
        self.inv_03(step)
        self.inv_05()
        self.inv_06(step)
        self.inv_07(step)
        self.inv_08(step, after)
        self.inv_09(step)
        self.inv_10(step, after)
        self.inv_12(step)
        self.inv_13(step)
        self.inv_14(step)
        self.inv_15(step)
        self.inv_16(step)
        self.inv_17(step)
        self.inv_18(step)
        self.inv_20(step)
        self.inv_21(step)
        self.count(step)
        if self.calls % EVERY == 0:
            self.inv_02()
            self.inv_04()
        if self.calls % PROBED == 0:
            self.probe(self.calls // PROBED)

    def count(self, step: Step) -> None:
        """How often each stage of a liquidation was reached, by events."""
        for name, what in HAPPENED.items():
            self.checked[f"happened: {what}"] += len(step.named(name))
        insurance = words.insurance(self.system.core_at, COLLATERAL)
        if step.called.function != "transfer":
            paid = self.sums.purse_before(insurance).cash > self.sums.purse(insurance).cash
            self.checked["happened: waterfall draws"] += paid

    def probe(self, number: int) -> None:
        """One account and one market, in turn."""
        accounts = sorted(self.people)
        if not accounts:
            return
        account = accounts[number % len(accounts)]
        instrument = INSTRUMENTS[number % len(INSTRUMENTS)]
        self.checked[self.inv_11(account)] += 1
        self.inv_17_idempotent(instrument, 1 + number * 7_919 % 200_000)
        equity = self.core("health", account)[0]
        size = equity * WAD * (2 * (number % 2) - 1) // self.mark(instrument)
        if abs(size) > WAD // 10**6:
            self.checked["there and back"] += self.inv_07_there_and_back(account, instrument, size)
