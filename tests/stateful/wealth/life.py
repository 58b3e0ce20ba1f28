"""One life: a price path, honest others and how late they are, the attacker under the law.

Everything random is drawn from the life's seed and the step's number, and honest others draw from
the seed and the slot: a life is replayed from its seed, and a step can be left out of it.
"""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.harness.system import FOREVER
from tests.stateful.wealth.books import MARKETS, Reader, Terms
from tests.stateful.wealth.cast import Cast
from tests.stateful.wealth.gate import Gate
from tests.stateful.wealth.law import Broken, Ids, Law
from tests.stateful.wealth.orders import Orders
from tests.stateful.wealth.truth import START, Truth
from tidegate.chain import Receipt
from tidegate.client.errors import ProtocolError
from tidegate.client.orders import PLACES, Order
from tidegate.deployment import COLLATERAL
from tidegate.spec import words
from tidegate.spec.rounding import WAD
from tidegate.spec.words import Cash, underlying_of

NEVER = 10**9
KNOWN_SLOTS = 120  # signers forget what has left the oracle's ring


@dataclass(frozen=True, slots=True)
class Habits:
    """Slots by which honest others are late; NEVER: they do not come."""

    posts: int
    executes: int
    liquidates: int
    processes: int  # seconds after an epoch's close
    trades: float  # orders a slot

    @property
    def diligent(self) -> bool:
        """Whether prices and liquidations do not wait for the attacker."""
        return self.posts < NEVER and self.liquidates < NEVER

    @classmethod
    def drawn(cls, rng: random.Random) -> "Habits":
        return cls(
            posts=rng.choice((0, 0, 1, 3, NEVER)),
            executes=rng.choice((0, 1, 3, 6, NEVER, NEVER)),
            liquidates=rng.choice((1, 3, 6, 10, NEVER)),
            processes=rng.choice((5, 30, NEVER)),
            trades=rng.choice((0.1, 0.3)),
        )


