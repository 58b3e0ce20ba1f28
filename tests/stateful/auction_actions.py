"""Buckets, auctions and what follows when nobody bids."""

from dataclasses import replace
from random import Random

from tests.stateful.cast import action
from tests.stateful.loss_actions import LossActions
from tests.stateful.world import BUCKET, INSTRUMENTS, T2
from tidegate.spec import words
from tidegate.spec.clearing import COLLATERAL
from tidegate.spec.liquidator import LIVES
from tidegate.spec.rounding import WAD

SMALL_BUCKET = 500, 3600  # ppm of K, seconds: soon empty


class AuctionActions(LossActions):
    """The Liquidator's ways beyond a slice."""

    def auctions(self) -> list[int]:
        """Accounts whose auction still runs."""
        now, states = self.system.host.now, self.system.slicer.states
        return [
            account
            for account in self.exposed()
            if states[account].opened and now <= states[account].opened + LIVES * T2
        ]

    def auctioned(self, rng: Random) -> int:
        """Somebody below maintenance whose auction runs; 0: nobody, though all was tried."""
        failing = [account for account in self.auctions() if self.room(account) < 0]
        if failing:
            return rng.choice(failing)
        self.open_auction(rng)
        failing = [account for account in self.auctions() if self.room(account) < 0]
        return rng.choice(failing) if failing else 0

    @action(8)
    def open_auction(self, rng: Random) -> None:
        """The bucket is made small, as governance may, so that it is soon empty."""
        waiting = [a for a in self.exposed() if self.room(a) < 0 and a not in self.auctions()]
        if not waiting:
            self.fail(rng)
            waiting = [a for a in self.exposed() if self.room(a) < 0 and a not in self.auctions()]
        account = rng.choice(waiting or self.accounts)
        held = self.core.held[account]
        if not self.core.health(account)[3] and self.room(account) < 0:
            return  # nothing is left of it: to be settled and booked
        instrument = rng.choice(held or INSTRUMENTS)
        solvent = self.core.health(account)[0] >= 0
        if held and solvent and rng.random() < 0.9:
            self.system.must(
                "slicer", "set_bucket", instrument, *SMALL_BUCKET, sender=self.system.owner
            )
            others = [a for a in waiting if a != account and instrument in self.core.held[a]]
            for drained in (*others[:2], account):
                part = self.system.slicer.slice_of(drained, instrument)
                if part.size:
                    args = ([drained], [instrument], self.keeper)
                    self.system.both("slicer", "liquidate", *args, sender=self.system.keeper)
        self.call("slicer", "open_auction", account, instrument, sender=self.system.keeper)

    @action(10)
    def bid(self, rng: Random) -> None:
        account = self.auctioned(rng)
        if not account:
            return
        rich = max(self.accounts, key=self.free)
        bidder = rng.choice((rich, rich, rich, rng.choice((*self.accounts, *self.lps))))
        notional = self.core.health(account)[3]
        most = rng.choice((2**200, 2**200, notional, notional // 2, 50 * WAD))
        least = rng.choice((0, 0, 0, 0, 2_000, 30_000))
        deadline = self.system.host.now + rng.choice((0, 5, 60, 60, -1))
        sender = words.owner_of(bidder) if rng.random() < 0.95 else self.system.stranger
        self.call("slicer", "bid", account, bidder, most, least, deadline, 0, sender=sender)

    def failed(self, rng: Random) -> tuple[int, int]:
        """An account whose auction found nobody in time, and one of its instruments."""
        account = self.auctioned(rng)
        if not account:
            return 0, 0
        opened = self.system.slicer.states[account].opened
        if self.system.host.now < opened + T2 and rng.random() < 0.95:
            self.system.wait(opened + T2 - self.system.host.now)
        return account, rng.choice(self.core.held[account])

    @action(8)
    def takeover(self, rng: Random) -> None:
        account, instrument = self.failed(rng)
        if account:
            args = (account, instrument, self.keeper)
            self.call("slicer", "takeover", *args, sender=self.system.keeper)

    @action(10)
    def deleverage(self, rng: Random) -> None:
        """Mostly where the caps leave the vault no room."""
        account, instrument = self.failed(rng)
        if not account:
            return
        narrow = rng.random() < 0.9
        if narrow:
            self.caps(instrument, 1)
        args = (account, instrument, self.keeper)
        self.call("slicer", "deleverage", *args, sender=self.system.keeper)
        if narrow:
            self.caps(instrument, 0)

    def caps(self, instrument: int, cap: int) -> None:
        """Of all instruments of the underlying; 0: as they were."""
        for held in INSTRUMENTS:
            if words.underlying_of(held) == words.underlying_of(instrument):
                _, trade, _ = self.system.world.terms[held]
                risk, limits = self.core.risk[held], self.core.limits[held]
                trade = replace(trade, hard=cap, soft=cap) if cap else trade
                self.system.must(
                    "core", "set_terms", held, risk, trade, limits, sender=self.system.owner
                )

    @action(6)
    def end_auction(self, rng: Random) -> None:
        """Of somebody who is well again, mostly by a deposit."""
        account = self.auctioned(rng)
        if not account:
            return
        equity, _, maintenance, _ = self.core.health(account)
        tokens = max(1, (2 * maintenance - equity) // 10**12)
        if rng.random() < 0.7:
            sender = words.owner_of(account)
            self.system.both("core", "deposit", account, COLLATERAL, tokens, sender=sender)
        self.call("slicer", "end_auction", account, sender=self.system.keeper)

    @action(4)
    def widen_bucket(self, rng: Random) -> None:
        size, window = BUCKET if rng.random() < 0.9 else (1, 1)
        instrument = rng.choice(INSTRUMENTS)
        sender = self.system.owner if rng.random() < 0.95 else self.system.keeper
        self.call("slicer", "set_bucket", instrument, size, window, sender=sender)
