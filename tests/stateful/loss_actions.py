"""Losses that a side shares, and brakes, by venues that do no more than the core asks."""

from random import Random

from tests.stateful.cast import action
from tests.stateful.default_actions import DefaultActions
from tests.stateful.world import INSTRUMENTS
from tidegate.spec import words
from tidegate.spec.clearing import COLLATERAL, Fill


class LossActions(DefaultActions):
    """Fills against the backstop, positions written down, levels."""

    def fail(self, rng: Random) -> None:
        """Somebody with as much as margin lets them, matched by somebody rich; then the price."""
        self.refresh()
        account, other = rng.sample(self.accounts, 2)
        instrument = rng.choice(INSTRUMENTS)
        for who, tokens in ((account, 2_000), (other, 200_000)):
            sender = words.owner_of(who)
            lack = tokens * 10**6 - self.core.cash[who, COLLATERAL].cash // 10**12
            if lack > 0:
                self.system.both("core", "deposit", who, COLLATERAL, lack, sender=sender)
        size = self.size_for(account, instrument, rng.randint(100, 160)) * rng.choice((1, -1))
        fill = self.pooled(account, instrument, size)._replace(maker=other, fee=0)
        self.system.both("core", "clear", [fill], sender=self.system.venue)
        held = self.core.held[account]
        if not held:
            return
        instrument = rng.choice(held)
        feed, down = words.underlying_of(instrument), self.held(account, instrument) > 0
        for _ in range(8):
            if self.room(account) < 0:
                break
            self.move(feed, rng.randint(5_000, 30_000) * (-1 if down else 1))
            self.system.wait(1)

    def sharers(self) -> list[tuple[int, int]]:
        """Failing accounts, where closing would raise the skew."""
        return [
            (account, instrument)
            for account in self.exposed()
            if self.room(account) < 0 and not self.is_hedged(account)
            for instrument in self.core.held[account]
            if self.held(account, instrument) * self.core.interest[instrument].skew <= 0
        ]

    @action(9)
    def share_loss(self, rng: Random) -> None:
        """Of a failing account on the side that the vault would have to join."""
        found = self.sharers()
        if not found and rng.random() < 0.8:
            self.fail(rng)
            found = self.sharers()
        if not found:
            return rng.choice((self.crash, self.crash, self.match))(rng)
        account, instrument = rng.choice(found)
        size, interest = self.held(account, instrument), self.core.interest[instrument]
        part = abs(size) if rng.random() < 0.6 else abs(size) * rng.randint(1, 110) // 100
        part = min(part, interest.short_side if size > 0 else interest.long_side) or 1
        if rng.random() < 0.05:
            part += 1
        mark = self.system.mark(instrument)
        change = -part if size > 0 else part
        price = mark + (rng.random() < 0.03)
        fill = Fill(account, self.core.backstop, instrument, change, price, 0)
        return self.clear("share_loss", fill, by=self.system.liquidator) and None

    def stale(self) -> list[tuple[int, int]]:
        """Positions that are not as written."""
        return [
            (account, instrument)
            for account in self.exposed()
            for instrument in self.core.held[account]
            if self.core.positions[account, instrument].size != self.held(account, instrument)
        ]

    @action(6)
    def settle(self, rng: Random) -> None:
        stale = self.stale()
        if not stale and rng.random() < 0.95:
            return self.share_loss(rng)
        account, instrument = rng.choice(
            stale or [(a, i) for a in self.accounts for i in INSTRUMENTS]
        )
        self.call("core", "settle", account, instrument, sender=self.system.stranger)
        return None

    @action(5)
    def set_brake(self, rng: Random) -> None:
        """Mostly released."""
        instrument = rng.choice(INSTRUMENTS)
        level = rng.choice((0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5))
        sender = self.system.braker if rng.random() < 0.9 else self.system.liquidator
        self.call("core", "set_brake", instrument, level, sender=sender)
        self.call("core", "set_brake", rng.choice(INSTRUMENTS), 0, sender=self.system.braker)
