"""The vault, its shareholders, and those who govern."""

from dataclasses import replace
from random import Random

from tests.stateful.cast import Cast, action
from tests.stateful.world import EPOCH, INSTRUMENTS, NEVER
from tidegate.spec import words
from tidegate.spec.clearing import COLLATERAL, TRADING, Venue
from tidegate.spec.rounding import WAD


class ShareActions(Cast):
    """The vault, its shareholders, and those who govern."""

    def lp(self, rng: Random) -> int:
        """Mostly one without an open request."""
        free = [account for account in self.lps if self.vault.requests[account].kind <= 1]
        return rng.choice(free if free and rng.random() < 0.9 else self.lps)

    @action(7)
    def request_deposit(self, rng: Random) -> None:
        account, now = self.lp(rng), self.system.host.now
        held = self.core.cash[account, COLLATERAL].cash // WAD
        amount = rng.choice((rng.randint(0, 20_000), held * rng.randint(30, 90) // 100)) * WAD
        least, deadline = (
            amount * rng.choice((0, 0, 9, 11)) // 10,
            rng.choice((now - 1, now + 300, now + 10**7, NEVER, NEVER)),
        )
        sender = words.owner_of(account)
        self.call("vault", "request_deposit", account, amount, least, deadline, sender=sender)

    @action(9)
    def request_redeem(self, rng: Random) -> None:
        now = self.system.host.now
        holders = [
            account
            for account in self.lps
            if self.vault.shares[words.owner_of(account)] and self.vault.requests[account].kind <= 1
        ]
        if not holders and rng.random() < 0.8:
            return rng.choice((self.claim, self.request_deposit))(rng)
        account = rng.choice(holders or self.lps)
        sender = words.owner_of(account)
        share = rng.choice((rng.randint(0, 60), rng.randint(0, 60), 100))
        shares = self.vault.shares[sender] * share // 100
        least, deadline = (
            shares * rng.choice((0, 0, 9, 11)) // 10,
            rng.choice((now - 1, now + 300, now + 10**7, NEVER, NEVER)),
        )
        self.call("vault", "request_redeem", account, shares, least, deadline, sender=sender)
        return None

    @action(3)
    def bank_run(self, rng: Random) -> None:
        """Everybody wants everything back; only what the positions do not need may leave."""
        now, ok = self.system.host.now, False
        for account in self.lps:
            owner = words.owner_of(account)
            if self.vault.requests[account].kind > 1:
                self.system.both("vault", "claim", account, sender=self.system.keeper)
            args = (account, self.vault.shares[owner], 0, rng.choice((now + 10**6, NEVER)))
            ok |= self.system.both("vault", "request_redeem", *args, sender=owner)
        self.count("bank_run", ok)
        self.process_epoch(rng)

    @action(6)
    def process_epoch(self, rng: Random) -> None:
        waiting = sorted(epoch for epoch, held in self.vault.waiting.items() if any(held[1:]))
        if not waiting and rng.random() < 0.9:
            return self.request_deposit(rng)
        epoch = waiting[0] if waiting else self.last_epoch()
        if (epoch + 1) * EPOCH > self.system.host.now and rng.random() < 0.8:
            self.close_epoch(rng.randint(0, 9))
        elif rng.random() < 0.7:
            self.refresh()
        self.call("vault", "process_epoch", epoch, sender=self.system.keeper)
        return None

    @action(6)
    def claim(self, rng: Random) -> None:
        ready = [
            account
            for account in self.lps
            if self.vault.requests[account].kind > 1
            and self.vault.settled[self.vault.requests[account].epoch]
        ]
        if not ready and rng.random() < 0.9:
            return self.process_epoch(rng)
        account = rng.choice(ready or self.lps)
        most = rng.choice((2**256 - 1, rng.randint(0, 5_000) * WAD))
        self.call("vault", "claim_part", account, most, sender=self.system.keeper, name="claim")
        return None

    @action(3)
    def absorb(self, rng: Random) -> None:
        self.call("vault", "absorb", sender=self.system.keeper)

    @action(5)
    def poke_caps(self, rng: Random) -> None:
        self.call("vault", "poke_caps", sender=self.system.keeper)

    # Governance and guardian: the owner stands in for the Configurator

    @action(3)
    def set_terms(self, rng: Random) -> None:
        """Shocks up or back, the same for all instruments of an underlying."""
        underlying = rng.choice((1, 2))
        initial, maintenance = rng.choice(((50_000, 30_000), (50_000, 30_000), (80_000, 40_000)))
        sender = self.system.owner if rng.random() < 0.9 else self.system.keeper
        for instrument in INSTRUMENTS:
            if words.underlying_of(instrument) == underlying:
                risk, trade, limits = self.system.world.terms[instrument]
                risk = replace(risk, initial_shock=initial, maintenance_shock=maintenance)
                self.call("core", "set_terms", instrument, risk, trade, limits, sender=sender)

    @action(5)
    def set_venue(self, rng: Random) -> None:
        """Mostly as it should be; sometimes revoked, or paused for a while."""
        now = self.system.host.now
        address = rng.choice((self.system.venue, self.system.exchange.address))
        paused = now + 60 if rng.random() < 0.1 else 0
        role = 0 if rng.random() < 0.05 else TRADING
        venue = Venue(now + 120, paused, role)
        self.call("core", "set_venue", address, venue, sender=self.system.owner)
