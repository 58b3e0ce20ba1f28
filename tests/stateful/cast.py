"""What happens in a life: who lives in it, how actions are counted, what they share."""

from collections import Counter
from collections.abc import Callable, Mapping

from tests.stateful.invariants import Invariants
from tests.stateful.system import System
from tests.stateful.world import EPOCH, NEVER, ORDINARY, SLOT, World
from tidegate.artifacts import Artifact
from tidegate.spec import words
from tidegate.spec.clearing import COLLATERAL, Fill
from tidegate.spec.rounding import PPM, WAD, div_up

TRADERS = 6
SUBS = 2
LPS = 4
QUOTED = ("open", "reduce", "flip", "package")  # fills at the vault's quotes
WEIGHTED: list[str] = []


def action(weight: int) -> Callable:
    """Marks a method as one of the things that can happen, this often."""

    def mark(method: Callable) -> Callable:
        WEIGHTED.extend([method.__name__] * weight)
        return method

    return mark


class Tally:
    """Of many lives: what was tried, what was done, why the rest was refused."""

    def __init__(self) -> None:
        self.tried: Counter[str] = Counter()
        self.done: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.checked: Counter[str] = Counter()

    def report(self) -> str:
        tried, done = self.tried, self.done
        rows = [f"{'action':18} {'tried':>7} {'done':>7}  rate"]
        rows += [
            f"{n:18} {tried[n]:7} {done[n]:7}  {done[n] / tried[n]:.0%}" for n in sorted(tried)
        ]
        rows += [f"{sum(tried.values()):26} {sum(done.values()):7}", "most frequent refusals:"]
        rows += [f"  {name:45} {count}" for name, count in self.refused.most_common(25)]
        rows += ["probes and ends:"]
        rows += [f"  {name:45} {count}" for name, count in sorted(self.checked.items())]
        return "\n".join(rows)


class Cast:
    """Traders, shareholders and a keeper, with their first money in."""

    def __init__(
        self,
        tally: Tally,
        world: World = ORDINARY,
        faulty: Mapping[str, Artifact] | None = None,
    ) -> None:
        self.tally = tally
        self.system = system = System(world, faulty)
        self.core, self.vault = system.core, system.vault
        self.laws = Invariants(system)
        system.watcher = self.laws
        self.traders = [system.actor(f"trader {i}") for i in range(TRADERS)]
        self.accounts = [words.account(t, sub) for t in self.traders for sub in range(SUBS)]
        self.lps = [words.account(system.actor(f"lp {i}")) for i in range(LPS)]
        self.keeper = words.account(system.keeper)
        spare = [words.account(t, SUBS) for t in self.traders]
        self.laws.people = {*self.accounts, *spare, *self.lps, self.keeper}
        self.nonce = 0
        for actor in (*self.traders, *map(words.owner_of, self.lps), system.keeper):
            system.fund(actor, 10**9 * 10**6)
        system.fund(system.stranger, 2**127)
        for account in self.lps:
            lp = words.owner_of(account)
            system.must("core", "deposit", account, COLLATERAL, 10**6 * 10**6, sender=lp)
            system.must("core", "set_delegate", system.vault_at, 2, 2**40, sender=lp)
            amount = 4 * 10**5 * WAD
            system.must("vault", "request_deposit", account, amount, 0, NEVER, sender=lp)
        self.close_epoch(0)
        system.must("vault", "process_epoch", self.last_epoch(), sender=system.keeper)
        for account in self.lps:
            system.must("vault", "claim", account, sender=system.keeper)
        for i, account in enumerate(self.accounts):
            tokens = (500 + 4_000 * (i % 4)) * 10**6
            owner = words.owner_of(account)
            system.must("core", "deposit", account, COLLATERAL, tokens, sender=owner)

    def count(self, name: str, ok: bool) -> bool:
        self.tally.tried[name] += 1
        self.tally.done[name] += ok
        if not ok:
            self.tally.refused[f"{name}: {self.system.last_error}"] += 1
        return ok

    def call(self, contract: str, function: str, *args, sender: int, name: str = "") -> bool:
        """One counted call of both sides."""
        ok = self.system.both(contract, function, *args, sender=sender)
        return self.count(name or function, ok)

    def clear(self, name: str, *fills: Fill, by: int = 0) -> bool:
        self.laws.quoted = name in QUOTED
        ok = self.call("core", "clear", list(fills), sender=by or self.system.venue, name=name)
        self.laws.quoted = False
        return ok

    def quote(self, instrument: int, size: int) -> int:
        return self.vault.quote(instrument, size, self.system.mark(instrument), 0)

    def pooled(self, account: int, instrument: int, size: int, wrong: int = 0) -> Fill:
        """A fill against the vault at its quote and the whole fee; or one that is wrong."""
        pool = words.pool(self.system.vault_at, words.underlying_of(instrument))
        size = size or 1
        price = max(1, self.quote(instrument, size))
        fee = div_up(
            abs(size) * price * self.system.world.terms[instrument][1].taker_fee, WAD * PPM
        )
        fill = Fill(account, pool, instrument, size, price, fee)
        match wrong:
            case 1:  # out of the band, whatever the premium
                return fill._replace(price=price * 108 // 100)
            case 2:
                return fill._replace(fee=fee + 1)
            case 3:
                return fill._replace(size=0)
            case 4:
                return fill._replace(maker=words.pool(self.system.vault_at, 9))
            case 5:
                return fill._replace(slot=self.system.host.now // SLOT - 2)
            case 6:
                return fill._replace(instrument=instrument + 7)
            case 7:
                return fill._replace(taker=pool, maker=account)
        return fill

    def size_for(self, account: int, instrument: int, tenths: int) -> int:
        """Units for a notional of so many tenths of the equity."""
        equity = max(self.core.health(account)[0], 10 * WAD)
        return equity * tenths * WAD // (10 * self.system.mark(instrument))

    def held(self, account: int, instrument: int) -> int:
        """What is left of the position."""
        return self.core.size_of(account, instrument)

    def free(self, account: int) -> int:
        """What may leave the account as far as margin goes."""
        equity, initial, _, _ = self.core.health(account)
        return max(0, equity - initial)

    def room(self, account: int) -> int:
        """Equity above maintenance."""
        equity, _, maintenance, _ = self.core.health(account)
        return equity - maintenance

    def exposed(self) -> list[int]:
        return [account for account in self.accounts if self.core.held[account]]

    def last_epoch(self) -> int:
        return self.system.host.now // EPOCH - 1

    def refresh(self, late: int = 0) -> None:
        """The prices once more, in a slot of now."""
        self.system.push_prices({f: feed.price for f, feed in self.system.oracle.feeds.items()})
        self.system.wait(1 + late)

    def close_epoch(self, late: int) -> None:
        """Into the next epoch, with prices of its own."""
        self.system.wait(EPOCH - self.system.host.now % EPOCH)
        self.refresh(late)

    def move(self, feed: int, ppm: int) -> None:
        """One step of the price, by at most what the deviation guard lets through."""
        price = self.system.oracle.feeds[feed].price * (PPM + ppm) // PPM
        self.system.push_prices({feed: price})
