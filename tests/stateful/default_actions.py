"""Liquidation and what it leaves."""

from random import Random

from tests.stateful.cast import Cast, action
from tests.stateful.world import INSTRUMENTS
from tidegate.spec import words
from tidegate.spec.clearing import COLLATERAL, Fill
from tidegate.spec.rounding import PPM, WAD


class DefaultActions(Cast):
    """Liquidation and what it leaves."""

    @action(16)
    def liquidate(self, rng: Random) -> None:
        exposed = self.exposed()
        if not exposed:
            return self.open(rng)
        account = min(exposed, key=self.room)
        thin = [a for a in exposed if self.room(a) >= 0 and self.free(a) == 0]
        if thin and rng.random() < 0.3:
            account = rng.choice(thin)
        elif self.room(account) >= 0 and rng.random() < 0.9:
            return rng.choice((self.crash, self.open))(rng)
        if self.is_hedged(account):
            fills = self.all_legs(account, rng.choice((20, 50, 100)))
            return self.clear("liquidate_hedged", *fills, by=self.system.liquidator) and None
        equity, _, _, notional = self.core.health(account)
        left = [i for i in self.core.held[account] if self.held(account, i)]
        if not left:
            return self.open(rng)  # losses closed all of it
        instrument = rng.choice(left)
        mark, size = self.system.mark(instrument), self.held(account, instrument)
        part = abs(size) if rng.random() < 0.7 else abs(size) * rng.randint(1, 99) // 100
        fill = self.pooled(account, instrument, -part if size > 0 else part)
        cost = abs(fill.price - mark) * PPM // mark + 1
        ratio = max(
            0, min(self.system.world.terms[instrument][2].penalty, equity * PPM // notional - cost)
        )
        penalty = ratio * part * mark // (WAD * PPM)
        if rng.random() < 0.3:  # more than there is, or more than E / N allows
            whole = self.system.world.terms[instrument][2].penalty * part * mark // (WAD * PPM)
            penalty = rng.choice((penalty + WAD, whole, whole))
        reward = Fill(fill.maker, self.keeper, 0, 0, 0, rng.randint(0, 11) * WAD // 2)
        fills = (fill._replace(fee=penalty), reward)
        return self.clear("liquidate", *fills, by=self.system.liquidator) and None

    @action(8)
    def slice_many(self, rng: Random) -> None:
        """The liquidator's own slices of the weakest accounts, and of some healthy ones."""
        ranked = sorted(self.exposed(), key=self.room)
        if not ranked:
            return self.open(rng)
        if self.room(ranked[0]) >= 0 and rng.random() < 0.9:
            return rng.choice((self.crash, self.open))(rng)
        accounts = ranked[: rng.randint(1, 4)]
        instruments = [rng.choice(self.core.held[account]) for account in accounts]
        for account, instrument in zip(accounts, instruments, strict=True):
            self.system.compare_slice(account, instrument)
        self.call(
            "slicer", "liquidate", accounts, instruments, self.keeper,
            sender=self.system.keeper, name="slice_many",
        )  # fmt: skip
        self.tally.checked[self.laws.inv_11(ranked[0])] += 1
        return None

    def is_hedged(self, account: int) -> bool:
        """Whether it holds two instruments of one underlying."""
        held = self.core.held[account]
        return len({words.underlying_of(i) for i in held}) < len(held)

    def all_legs(self, account: int, percent: int) -> list[Fill]:
        """The same part of every position, without a penalty."""
        fills = []
        for instrument in self.core.held[account]:
            held = self.held(account, instrument)
            part = abs(held) * percent // 100 * (-1 if held > 0 else 1)
            fills.append(self.pooled(account, instrument, part)._replace(fee=0))
        return fills

    @action(15)
    def book(self, rng: Random) -> None:
        lacking = self.lacking()
        if not lacking and rng.random() < 0.9:
            return self.slice_many(rng)
        account = rng.choice(lacking or self.accounts)
        self.call("slicer", "book", account, sender=self.system.keeper)
        return None

    def lacking(self) -> list[int]:
        """Accounts without positions that owe."""
        return [
            account
            for account in self.accounts
            if self.core.cash[account, COLLATERAL].cash < 0 and not self.core.held[account]
        ]

    @action(18)
    def book_deficit(self, rng: Random) -> None:
        lacking = self.lacking()
        if not lacking and rng.random() < 0.9:
            return self.liquidate(rng)
        account = rng.choice(lacking or self.accounts)
        sender = self.system.liquidator if rng.random() < 0.9 else self.system.venue
        self.call("core", "book_deficit", account, COLLATERAL, sender=sender)
        return None

    @action(6)
    def repay_deficit(self, rng: Random) -> None:
        deficits = words.deficits(self.system.core_at, COLLATERAL)
        account = rng.choice(self.accounts)
        amount = self.free(account) * rng.randint(0, 3) // 100
        self.call(
            "core", "transfer", account, deficits, COLLATERAL, amount,
            sender=words.owner_of(account), name="repay_deficit",
        )  # fmt: skip

    @action(4)
    def sweep_fees(self, rng: Random) -> None:
        pool = words.pool(self.system.vault_at, rng.randint(1, 2))
        self.call("core", "sweep_fees", pool, COLLATERAL, sender=self.system.keeper)

    @action(3)
    def poke(self, rng: Random) -> None:
        self.call("core", "poke", rng.choice(INSTRUMENTS), sender=self.system.keeper)
