"""The attacker's moves with its trading accounts: orders, how they end, liquidations.

A move picks what promises most by greed, most of the time, and anything else otherwise. Where it
finds nothing to act on it makes ready for the next time instead.
"""

from tests.stateful.wealth.actor import UNIT, Actor, Rng, move
from tests.stateful.wealth.books import MARKETS
from tests.stateful.wealth.orders import Live
from tidegate.client.orders import Order
from tidegate.spec import words
from tidegate.spec.rounding import PPM, WAD


class Trader(Actor):
    """Whatever can be done with orders and slices."""

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
        tenths = rng.choice((rng.randint(2, 60), rng.randint(60, 150)))
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
                if (
                    live.resting
                    and public
                    and live.order.met_by(life.truth.message(feed, slot).price)
                ):
                    if not life.has(feed, slot):
                        life.quietly(lambda feed=feed, slot=slot: life.post(feed, slot))
                    life.attempt(
                        "wake",
                        lambda: self.exchange.transact("wake", live.order, slot),  # noqa: B023
                    )
                    return None
        return self.rest(rng)

    @move(10)
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
        due = [*self.due(), *self.overdue()]
        if not due:
            return self.open(rng)
        chosen = rng.sample(due, min(len(due), rng.randint(1, 6)))
        for live in chosen:
            self.ensure_posted(live)
        batch = [live.order for live in chosen]
        keeper = self.cast.keeping
        self.life.attempt("batch", lambda: self.exchange.transact("execute_many", batch, keeper))
        return None

    @move(10)
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

    @move(2)
    def release(self, rng: Rng) -> None:
        """Takes a stake back, to trade with it or to leave."""
        places = self.life.orders.releasable()
        if not places:
            return self.cancel_one(rng)
        account, place = rng.choice(places)
        owner, args = self.cast.owner(account), (account, place)
        send = lambda: self.cast.act(owner, self.exchange, "release", *args)  # noqa: E731
        self.life.attempt("release", send)
        return None

    # Liquidations

    def weak(self) -> list[int]:
        accounts = (*self.cast.trading, *self.cast.honest_accounts)
        health = {account: self.system.health(account) for account in accounts}
        return [account for account, (equity, _, least, _) in health.items() if equity < least]

    @move(10)
    def liquidate(self, rng: Rng) -> None:
        """Others' accounts or one's own, or what they left; prices first, or not."""
        for _ in range(rng.choice((0, 0, 2, 6))):
            if self.weak():
                break
            self.wait_slot(rng)
            self.post_newest(rng)
            self.wait(rng)
        weak = self.weak()
        if not weak:
            return self.lever(rng)
        self.slice(rng, rng.choice(weak))
        return None

    def slice(self, rng: Rng, account: int) -> None:
        self.life.tried["liquidate"] += 1
        self.life.done["liquidate"] += self.life.liquidate("liquidate", account, ours=True)

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