class Life:
    """The world of one seed, and the law over it."""

    def __init__(self, cast: Cast, seed: object, kind: str, habits: Habits | None = None) -> None:
        self.cast, self.seed, self.system = cast, seed, cast.system
        system = self.system
        self.chain, self.config = system.chain, system.config
        for signer in system.signers.quorum:
            signer.signed.clear()
        self.habits = habits or Habits.drawn(random.Random(f"{seed} habits"))
        self.slot_seconds = self.config.slot_seconds
        self.truth = Truth(kind, seed, self.chain.time(), self.slot_seconds)
        ratio = words.to_units(self.config.lapse_ratio, 10**6)
        least = words.to_units(self.config.min_keeper_fee, WAD)
        self.orders = Orders(self.truth, self.slot_seconds, self.config.window, ratio, least)
        deployment = system.deployment
        self.ids = Ids(
            frozenset(cast.accounts),
            frozenset(deployment.pool(i) for i in MARKETS),
            deployment.insurance,
            deployment.deficits,
        )
        self.reader = Reader(system, cast.owners, cast.accounts)
        self.law = Law(self.reader, Terms.of(system), self.orders, self.ids)
        self.law.tally.habits = "diligent others" if self.habits.diligent else "the attacker alone"
        self.gate = Gate(self)
        self.nonces: Counter[int] = Counter()
        self.made: dict[tuple[int, int], Order] = {}  # by account and nonce
        self.tried: Counter[str] = Counter()
        self.done: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.weak_since: dict[int, int] = {}  # slot in which an account fell below maintenance
        self.law.before(self.now, self.force(), self.posted())

    # Readings

    @property
    def now(self) -> int:
        return self.chain.time()

    @property
    def slot(self) -> int:
        return self.now // self.slot_seconds

    def force(self) -> dict[int, int]:
        """Prices in force, 1e-18 by feed."""
        oracle = self.system.oracle
        return {feed: oracle.call("latest", feed)[0] for feed in START}

    def posted(self) -> dict[int, int]:
        """Newest slot on the chain, by feed."""
        oracle = self.system.oracle
        return {feed: oracle.call("latest_word", feed) >> 180 & (2**32 - 1) for feed in START}

    def has(self, feed: int, slot: int) -> bool:
        return bool(self.system.oracle.call("slot_price", feed, slot)[0])

    def size(self, account: int, instrument: int) -> int:
        return self.system.size(account, instrument)

    def cash(self, account: int) -> Cash:
        return Cash.unpack(self.system.core.call("cash_word", account, COLLATERAL))

    def free(self, account: int) -> int:
        equity, initial, _, _ = self.system.health(account)
        return max(0, equity - initial)

    # Transactions under the law

    def judged(self, name: str, send: Callable[[], Receipt], ours: bool = True) -> Receipt | None:
        """A transaction; None if it was refused. ours: the attacker's keeper is paid."""
        moment = self.law.before(self.now, self.force(), self.posted())
        self.gate.before(moment)
        try:
            receipt = send()
        except ProtocolError as refusal:
            self.refused[f"{name}: {refusal.name}"] += 1
            return None
        self._note_placed(receipt, moment.force)
        self.law.after(name, moment, receipt, ours)
        self.gate.after(name, receipt)
        self._check_escrow(name)
        return receipt

    def attempt(self, name: str, send: Callable[[], Receipt]) -> bool:
        """An attacker's action, counted."""
        self.tried[name] += 1
        receipt = self.judged(name, send)
        self.done[name] += receipt is not None
        return receipt is not None

    def _note_placed(self, receipt: Receipt, force: Mapping[int, int]) -> None:
        for event in receipt.events:
            if event.name == "Placed":
                order = self.made[event.args.account, event.args.nonce]
                ours = order.account in self.ids.ours
                digest, latest = bytes(event.args.order_hash), force[order.feed]
                self.orders.placed(order, digest, ours, self.now, latest)

    def _check_escrow(self, name: str) -> None:
        held = self.cash(self.system.deployment.escrow).cash
        if held != self.orders.escrow:
            lack = (self.orders.escrow - held) / WAD
            raise Broken(f"{name}: the exchange's escrow lacks {lack:,.6f} of what orders staked")

    # Prices

    def post(self, feed: int, slot: int) -> Receipt:
        """The slot's message, if it is public and the signers still know it."""
        message = self.truth.message(feed, slot)
        if message.published > self.now or self.slot - slot > KNOWN_SLOTS:
            raise ProtocolError("no message")
        arguments = self.system.signers.arguments(feed, message.price, message.published, slot)
        receipt = self.system.oracle.transact("push", *arguments)
        stored = self.system.oracle.call("slot_price", feed, slot)[0]
        if stored != message.price:
            raise Broken(f"slot {slot} of feed {feed} holds {stored}, signed was {message.price}")
        return receipt

    # Time, in which honest others act

    def until(self, time: int) -> None:
        """Slot by slot; others act a second after each slot's opening."""
        while (turn := self._next_turn()) <= time:
            self.chain.set_time(turn)
            self.others_act()
        if time > self.now:
            self.chain.set_time(time)

    def _next_turn(self) -> int:
        turn = self.slot * self.slot_seconds + 1
        return turn if self.now < turn else turn + self.slot_seconds

    def wait(self, seconds: int) -> None:
        self.until(self.now + seconds)

    def others_act(self) -> None:
        """Honest posters, executors, liquidators, traders, once a slot."""
        rng = random.Random(f"{self.seed} slot {self.slot}")
        self._honest_post()
        self._honest_execute()
        self._honest_liquidate()
        self._honest_process()
        if rng.random() < self.habits.trades:
            self._honest_trade(rng)
        self.law.reread()

    def quietly(self, send: Callable[[], Receipt]) -> bool:
        """What honest others try between themselves; it moves the attacker's share fairly."""
        try:
            receipt = send()
        except ProtocolError as refusal:
            self.refused[f"honest: {refusal.name}"] += 1
            return False
        for event in receipt.events:
            if event.name in ("Requested", "Claimed"):
                getattr(self.law.requests, event.name.lower())(event.args)
        return True

    def _honest_post(self) -> None:
        newest = self.slot - self.habits.posts
        if self.habits.posts >= NEVER:
            return
        for feed in START:
            wanted = {live.slot for live in self.orders.live.values() if live.order.feed == feed}
            for slot in sorted({newest, *(slot for slot in wanted if slot <= newest)}):
                public = self.truth.message(feed, slot).published <= self.now
                if public and self.slot - slot < 100 and not self.has(feed, slot):
                    self.quietly(lambda feed=feed, slot=slot: self.post(feed, slot))

    def _honest_execute(self) -> None:
        if self.habits.executes >= NEVER:
            return
        keeper = self.system.actor("keeper")
        for feed in {live.order.feed for live in self.orders.live.values() if not live.resting}:
            public = self.truth.message(feed, self.slot).published <= self.now
            # whoever executes late needs the open slot's price
            if public and not self.has(feed, self.slot):
                self.quietly(lambda feed=feed: self.post(feed, self.slot))
        for live in list(self.orders.live.values()):
            due = not live.resting and live.slot <= self.slot - self.habits.executes
            if due and self.has(live.order.feed, live.slot):
                self.judged(
                    "honest execution",
                    lambda live=live: self.system.exchange.transact(
                        "execute", live.order, words.account(keeper), sender=keeper
                    ),
                    ours=False,
                )

    def _honest_liquidate(self) -> None:
        for account in (*self.cast.trading, *self.cast.honest_accounts):
            equity, _, maintenance, _ = self.system.health(account)
            if equity >= maintenance:
                self.weak_since.pop(account, None)
                continue
            since = self.weak_since.setdefault(account, self.slot)
            if self.slot - since >= self.habits.liquidates:
                self.liquidate("honest liquidation", account, ours=False)

    def liquidate(self, name: str, account: int, ours: bool) -> bool:
        """The account's first position, or the deficit it left."""
        keeper = self.cast.keeping if ours else words.account(self.system.actor("keeper"))
        held = [i for i in MARKETS if self.size(account, i)]
        slicer = self.system.liquidator
        if not held:
            return bool(self.judged(name, lambda: slicer.transact("book", account), ours))
        ids = [held[0]]
        return bool(
            self.judged(name, lambda: slicer.transact("liquidate", [account], ids, keeper), ours)
        )

    def process(self, name: str) -> bool:
        """The first epoch that waits, at the prices in force."""
        vault, [epoch, *_] = self.system.vault, self.law.requests.waiting()
        return bool(self.judged(name, lambda: vault.transact("process_epoch", epoch), ours=False))

    def _honest_process(self) -> None:
        epochs = self.law.requests.waiting()
        late = self.habits.processes
        if epochs and self.now >= (epochs[0] + 1) * self.config.epoch_seconds + late:
            self.process("honest epoch")
        provider = self.cast.honest_provider
        account = words.account(provider)
        if self.law.requests.claimable(account):
            self.quietly(lambda: self.system.vault.transact("claim", account, sender=provider))

    # Honest trading

    def order(self, account: int, instrument: int, size: int, **changes: Any) -> Order:
        """An immediate order at any price, with the least keeper fee."""
        nonce = self.nonces[account] * PLACES + self.orders.free_place(account)
        self.nonces[account] += 1
        price = self.truth.at(underlying_of(instrument), self.now)
        body = {
            "limit": price * 3 // 2 if size > 0 else price // 2,
            "expiry": self.now + 600,
            "keeper_fee": words.to_units(self.config.min_keeper_fee, WAD),
            "nonce": nonce,
        }
        order = Order(account, instrument, size, **{**body, **changes})
        self.made[account, nonce] = order
        return order

    def _honest_trade(self, rng: random.Random) -> None:
        """Mostly a position of a few times the account's equity; sometimes back, or shares."""
        system = self.system
        if rng.random() < 0.05:
            self._honest_request(rng)
            return
        trader = rng.choice(self.cast.honest_traders)
        account, instrument = words.account(trader), rng.choice(MARKETS)
        held, equity = self.size(account, instrument), system.health(account)[0]
        if held and (rng.random() < 0.5 or equity <= 0):
            order = self.order(account, instrument, -held, reduce_only=True)
        elif equity > 1_000 * WAD:
            price = self.truth.at(underlying_of(instrument), self.now)
            notional = equity * rng.randint(1, 90) // 10
            size = notional * WAD // price * rng.choice((1, 1, 1, -1))
            order = self.order(account, instrument, size)
        else:
            amount = 50_000 * 10**6
            system.token.transact("mint", trader, amount, sender=trader)
            core = system.core
            self.quietly(lambda: core.transact("deposit", account, 0, amount, sender=trader))
            return
        try:
            receipt = system.exchange.transact("place", order, sender=trader)
        except ProtocolError as refusal:
            self.refused[f"honest order: {refusal.name}"] += 1
            return
        self._note_placed(receipt, self.force())

    def _honest_request(self, rng: random.Random) -> None:
        """The honest provider adds a million, or takes a tenth out."""
        system, provider = self.system, self.cast.honest_provider
        account, vault = words.account(provider), system.vault
        if rng.random() < 0.5:
            shares = vault.call("balanceOf", provider) // 10
            args = (account, shares, 0, FOREVER)
            self.quietly(lambda: vault.transact("request_redeem", *args, sender=provider))
        else:
            system.mint(provider, 1_000_000)
            amount = 1_000_000 * 10**6
            core = system.core
            self.quietly(lambda: core.transact("deposit", account, 0, amount, sender=provider))
            deposit = (account, 1_000_000 * WAD, 0, FOREVER)
            self.quietly(lambda: vault.transact("request_deposit", *deposit, sender=provider))
