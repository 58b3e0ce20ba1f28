"""Orders, from placing to their end."""

from random import Random

from tests.stateful.cast import Cast, action
from tests.stateful.world import INSTRUMENTS, MIN_KEEPER_FEE, SLOT, WINDOW
from tidegate.client.orders import Order, OrderState
from tidegate.spec import words
from tidegate.spec.exchange import Placed
from tidegate.spec.rounding import PPM


class OrderActions(Cast):
    """Orders, from placing to their end."""

    def open_orders(self, resting: bool | None = None) -> list[Placed]:
        """Orders that may still end; resting or waiting ones only."""
        return [
            placed
            for placed in self.system.exchange.orders.values()
            if placed.state in (OrderState.RESTING, OrderState.WAITING)
            and resting in (None, placed.state == OrderState.RESTING)
        ]

    def lively(self) -> list[Placed]:
        """Orders that wait and are not late yet."""
        now = self.system.host.now
        return [
            placed
            for placed in self.open_orders(resting=False)
            if now <= min(placed.slot * SLOT + WINDOW, placed.order.expiry)
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
        exposed = self.exposed()
        if exposed and rng.random() < 0.4:
            account = rng.choice(exposed)
            instrument = rng.choice(self.core.held[account])
        size = self.size_for(account, instrument, rng.randint(1, 120)) * rng.choice((1, -1))
        held = self.held(account, instrument)
        reduce_only = held != 0 and rng.random() < 0.6
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

    @action(16)
    def execute(self, rng: Random) -> None:
        if not self.lively() or rng.random() < 0.3:
            self.place(rng)
        waiting = self.open_orders(resting=False) if rng.random() < 0.1 else self.lively()
        if not waiting:
            return None
        placed = rng.choice(waiting)
        self.ready(placed, rng)
        keeper = self.keeper if rng.random() < 0.9 else placed.order.account
        self.call("exchange", "execute", placed.order, keeper, sender=self.system.keeper)
        return None

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
        return None

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
        return None
