"""Time, prices and cash."""

from random import Random

from tests.stateful.cast import SUBS, Cast, action
from tests.stateful.world import SLOT, UNIT
from tidegate.spec import words
from tidegate.spec.clearing import COLLATERAL


class CashActions(Cast):
    """Time, prices and cash."""

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
        ratio = self.system.oracle.feeds[feed].price * 100 // self.system.world.prices[feed]
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

    @action(7)
    def withdraw(self, rng: Random) -> None:
        account = rng.choice(self.accounts)
        owner = words.owner_of(account)
        sender = owner if rng.random() < 0.9 else self.system.keeper
        tokens = self.free(account) * rng.randint(0, 120) // 100 // UNIT
        self.call("core", "withdraw", account, COLLATERAL, tokens, owner, sender=sender)

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
        return None

    @action(5)
    def transfer(self, rng: Random) -> None:
        source = rng.choice(self.accounts)
        insurance = words.insurance(self.system.core_at, COLLATERAL)
        pool = words.pool(self.system.vault_at, 1)
        target = rng.choice((*self.accounts, insurance, pool, source ^ 1, source ^ 1))
        amount = self.free(source) * rng.randint(0, 120) // 100
        owner = words.owner_of(source)
        self.call("core", "transfer", source, target, COLLATERAL, amount, sender=owner)

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
        self.count("donate", self.system.donate(self.system.keeper, rng.randint(1, 10**9)))
