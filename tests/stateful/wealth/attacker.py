"""What the attacker tries. It knows what is public: the true price now, messages of opened slots.

A move picks what promises most by greed, most of the time, and anything else otherwise. Where it
finds nothing to act on it makes ready for the next time instead.
"""

import random
from collections.abc import Callable

from tests.harness.system import FOREVER
from tests.stateful.wealth.books import MARKETS
from tests.stateful.wealth.cast import TOKENS
from tests.stateful.wealth.life import Life
from tests.stateful.wealth.orders import Live
from tests.stateful.wealth.truth import START
from tidegate.chain import Contract
from tidegate.client.errors import ProtocolError
from tidegate.client.orders import Order
from tidegate.client.price_message import PriceMessage
from tidegate.deployment import COLLATERAL
from tidegate.spec import words
from tidegate.spec.rounding import PPM, WAD
from tidegate.spec.words import underlying_of

Rng = random.Random
UNIT = 10**12  # 1e-18 units of the ledger in the token's smallest
WEIGHTED: list[str] = []


def move(weight: int) -> Callable:
    """Marks a method as one of the things that can happen, this often."""

    def mark(method: Callable) -> Callable:
        WEIGHTED.extend([method.__name__] * weight)
        return method

    return mark


class Trader:
    """Moves of the trading accounts: orders, how they end, liquidations."""

    def __init__(self, life: Life) -> None:
        self.life, self.cast, self.system = life, life.cast, life.system
        self.exchange: Contract = life.system.exchange

    # Finding

    def price(self, instrument: int) -> int:
        return self.life.truth.at(underlying_of(instrument), self.life.now)

    def positions(self) -> list[tuple[int, int]]:
        """Accounts and instruments of the attacker's positions."""
        life = self.life
        return [(a, i) for a in self.cast.trading for i in MARKETS if life.size(a, i)]

    def due(self) -> list[Live]:
        """Orders whose slot's price is public and that may still fill."""
        orders = self.life.orders
        return [live for live in orders.live.values() if orders.is_due(live, self.life.now)]

    def overdue(self) -> list[Live]:
        orders, now = self.life.orders, self.life.now
        return [v for v in orders.live.values() if not v.resting and orders.closes(v) < now]

    def sized(self, account: int, instrument: int, tenths: int) -> int:
        """Units for so many tenths of the account's equity in notional."""
        equity = self.system.health(account)[0]
        return max(equity, 200 * WAD) * tenths * WAD // (10 * self.price(instrument))

    # Doing

    def place(self, name: str, order: Order) -> bool:
        owner = self.cast.owner(order.account)
        return self.life.attempt(name, lambda: self.cast.act(owner, self.exchange, "place", order))

    def ensure_posted(self, live: Live) -> None:
        """The messages of the order's own slot, and of the open one: a late fill needs both."""
        feed = live.order.feed
        for slot in (live.slot, self.life.slot):
            if not self.life.has(feed, slot):
                self.life.quietly(lambda slot=slot: self.life.post(feed, slot))

    def execute(self, name: str, live: Live) -> bool:
        self.ensure_posted(live)
        keeper = self.cast.keeping
        return self.life.attempt(
            name, lambda: self.exchange.transact("execute", live.order, keeper)
        )

    def cancel(self, name: str, live: Live) -> bool:
        owner = self.cast.owner(live.order.account)
        return self.life.attempt(
            name, lambda: self.cast.act(owner, self.exchange, "cancel", live.order)
        )

    def new_order(self, rng: Rng, account: int, instrument: int, **changes: object) -> Order:
        tenths = rng.choice((rng.randint(2, 60), rng.randint(60, 160)))
        size = self.sized(account, instrument, tenths) * rng.choice((1, -1))
        return self.life.order(account, instrument, size, **changes)

    @move(9)
    def open(self, rng: Rng) -> None:
        account, instrument = rng.choice(self.cast.trading), rng.choice(MARKETS)
        fee = self.life.config.min_keeper_fee
        fees = {"keeper_fee": words.to_units(fee, WAD) * rng.choice((1, 1, 40))}
        self.place("open", self.new_order(rng, account, instrument, **fees))

    @move(8)
    def strangle(self, rng: Rng) -> None:
        """Two opposite orders for one slot: the winner is known before they must be filled."""
        one, other = rng.sample(self.cast.trading, 2)
        instrument = rng.choice(MARKETS)
        order = self.new_order(rng, one, instrument)
        self.place("strangle", order)
        self.place("strangle", self.life.order(other, instrument, -order.size))

    @move(6)
    def close(self, rng: Rng) -> None:
        positions = self.positions()
        if not positions:
            return self.open(rng)
        account, instrument = rng.choice(positions)
        size = -self.life.size(account, instrument)
        if rng.random() < 0.3:
            size = size * rng.randint(10, 90) // 100
        self.place("close", self.life.order(account, instrument, size, reduce_only=True))
        return None

    @move(4)
    def limit(self, rng: Rng) -> None:
        """An immediate order whose limit may break, by the price or by the quote."""
        account, instrument = rng.choice(self.cast.trading), rng.choice(MARKETS)
        order = self.new_order(rng, account, instrument)
        away = rng.randint(-500, 3_000) * (1 if order.size > 0 else -1)
        limit = self.price(instrument) * (PPM + away) // PPM
        changes = {"limit": limit, "expiry": self.life.now + rng.randint(4, 60)}
        self.place("limit", self.life.order(account, instrument, order.size, **changes))

    @move(4)
    def rest(self, rng: Rng) -> None:
        account, instrument = rng.choice(self.cast.trading), rng.choice(MARKETS)
        order = self.new_order(rng, account, instrument)
        away = rng.randint(-1_000, 3_000) * (1 if order.size > 0 else -1)
        limit = self.price(instrument) * (PPM + away) // PPM
        changes = {"limit": limit, "resting": True, "expiry": self.life.now + 300}
        self.place("rest", self.life.order(account, instrument, order.size, **changes))

    @move(4)
    def wake(self, rng: Rng) -> None:
        life = self.life
        for live in rng.sample(life.orders.ours, len(life.orders.ours)):
            feed = live.order.feed
            for slot in range(live.slot, life.slot + 1):
                public = life.truth.message(feed, slot).published <= life.now
                if live.resting and public and live.order.met_by(life.truth.message(feed, slot).price):
                    if not life.has(feed, slot):
                        life.quietly(lambda feed=feed, slot=slot: life.post(feed, slot))
                    life.attempt(
                        "wake", lambda: self.exchange.transact("wake", live.order, slot)  # noqa: B023
                    )
                    return None
        return self.rest(rng)

    @move(6)
    def sandwich(self, rng: Rng) -> None:
        """Before an honest order of the same slot, in its direction; and back behind it."""
        life = self.life
        coming = [v for v in life.orders.live.values() if not v.ours and v.slot > life.slot]
        if not coming:
            return rng.choice((self.open, self.execute_due))(rng)
        victim = max(coming, key=lambda v: abs(v.order.size) * self.price(v.order.instrument))
        account = rng.choice(self.cast.trading)
        size = self.sized(account, victim.order.instrument, rng.randint(20, 120))
        size = size if victim.order.size > 0 else -size
        if not self.place("sandwich", life.order(account, victim.order.instrument, size)):
            return None
        ours = list(life.orders.live.values())[-1]
        life.until(victim.slot * life.slot_seconds)
        for live in (ours, victim):
            if life.orders.is_due(live, life.now) and live.digest in life.orders.live:
                self.execute("execute", live)
        held = life.size(account, victim.order.instrument)
        if held:
            back = life.order(account, victim.order.instrument, -held, reduce_only=True)
            self.place("close", back)
        return None

    @move(9)
    def execute_due(self, rng: Rng) -> None:
        """One to three orders of open slots, in the sequence that suits."""
        due = self.due()
        if not due:
            return rng.choice((self.open, self.wait_slot, self.strangle))(rng)
        now, orders = self.life.now, self.life.orders
        if rng.random() < 0.5:
            due.sort(key=lambda live: -orders.gain(live, now) * (1 if live.ours else -1))
        else:
            rng.shuffle(due)
        for live in due[: rng.randint(1, 3)]:
            loses = live.ours and orders.gain(live, now) < 0
            if live.digest in orders.live and not (loses and rng.random() < 0.5):
                self.execute("execute", live)
        return None

    @move(4)
    def execute_batch(self, rng: Rng) -> None:
        due = [live for live in (*self.due(), *self.overdue())]
        if not due:
            return self.open(rng)
        chosen = rng.sample(due, min(len(due), rng.randint(1, 6)))
        for live in chosen:
            self.ensure_posted(live)
        batch = [live.order for live in chosen]
        keeper = self.cast.keeping
        self.life.attempt(
            "batch", lambda: self.exchange.transact("execute_many", batch, keeper)
        )
        return None

    @move(6)
    def execute_late(self, rng: Rng) -> None:
        """Look at the price until the window ends; then take a winner, or let a loser go."""
        ours = [live for live in self.due() if live.ours]
        if not ours:
            return self.strangle(rng)
        live = rng.choice(ours)
        life = self.life
        life.until(max(life.now, life.orders.closes(live) - rng.randint(0, 6)))
        if live.digest not in life.orders.live:
            return None
        if life.orders.gain(live, life.now) >= 0:
            self.execute("execute late", live)
        elif rng.random() < 0.5:
            self.cancel("cancel", live)
        return None

    @move(4)
    def lapse(self, rng: Rng) -> None:
        overdue = self.overdue()
        if not overdue:
            return rng.choice((self.strangle, self.wait_window))(rng)
        self.execute("lapse", rng.choice(overdue))
        return None

    @move(5)
    def cancel_one(self, rng: Rng) -> None:
        """A loser, if there is one; also orders whose slot has not opened, or that rest."""
        ours = self.life.orders.ours
        if not ours:
            return self.open(rng)
        live = rng.choice(ours)
        if rng.random() < 0.6:
            live = min(ours, key=lambda v: self.life.orders.gain(v, self.life.now))
        self.cancel("cancel", live)
        return None

    # Liquidations

    def weak(self) -> list[int]:
        accounts = (*self.cast.trading, *self.cast.honest_accounts)
        health = {account: self.system.health(account) for account in accounts}
        return [account for account, (equity, _, least, _) in health.items() if equity < least]

    @move(6)
    def liquidate(self, rng: Rng) -> None:
        """Others' accounts or one's own, or what they left; prices first, or not."""
        weak = self.weak()
        if not weak:
            return self.lever(rng)
        if rng.random() < 0.5:
            self.post_newest(rng)
        account = rng.choice(weak)
        name = "liquidate"
        self.life.tried[name] += 1
        self.life.done[name] += self.life.liquidate(name, account, ours=True)
        return None

    @move(5)
    def lever(self, rng: Rng) -> None:
        """Takes out of an account with a position all that margin lets go."""
        positions = self.positions()
        if not positions:
            return self.open(rng)
        account, _ = rng.choice(positions)
        tokens = self.life.free(account) // UNIT
        self.withdraw_from("lever", account, tokens * rng.randint(80, 100) // 100)
        return None

    # Time and prices

    @move(10)
    def wait(self, rng: Rng) -> None:
        self.life.wait(rng.randint(1, 6))
        self.count("wait")

    @move(4)
    def wait_slot(self, rng: Rng) -> None:
        """To the first second of the next slot, before anybody else acts in it."""
        self.life.until((self.life.slot + 1) * self.life.slot_seconds)
        self.count("wait")

    @move(1)
    def wait_window(self, rng: Rng) -> None:
        self.life.wait(rng.randint(20, 50))
        self.count("wait")

    @move(1)
    def wait_epoch(self, rng: Rng) -> None:
        seconds = self.life.config.epoch_seconds
        self.life.until(self.life.now - self.life.now % seconds + seconds)
        self.count("wait")

    def count(self, name: str) -> None:
        self.life.tried[name] += 1
        self.life.done[name] += 1

    def post(self, name: str, feed: int, slot: int) -> bool:
        """A keeper's message; it moves the prices in force and nobody's true wealth."""
        return self.life.attempt(name, lambda: self.life.post(feed, slot))

    @move(7)
    def post_newest(self, rng: Rng) -> None:
        feeds = rng.choice(((1,), (2,), (1, 2), (1, 2)))
        for feed in feeds:
            self.post("post", feed, self.life.slot)

    @move(4)
    def post_withheld(self, rng: Rng) -> None:
        """A slot's message late, behind newer ones or as the newest."""
        feed = rng.choice(tuple(START))
        self.post("post late", feed, self.life.slot - rng.randint(1, 14))

    @move(2)
    def post_again(self, rng: Rng) -> None:
        """The same message twice: nothing happens."""
        feed = rng.choice(tuple(START))
        slot = self.life.posted()[feed]
        if self.life.slot - slot < 100 and self.life.truth.start // 4 < slot:
            self.post("post again", feed, slot)
        else:
            self.post_newest(rng)

    @move(2)
    def forge(self, rng: Rng) -> None:
        """Another price for a slot, signed by one bought signer, twice over."""
        life, feed = self.life, rng.choice(tuple(START))
        message = PriceMessage(feed, life.slot, self.price(feed * 64) * 11 // 10, life.now)
        signers = life.system.signers
        bought = signers.quorum[0].account
        signature = bytes(bought.sign_message(signers.domain.signable(message)).signature)
        arguments = (feed, life.slot, message.price, life.now, signature * len(signers.quorum))
        if not life.has(feed, life.slot):
            life.attempt("forge", lambda: life.system.oracle.transact("push", *arguments))

    # Cash

    def withdraw_from(self, name: str, account: int, tokens: int) -> bool:
        owner, core = self.cast.owner(account), self.system.core
        return self.life.attempt(
            name,
            lambda: self.cast.act(owner, core, "withdraw", account, COLLATERAL, tokens, owner),
        )

    def purse(self, owner: str) -> int:
        return self.system.token.call("balanceOf", owner)

    @move(5)
    def deposit(self, rng: Rng) -> None:
        """Into the account with the least; now and then a fortune, to be taken out later."""
        account = min(rng.sample(self.cast.trading, 3), key=lambda a: self.life.cash(a).cash)
        owner, core = self.cast.owner(account), self.system.core
        tokens = rng.choice((rng.randint(1, 100_000) * TOKENS, self.purse(owner) // 2, 1))
        self.life.attempt(
            "deposit", lambda: self.cast.act(owner, core, "deposit", account, COLLATERAL, tokens)
        )

    @move(5)
    def withdraw(self, rng: Rng) -> None:
        account = rng.choice(self.cast.accounts)
        tokens = self.life.free(account) * rng.randint(1, 105) // 100 // UNIT
        self.withdraw_from("withdraw", account, tokens)

    def gain(self, account: int) -> int:
        """What may leave beyond the principal that the contract knows."""
        return self.life.free(account) - self.life.cash(account).principal

    @move(5)
    def withdraw_gain(self, rng: Rng) -> None:
        """All principal, and of the gain what the bucket may hold."""
        account = max(self.cast.trading, key=self.gain)
        gain = self.gain(account)
        if gain <= UNIT:
            return rng.choice((self.close, self.open, self.withdraw))(rng)
        part = min(gain, int(self.life.gate.size(self.life.gate.most) * rng.random() * 1.2))
        tokens = (self.life.cash(account).principal + part) // UNIT
        self.withdraw_from("withdraw gain", account, tokens)
        return None

    @move(5)
    def transfer(self, rng: Rng) -> None:
        """Between own accounts, of one owner or of two; now and then a gift to the vault."""
        source, target = rng.sample(self.cast.accounts, 2)
        if rng.random() < 0.03:
            target = rng.choice(sorted(self.life.ids.pools))
        amount = self.life.free(source) * rng.randint(1, 105) // 100
        if target in self.life.ids.pools:
            amount //= 100
        owner, core = self.cast.owner(source), self.system.core
        self.life.gate.transfers.add((source, target))
        self.life.attempt(
            "transfer",
            lambda: self.cast.act(owner, core, "transfer", source, target, COLLATERAL, amount),
        )
        self.life.gate.transfers.clear()


__all__ = ["FOREVER", "WEIGHTED", "ProtocolError", "Trader", "move"]
