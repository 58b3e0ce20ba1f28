"""Slices, auctions and takeovers, against the specification: random accounts, small buckets."""

from dataclasses import replace
from random import Random

from tests.stateful.cast import Cast, Tally
from tests.stateful.step import Watcher
from tests.stateful.world import BTC, BTC_SMALL, ETH, INSTRUMENTS, T2
from tidegate.spec import words
from tidegate.spec.liquidator import LIVES
from tidegate.spec.rounding import WAD

ACTIONS = (
    *("trade", "trade", "move", "move", "slice", "slice", "open", "bid", "bid", "takeover"),
    *("takeover", "end", "wait", "book", "cap"),
)
SEEDS = 4
STEPS = 600
OWNERS = 3  # of the cast, who bid and never trade


class Floor(Cast):
    """Accounts with much leverage, and bidders without."""

    def __init__(self, seed: int, tally: Tally) -> None:
        super().__init__(tally)
        self.rng = Random(seed)
        self.system.watcher = Watcher()
        self.slicer = self.system.slicer
        self.bidders = self.lps[:OWNERS]
        for instrument in INSTRUMENTS:
            self.owner_says("set_bucket", instrument, self.rng.choice((500, 1_000, 4_000)), 60)

    def owner_says(self, function: str, *args: int) -> None:
        self.system.must("slicer", function, *args, sender=self.system.owner)

    def say(self, function: str, *args, sender: int = 0) -> bool:
        return self.call("slicer", function, *args, sender=sender or self.system.keeper)

    def step(self) -> None:
        name = self.rng.choice(ACTIONS)
        exposed = self.exposed()
        weak = bool(exposed) and min(map(self.room, exposed)) < 0
        if not weak and name in ("slice", "open") and self.rng.random() < 0.9:
            name = "move" if exposed else "trade"
        if not self.auctions() and name in ("bid", "takeover", "end") and self.rng.random() < 0.9:
            name = "open" if weak else "move"
        getattr(self, name)()

    def auctions(self) -> list[int]:
        """Accounts whose auction is open."""
        return [a for a in self.accounts if self.slicer.states[a].opened and self.core.held[a]]

    def anyone(self) -> int:
        """The weakest more often than others."""
        exposed = self.exposed()
        if not exposed:
            return self.accounts[0]
        if self.rng.random() < 0.8:
            return min(exposed, key=self.room)
        return self.rng.choice(exposed)

    def leg(self, account: int) -> int:
        held = self.core.held[account]
        return self.rng.choice(held) if held and self.rng.random() < 0.95 else ETH

    def auctioned(self) -> int:
        """Whose auction is open, if any is."""
        open_ = self.auctions()
        return self.rng.choice(open_) if open_ and self.rng.random() < 0.95 else self.anyone()

    def trade(self) -> None:
        account, rng = self.rng.choice(self.accounts), self.rng
        if self.core.health(account)[0] < 2_000 * WAD:
            tokens = rng.choice((3_000, 20_000, 150_000)) * 10**6
            self.system.must("core", "deposit", account, 0, tokens, sender=words.owner_of(account))
        for instrument in rng.sample((BTC, BTC_SMALL, ETH), rng.randint(1, 3)):
            size = self.size_for(account, instrument, rng.randint(40, 130)) * rng.choice((1, -1))
            self.clear("trade", self.pooled(account, instrument, size))

    def move(self) -> None:
        feed = self.rng.randint(1, 2)
        steps = self.rng.randint(1, 2)
        towards = self.rng.choice((-1, 1))
        for _ in range(steps):
            Cast.move(self, feed, towards * self.rng.randint(1_000, 40_000))
        self.system.wait(1)

    def slice(self) -> None:
        ranked = sorted(self.exposed(), key=self.room)[: self.rng.randint(1, 6)]
        pairs = [(account, self.leg(account)) for account in ranked]
        if self.rng.random() < 0.7:
            pairs.sort(key=lambda pair: (pair[1], pair[0]))
        if not pairs:
            return
        for account, instrument in pairs:
            self.system.compare_slice(account, instrument)
        self.compare_buckets()
        self.say("liquidate", [p[0] for p in pairs], [p[1] for p in pairs], self.keeper)

    def compare_buckets(self) -> None:
        contract = self.system.contracts["slicer"]
        for instrument in INSTRUMENTS:
            told = tuple(contract.call("bucket", instrument))
            self.system.equal(told, self.slicer.bucket(instrument), "bucket")
            told = contract.call("liquidated", instrument)
            self.system.equal(told, self.slicer.liquidated(instrument), "liquidated")

    def open(self) -> None:
        account = self.anyone()
        self.say("open_auction", account, self.leg(account))

    def bid(self) -> None:
        rng, account = self.rng, self.auctioned()
        bidder = rng.choice((*self.bidders, rng.choice(self.accounts)))
        notional = self.core.health(account)[3]
        most = rng.choice((2**200, notional, notional // 3, 50 * WAD, 0))
        least = rng.choice((0, 0, 0, 2_000, 30_000))
        deadline = self.system.host.now + rng.choice((0, 1, 5, 60, 60, 60, -1))
        sender = words.owner_of(bidder) if rng.random() < 0.95 else self.system.stranger
        first = rng.choice((0,) * 15 + (1,))
        self.say("bid", account, bidder, most, least, deadline, first, sender=sender)

    def takeover(self) -> None:
        account = self.auctioned()
        name = self.rng.choice(("takeover", "deleverage"))
        if self.rng.random() < 0.5 and self.slicer.states[account].opened:
            self.system.wait(T2)
        self.say(name, account, self.leg(account), self.keeper)

    def cap(self) -> None:
        """No room for the vault in a market, or all of it."""
        instrument = self.rng.choice(INSTRUMENTS)
        risk, trade, limits = self.system.world.terms[instrument]
        if self.core.trade[instrument] == trade:
            trade = replace(trade, hard=1, soft=1)
        self.system.must(
            "core", "set_terms", instrument, risk, trade, limits, sender=self.system.owner
        )

    def end(self) -> None:
        self.say("end_auction", self.auctioned())

    def wait(self) -> None:
        self.system.wait(self.rng.choice((5, 30, T2, T2, LIVES * T2)))
        self.refresh()

    def book(self) -> None:
        self.say("book", self.rng.choice(self.accounts))


def test_every_call_agrees() -> None:
    tally = Tally()
    for seed in range(SEEDS):
        floor = Floor(seed, tally)
        for _ in range(STEPS):
            floor.step()
        floor.system.compare_everything()
    print(tally.report())
    for name in ("liquidate", "open_auction", "bid", "takeover", "end_auction"):
        assert tally.done[name] >= 8, name
    assert tally.done["deleverage"] >= 3
