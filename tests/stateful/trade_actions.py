"""Fills of every kind."""

from random import Random

from tests.stateful.cast import Cast, action
from tests.stateful.world import BTC, INSTRUMENTS
from tidegate.spec import words
from tidegate.spec.clearing import COLLATERAL, Fill
from tidegate.spec.rounding import PPM, WAD


class TradeActions(Cast):
    """Fills of every kind."""

    @action(14)
    def open(self, rng: Random) -> None:
        account, instrument = rng.choice(self.accounts), rng.choice(INSTRUMENTS)
        tenths = rng.choice((rng.randint(1, 60), rng.randint(60, 175), rng.randint(160, 260)))
        size = self.size_for(account, instrument, tenths) * rng.choice((1, -1))
        wrong = rng.randint(1, 7) if rng.random() < 0.1 else 0
        self.clear("open", self.pooled(account, instrument, size, wrong))

    @action(6)
    def reduce(self, rng: Random) -> None:
        exposed = self.exposed()
        if not exposed:
            return self.open(rng)
        account = rng.choice(exposed)
        instrument = rng.choice(self.core.held[account])
        size = self.held(account, instrument)
        part = size if rng.random() < 0.5 else int(abs(size) * rng.randint(1, 99) // 100)
        part = abs(part) * (1 if size > 0 else -1)
        wrong = rng.randint(1, 7) if rng.random() < 0.1 else 0
        self.clear("reduce", self.pooled(account, instrument, -part, wrong))
        return None

    @action(14)
    def reduce_dear(self, rng: Random) -> None:
        """A weak account reduces at a price against it: what the final-state rule lets pass."""
        weak = [a for a in self.exposed() if self.free(a) == 0]
        if not weak:
            return rng.choice((self.move_price, self.open, self.crash))(rng)
        account = rng.choice((*weak, min(weak, key=self.room), min(weak, key=self.room)))
        instrument = rng.choice(self.core.held[account])
        size, mark = self.held(account, instrument), self.system.mark(instrument)
        part = abs(size) * rng.choice((100, rng.randint(1, 99))) // 100
        off = rng.randint(0, 30_000)
        price = mark * (PPM - off if size > 0 else PPM + off) // PPM
        fill = self.pooled(account, instrument, -part if size > 0 else part)
        fills = [fill._replace(price=price, fee=0)]
        if rng.random() < 0.3:  # and pays a friend, which it may while the money is its own
            fills.append(Fill(account, self.keeper, 0, 0, 0, rng.randint(1, 3) * WAD))
        return self.clear("reduce_dear", *fills) and None

    @action(13)
    def match(self, rng: Random) -> None:
        """Two accounts with each other, off the mark."""
        taker, maker = rng.choice(self.accounts), rng.choice(self.accounts)
        instrument = rng.choice(INSTRUMENTS)
        size = self.size_for(taker, instrument, rng.randint(1, 60)) * rng.choice((1, -1))
        price = self.system.mark(instrument) * rng.randint(980, 1020) // 1000
        self.clear("match", Fill(taker, maker, instrument, size, price, rng.randint(0, 255)))

    @action(11)
    def package(self, rng: Random) -> None:
        """A hedged pair of one underlying with a tip, judged as one."""
        account = rng.choice(self.accounts)
        size = self.size_for(account, BTC, rng.randint(1, 150)) * rng.choice((1, -1))
        tip = Fill(account, self.keeper, 0, 0, 0, rng.randint(0, 210) * WAD)
        legs = (self.pooled(account, BTC, size), self.pooled(account, BTC + 1, -size))
        self.clear("package", *legs, tip)

    @action(6)
    def flip(self, rng: Random) -> None:
        exposed = self.exposed()
        if not exposed:
            return self.open(rng)
        account = rng.choice(exposed)
        instrument = rng.choice(self.core.held[account])
        size = -self.held(account, instrument) * rng.randint(110, 250) // 100
        return self.clear("flip", self.pooled(account, instrument, size)) and None

    @action(13)
    def many(self, rng: Random) -> None:
        """Several fills of several accounts and instruments in one call."""
        fills = []
        for _ in range(rng.randint(2, 4)):
            account, instrument = rng.choice(self.accounts), rng.choice(INSTRUMENTS)
            size = self.size_for(account, instrument, rng.randint(20, 60)) * rng.choice((1, -1))
            fills.append(self.pooled(account, instrument, size))
        self.clear("many", *fills)

    @action(4)
    def escrow(self, rng: Random) -> None:
        """A venue takes a fee into its escrow, or gives some back."""
        escrow = words.account(self.system.venue)
        account, there = rng.choice(self.accounts), self.core.cash[escrow, COLLATERAL].cash
        fill = Fill(account, escrow, 0, 0, 0, rng.randint(0, 210) * WAD)
        if rng.random() < 0.5:
            fill = fill._replace(
                taker=escrow, maker=account, fee=there * rng.randint(0, 120) // 100
            )
        self.clear("escrow", fill)
