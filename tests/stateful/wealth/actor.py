"""The attacker's means: what it can see, time, the messages it posts, its cash.

It knows what is public: the true price now, messages of opened slots.
"""

import random
from collections.abc import Callable, Iterable

from tests.stateful.wealth.books import MARKETS
from tests.stateful.wealth.cast import TOKENS
from tests.stateful.wealth.life import Life
from tests.stateful.wealth.orders import Live
from tests.stateful.wealth.truth import START
from tidegate.chain import Contract
from tidegate.client.price_message import PriceMessage
from tidegate.deployment import COLLATERAL
from tidegate.spec.rounding import WAD
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


class Actor:
    """Finding, waiting, posting, paying."""

    def __init__(self, life: Life) -> None:
        self.life, self.cast, self.system = life, life.cast, life.system
        self.exchange: Contract = life.system.exchange

    # Finding

    def price(self, instrument: int) -> int:
        return self.life.truth.at(underlying_of(instrument), self.life.now)

    def exposed(self, accounts: Iterable[int]) -> list[tuple[int, int]]:
        """Accounts and instruments of their positions."""
        return [(a, i) for a in accounts for i in MARKETS if self.life.size(a, i)]

    def positions(self) -> list[tuple[int, int]]:
        return self.exposed(self.cast.trading)

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

    # Time and prices

    @move(7)
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

    @move(5)
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
        price = life.truth.at(feed, life.now) * 11 // 10
        message = PriceMessage(feed, life.slot, price, life.now)
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
