"""The deployed bytecode and the specification live the same life, word by word.

Every action calls both. They must accept or refuse together, refuse with the same error, hold the
same words and report the same equity; after every step the laws hold in the bytecode's words.
Actions aim at states where something happens (traders near their margin, crashes, deficits, closed
epochs); a share of what they try is wrong on purpose.

One Hypothesis rule draws the action: its own choice among many rules leaves whole kinds out of a
life, and then little of this world happens. TIDEGATE_FUZZ_STEPS sets how many steps are run;
beyond the default they are not repeatable.
"""

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from tests.stateful.system import (
    BTC,
    EPOCH,
    INSTRUMENTS,
    MIN_KEEPER_FEE,
    PRICES,
    SLOT,
    TERMS,
    UNIT,
    System,
)
from tidegate.client.errors import ProtocolError
from tidegate.client.orders import Order, OrderState
from tidegate.spec import words
from tidegate.spec.clearing import COLLATERAL, TRADING, Fill, Venue
from tidegate.spec.exchange import Placed
from tidegate.spec.rounding import PPM, WAD, div_up

DEFAULT_STEPS = 40_000
STEPS = int(os.environ.get("TIDEGATE_FUZZ_STEPS", DEFAULT_STEPS))
STEPS_A_LIFE = 250
LEAST_SUCCESSES = 200  # of each action, at the default number of steps
LEAST_RATE = 0.05

TRADERS = 6
SUBS = 2
LPS = 4
NEVER = 2**32 - 1

tried: Counter[str] = Counter()
done: Counter[str] = Counter()
refused: Counter[str] = Counter()
WEIGHTED: list[str] = []


def action(weight: int) -> Callable:
    """Marks a method as one of the things that can happen, this often."""

    def mark(method: Callable) -> Callable:
        WEIGHTED.extend([method.__name__] * weight)
        return method

    return mark


class ClearingMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.system = system = System()
        self.core, self.vault = system.core, system.vault
        self.traders = [system.actor(f"trader {i}") for i in range(TRADERS)]
        self.accounts = [words.account(t, sub) for t in self.traders for sub in range(SUBS)]
        self.lps = [words.account(system.actor(f"lp {i}")) for i in range(LPS)]
        self.keeper = words.account(system.keeper)
        self.nonce = 0
        for actor in (*self.traders, *map(words.owner_of, self.lps), system.keeper):
            system.fund(actor, 10**9 * 10**6)
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

    @rule(name=st.deferred(lambda: st.sampled_from(WEIGHTED)), seed=st.integers(0, 2**32 - 1))
    def live(self, name: str, seed: int) -> None:
        getattr(self, name)(Random(seed))

    def teardown(self) -> None:
        self.system.compare_everything()
        self.system.compare_equity()

    # What actions share

    def count(self, name: str, ok: bool) -> bool:
        tried[name] += 1
        done[name] += ok
        if not ok:
            refused[f"{name}: {self.system.last_error}"] += 1
        return ok

    def call(self, contract: str, function: str, *args, sender: int, name: str = "") -> bool:
        """One counted call of both sides."""
        ok = self.system.both(contract, function, *args, sender=sender)
        return self.count(name or function, ok)

    def clear(self, name: str, *fills: Fill, by: int = 0) -> bool:
        ok = self.call("core", "clear", list(fills), sender=by or self.system.venue, name=name)
        for account in {side for fill in fills for side in (fill.taker, fill.maker)}:
            self.system.compare_health(account)
        self.system.compare_equity()
        return ok

    def quote(self, instrument: int, size: int) -> int:
        return self.vault.quote(instrument, size, self.system.mark(instrument), 0)

    def pooled(self, account: int, instrument: int, size: int, wrong: int = 0) -> Fill:
        """A fill against the vault at its quote and the whole fee; or one that is wrong."""
        pool = words.pool(self.system.vault_at, words.underlying_of(instrument))
        size = size or 1
        price = max(1, self.quote(instrument, size))
        fee = div_up(abs(size) * price * TERMS[instrument][1].taker_fee, WAD * PPM)
        fill = Fill(account, pool, instrument, size, price, fee)
        match wrong:
            case 1:
                return fill._replace(price=price * 104 // 100)
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
        return self.core.positions[account, instrument].size

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

    # Time and prices

    @action(4)
    def wait(self, rng: Random) -> None:
        self.system.wait(rng.randint(1, 40))
        self.count("wait", True)

    @action(6)
    def move_price(self, rng: Random) -> None:
        feed, trend = rng.choice((1, 2)), rng.randint(-25_000, 25_000)
        for _ in range(rng.randint(1, 3)):
            self.move(feed, trend + rng.randint(-5_000, 5_000))
        self.system.wait(rng.choice((0, 1, 1, 1)))
        self.count("move_price", True)

    @action(4)
    def crash(self, rng: Random) -> None:
        """Against the account with the least room; back when prices have run away."""
        feed, down = rng.choice((1, 2)), rng.random() < 0.5
        exposed = self.exposed()
        if exposed and rng.random() < 0.8:
            account = min(exposed, key=self.room)
            instrument = rng.choice(self.core.held[account])
            feed = words.underlying_of(instrument)
            down = self.held(account, instrument) > 0
        ratio = self.system.oracle.feeds[feed].price * 100 // PRICES[feed]
        if not 25 < ratio < 400:
            down = ratio > 100
        for _ in range(rng.randint(1, 4)):
            self.move(feed, -90_000 if down else 98_000)
        self.system.wait(1)
        self.count("crash", True)

    @action(6)
    def wait_long(self, rng: Random) -> None:
        self.system.wait(rng.randint(1, 60) * 3600)
        if rng.random() < 0.75:
            self.refresh()
        self.count("wait_long", True)

    @action(5)
    def fresh_prices(self, rng: Random) -> None:
        self.refresh(rng.randint(0, 3))
        self.count("fresh_prices", True)

    @action(6)
    def post_late(self, rng: Random) -> None:
        """A slot of the past; the price in force stays."""
        feed, slot = rng.choice((1, 2)), self.system.host.now // SLOT - rng.randint(0, 12)
        price = self.system.oracle.feeds[feed].price * rng.randint(9_900, 10_100) // 10_000
        published = min(slot * SLOT + 1, self.system.host.now)
        self.count("post_late", self.system.push(feed, slot, price, published))

    # Cash

    @action(5)
    def deposit(self, rng: Random) -> None:
        account = min(rng.sample(self.accounts, 3), key=lambda a: self.core.cash[a, 0].cash)
        tokens = rng.choice((0, 1, rng.randint(1, 5_000 * 10**6), rng.randint(1, 5_000 * 10**6)))
        owner = words.owner_of(account)
        self.call("core", "deposit", account, COLLATERAL, tokens, sender=owner)
        self.system.compare_health(account)

    @action(7)
    def withdraw(self, rng: Random) -> None:
        account = rng.choice(self.accounts)
        owner = words.owner_of(account)
        sender = owner if rng.random() < 0.9 else self.system.keeper
        tokens = self.free(account) * rng.randint(0, 120) // 100 // UNIT
        self.call("core", "withdraw", account, COLLATERAL, tokens, owner, sender=sender)
        self.system.compare_health(account)

    @action(6)
    def withdraw_gain(self, rng: Random) -> None:
        """More than the principal: through the outflow bucket."""

        def gain(account: int) -> int:
            return self.free(account) - self.core.cash[account, COLLATERAL].principal

        account = max(self.accounts, key=gain)
        if gain(account) <= UNIT:
            return self.reduce(rng)
        principal = self.core.cash[account, COLLATERAL].principal
        part = gain(account) * rng.choice((1, 10, 50, 100, 101)) // 100
        tokens = (principal + part) // UNIT
        owner = words.owner_of(account)
        self.call(
            "core", "withdraw", account, COLLATERAL, tokens, owner, sender=owner,
            name="withdraw_gain",
        )  # fmt: skip
        return self.system.compare_health(account)

    @action(5)
    def transfer(self, rng: Random) -> None:
        source = rng.choice(self.accounts)
        insurance = words.insurance(self.system.core_at, COLLATERAL)
        pool = words.pool(self.system.vault_at, 1)
        target = rng.choice((*self.accounts, insurance, pool, source ^ 1, source ^ 1))
        amount = self.free(source) * rng.randint(0, 120) // 100
        owner = words.owner_of(source)
        self.call("core", "transfer", source, target, COLLATERAL, amount, sender=owner)
        self.system.compare_health(source)
        self.system.compare_health(target)

    @action(3)
    def set_delegate(self, rng: Random) -> None:
        owner, delegate = rng.choice(self.traders), rng.choice(self.traders)
        expiry = self.system.host.now + rng.choice((0, 1000, 10**7, 10**7))
        rights = rng.choice((2, 3, 6, 7, 7, rng.randint(0, 8)))
        self.call("core", "set_delegate", delegate, rights, expiry, sender=owner)

    @action(13)
    def act_for_another(self, rng: Random) -> None:
        """A delegate moves cash, with the right to it or without."""
        pairs = [pair for pair in self.core.rights if pair[1] in self.traders]
        owner, delegate = rng.choice(pairs or [(self.traders[0], self.traders[1])])
        source = words.account(owner, rng.randrange(SUBS))
        target = words.account(owner, rng.randrange(SUBS + 1))
        amount = self.free(source) * rng.randint(1, 50) // 100
        self.call(
            "core", "transfer", source, target, COLLATERAL, amount, sender=delegate,
            name="act_for_another",
        )  # fmt: skip

    @action(5)
    def donate(self, rng: Random) -> None:
        """Tokens sent without a deposit belong to nobody, and break nothing."""
        system, amount = self.system, rng.randint(1, 10**9)
        system.donations += amount * UNIT
        token = system.contracts["token"]
        ok = system.compare(
            lambda: system.token.transfer(system.keeper, system.core_at, amount),
            lambda: token.transact(
                "transfer", system.names[system.core_at], amount, sender=system.names[system.keeper]
            ),
        )
        self.count("donate", ok)

    # Exposure

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

    @action(7)
    def package(self, rng: Random) -> None:
        """A hedged pair of one underlying with a tip, judged as one."""
        account = rng.choice(self.accounts)
        size = self.size_for(account, BTC, rng.randint(1, 150)) * rng.choice((1, -1))
        tip = Fill(account, self.keeper, 0, 0, 0, rng.randint(0, 210) * WAD)
        legs = (self.pooled(account, BTC, size), self.pooled(account, BTC + 1, -size))
        self.clear("package", *legs, tip)

    @action(4)
    def flip(self, rng: Random) -> None:
        exposed = self.exposed()
        if not exposed:
            return self.open(rng)
        account = rng.choice(exposed)
        instrument = rng.choice(self.core.held[account])
        size = -self.held(account, instrument) * rng.randint(110, 250) // 100
        return self.clear("flip", self.pooled(account, instrument, size)) and None

    @action(10)
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

    # Orders

    def open_orders(self, resting: bool | None = None) -> list[Placed]:
        """Orders that may still end; resting or waiting ones only."""
        return [
            placed
            for placed in self.system.exchange.orders.values()
            if placed.state in (OrderState.RESTING, OrderState.WAITING)
            and resting in (None, placed.state == OrderState.RESTING)
        ]

    def ready(self, placed: Placed, rng: Random) -> None:
        """Mostly to where its slot is open and priced."""
        now, opened = self.system.host.now, placed.slot * SLOT
        if now < opened and rng.random() < 0.9:
            self.system.wait(opened - now)
        if self.system.host.now >= opened and rng.random() < 0.9:
            feed = placed.order.feed
            step = rng.randint(980_000, 1_020_000)
            price = self.system.oracle.feeds[feed].price * step // PPM
            self.system.push(feed, placed.slot, price, opened)
        self.system.wait(rng.choice((0, 0, 1, 3, 10, 40)))

    @action(4)
    def place(self, rng: Random) -> None:
        account, instrument = rng.choice(self.accounts), rng.choice(INSTRUMENTS)
        size = self.size_for(account, instrument, rng.randint(1, 120)) * rng.choice((1, -1))
        held = self.held(account, instrument)
        reduce_only = held != 0 and rng.random() < 0.4
        if reduce_only:
            size = -held * rng.randint(20, 150) // 100
        mark = self.system.mark(instrument)
        edge = rng.choice((-3_000, 2_000, 30_000, 30_000, 30_000))
        limit = mark * (PPM + (edge if size > 0 else -edge)) // PPM
        self.nonce += 1
        order = Order(
            account=account,
            instrument=instrument if rng.random() < 0.97 else instrument + 9,
            size=size if rng.random() < 0.97 else 0,
            limit=limit,
            resting=rng.random() < 0.3,
            reduce_only=reduce_only,
            expiry=self.system.host.now + rng.choice((0, 30, 60, 600, 6_000, 60_000)),
            keeper_fee=MIN_KEEPER_FEE * rng.choice((*range(1, 30), 101)),
            nonce=self.nonce if rng.random() < 0.9 else self.nonce - 1,
            trigger=int(rng.random() < 0.03),
        )
        owner = words.owner_of(account)
        sender = owner if rng.random() < 0.95 else self.system.keeper
        self.call("exchange", "place", order, sender=sender)
        self.system.compare_health(account)

    @action(12)
    def execute(self, rng: Random) -> None:
        waiting = self.open_orders(resting=False)
        if not waiting:
            return self.place(rng)
        placed = rng.choice(waiting)
        self.ready(placed, rng)
        keeper = self.keeper if rng.random() < 0.9 else placed.order.account
        self.call("exchange", "execute", placed.order, keeper, sender=self.system.keeper)
        self.system.compare_health(placed.order.account)
        return self.system.compare_equity()

    @action(5)
    def execute_many(self, rng: Random) -> None:
        orders = self.open_orders()
        if len(orders) < 2:
            return self.place(rng)
        for placed in rng.sample(orders, min(2, len(orders))):
            self.ready(placed, rng)
        batch = [placed.order for placed in rng.sample(orders, min(6, len(orders)))]
        reasons = self.system.execute_many(batch, self.keeper)
        for reason in reasons:
            self.system.last_error = reason
            self.count("execute_many", reason == "")
        return self.system.compare_equity()

    @action(19)
    def wake(self, rng: Random) -> None:
        now = self.system.host.now
        resting = self.open_orders(resting=True)
        lively = [placed for placed in resting if placed.order.expiry > now + 20]
        resting = lively or resting * (rng.random() < 0.1)
        if not resting:
            return self.place(rng)
        placed = rng.choice(resting)
        feed = placed.order.feed
        slot, price = self.system.oracle.feeds[feed].slot, self.system.oracle.feeds[feed].price
        if (slot < placed.slot or not placed.order.met_by(price)) and rng.random() < 0.9:
            better = placed.order.limit * (995 if placed.order.size > 0 else 1005) // 1000
            self.system.push_prices({feed: min(max(better, price * 92 // 100), price * 108 // 100)})
            slot = self.system.oracle.feeds[feed].slot
        sender = self.system.keeper
        self.call("exchange", "wake", placed.order, slot, sender=sender)
        return None

    @action(4)
    def cancel(self, rng: Random) -> None:
        orders = self.open_orders()
        if not orders:
            return self.place(rng)
        placed = rng.choice(orders)
        owner = words.owner_of(placed.order.account)
        sender = owner if rng.random() < 0.9 else self.system.keeper
        if rng.random() < 0.2:
            self.system.wait(45)
        self.call("exchange", "cancel", placed.order, sender=sender)
        return self.system.compare_health(placed.order.account)

    # Liquidation

    @action(16)
    def liquidate(self, rng: Random) -> None:
        exposed = self.exposed()
        if not exposed:
            return self.open(rng)
        account = min(exposed, key=self.room)
        if self.room(account) >= 0 and rng.random() < 0.9:
            return rng.choice((self.crash, self.open))(rng)
        if self.is_hedged(account):
            fills = self.all_legs(account, rng.choice((20, 50, 100)))
            return self.clear("liquidate_hedged", *fills, by=self.system.liquidator) and None
        equity, _, _, notional = self.core.health(account)
        instrument = rng.choice(self.core.held[account])
        mark, size = self.system.mark(instrument), self.held(account, instrument)
        part = abs(size) if rng.random() < 0.7 else abs(size) * rng.randint(1, 99) // 100
        fill = self.pooled(account, instrument, -part if size > 0 else part)
        cost = abs(fill.price - mark) * PPM // mark + 1
        ratio = max(0, min(TERMS[instrument][2].penalty, equity * PPM // notional - cost))
        penalty = ratio * part * mark // (WAD * PPM)
        if rng.random() < 0.1:
            penalty += WAD
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
        for account in (*accounts, self.keeper):
            self.system.compare_health(account)
        self.liquidatable(ranked[0])
        return self.system.compare_equity()

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

    def liquidatable(self, account: int) -> None:
        """No account below maintenance is out of the liquidator's reach.

        But for two instruments of one underlying that hedge each other: a slice of one raises the
        requirement, and of both may cost more than the contingency they are held to. The deployment
        lists one instrument of each underlying.
        """
        if self.room(account) >= 0 or self.is_hedged(account):
            return
        slicer, keeper = self.system.contracts["slicer"], self.keeper
        reasons = []
        for instrument in self.core.held[account]:
            try:
                slicer.call("liquidate", [account], [instrument], keeper)
                return
            except ProtocolError as error:
                reasons.append(f"{instrument} {error.name}")
        raise AssertionError(f"nobody can liquidate {account:#x}: {reasons}")

    @action(14)
    def book(self, rng: Random) -> None:
        lacking = self.lacking()
        if not lacking and rng.random() < 0.9:
            return self.slice_many(rng)
        account = rng.choice(lacking or self.accounts)
        self.call("slicer", "book", account, sender=self.system.keeper)
        return self.system.compare_equity()

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

    # The vault

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
        self.system.compare_equity()

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
        return self.system.compare_equity()

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
        self.system.compare_equity()

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
                risk, trade, limits = TERMS[instrument]
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


def report() -> str:
    rows = [f"{'action':18} {'tried':>7} {'done':>7}  rate"]
    rows += [f"{n:18} {tried[n]:7} {done[n]:7}  {done[n] / tried[n]:.0%}" for n in sorted(tried)]
    rows += [f"{sum(tried.values()):26} {sum(done.values()):7}", "most frequent refusals:"]
    rows += [f"  {name:45} {count}" for name, count in refused.most_common(25)]
    return "\n".join(rows)


@pytest.mark.slow
def test_bytecode_is_the_specification(capsys: pytest.CaptureFixture[str]) -> None:
    for counter in (tried, done, refused):
        counter.clear()
    run_state_machine_as_test(
        ClearingMachine,
        settings=settings(
            max_examples=-(-STEPS * 11 // (STEPS_A_LIFE * 10)),
            stateful_step_count=STEPS_A_LIFE,
            deadline=None,
            derandomize=STEPS <= DEFAULT_STEPS,
            database=None,
            phases=(Phase.generate, Phase.shrink) if STEPS > DEFAULT_STEPS else (Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
    with capsys.disabled():
        print("\n" + report())
    assert sum(tried.values()) >= STEPS
    if STEPS >= DEFAULT_STEPS:
        for name in tried:
            assert done[name] >= LEAST_RATE * tried[name], name
            assert done[name] >= LEAST_SUCCESSES, name
