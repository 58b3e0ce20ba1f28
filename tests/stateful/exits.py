"""Everybody leaves, in any order, from whatever state a life has come to; what may stay is dust.

People cancel their orders and take the stakes back, close (by reduce-only orders; packages and
slices where those are what is left), claim, redeem and withdraw. Gains wait for the outflow
bucket. INV-27.
"""

from collections import Counter
from random import Random

from tests.stateful.cast import SUBS, Cast
from tests.stateful.state_laws import hold
from tests.stateful.world import (
    EPOCH,
    INSTRUMENTS,
    MIN_KEEPER_FEE,
    NEVER,
    OUTFLOW_SHARE,
    OUTFLOW_WINDOW,
    UNIT,
)
from tidegate.client.orders import MAX_LIMIT, MAX_SIZE, Order, OrderState
from tidegate.spec import words
from tidegate.spec.clearing import COLLATERAL, TRADING, Fill, Venue
from tidegate.spec.rounding import PPM, WAD, div_up
from tidegate.spec.vault import CLOSED, DEPOSIT, REDEEM, VIRTUAL, share_price

ROUNDS = 300  # of everybody's turn, until no position, order, request or share is left
WINDOWS = 2_000  # of the outflow bucket
TOP_UP = 1_000  # tokens, where a hedge has to be undone leg by leg


class Exits:
    """One life's end."""

    def __init__(self, life: Cast, rng: Random) -> None:
        self.life, self.rng = life, rng
        self.system, self.core, self.vault = life.system, life.core, life.vault
        self.exchange = "exchange"
        self.people = [
            *(words.account(t, sub) for t in life.traders for sub in range(SUBS + 1)),
            *life.lps,
            life.keeper,
        ]
        self.settled_requests = 0
        self.ownerless = False
        self.did: Counter[str] = Counter()
        self.nonce = 10**6

    def run(self) -> Counter[str]:
        """What was done on the way out, counted."""
        self.release_brakes()
        self.replace_revoked_venues()
        lacked = False
        for turn in range(ROUNDS):
            # fees and gifts that come when nobody holds shares are nobody's
            earns = turn == 0 or any(self.core.held[account] for account in self.people)
            empty = self.vault.supply["all"] <= VIRTUAL * len(self.people)
            self.ownerless |= earns and empty
            self.fresh_prices()
            self.rng.shuffle(self.people)
            for account in self.people:
                self.cancel_orders(account)
                self.close(account)
                self.ask_back(account)
            lacked |= self.system.contracts["vault"].call("equity") < 0
            if self.is_done():
                break
            self.process_epochs()
        hold(self.is_done(), f"INV-27: not all could leave: {self.what_is_left()}")
        self.empty_escrows()
        self.did["lacking before the last withdrawals"] += lacked
        self.withdraw_all()
        self.inv_27()
        self.did["exits"] += 1
        return self.did

    # Ways out

    def must(self, contract: str, function: str, *args: object, sender: int) -> None:
        ok = self.system.both(contract, function, *args, sender=sender)
        hold(ok, f"INV-27: {function} {args}: {self.system.last_error}")

    def fresh_prices(self) -> None:
        self.life.refresh()

    def replace_revoked_venues(self) -> None:
        """Another exchange takes the place of one that was revoked."""
        if self.core.venues[self.system.exchange.address].role != TRADING:
            self.exchange = "successor"
            self.did["on another exchange"] += 1
            address, venue = self.system.successor.address, Venue(NEVER, NEVER, TRADING)
            self.must("core", "set_venue", address, venue, sender=self.system.owner)

    def release_brakes(self) -> None:
        """No level of a brake lasts."""
        for instrument in INSTRUMENTS:
            self.must("core", "set_brake", instrument, 0, sender=self.system.braker)

    def cancel_orders(self, account: int) -> None:
        for placed in list(self.system.exchange.orders.values()):
            is_open = placed.state in (OrderState.RESTING, OrderState.WAITING)
            if is_open and placed.order.account == account:
                owner = words.owner_of(account)
                self.must("exchange", "cancel", placed.order, sender=owner)
                self.did["orders cancelled"] += 1
            if placed.order.account == account:
                self.release(placed.order)

    def release(self, order: Order) -> None:
        """What the order's place holds, once no order is open there."""
        stake = self.system.exchange.orders[order.account, order.place].stake
        if stake:
            owner = words.owner_of(order.account)
            self.must("exchange", "release", order.account, order.place, sender=owner)
            self.did["stakes released"] += 1

    def close(self, account: int) -> None:
        """Every position, as far as it goes now."""
        self.settle(account)
        for instrument in self.core.held[account]:
            equity, _, maintenance, _ = self.core.health(account)
            if self.life.is_hedged(account):
                self.close_hedged(account)
                return
            if equity < maintenance:
                self.liquidate(account, instrument)
            else:
                self.close_by_order(account, instrument)
        self.book(account)

    def settle(self, account: int) -> None:
        """Positions of which losses left nothing."""
        for instrument in self.core.held[account]:
            if self.life.held(account, instrument) == 0:
                self.must("core", "settle", account, instrument, sender=self.system.stranger)
                self.did["settled to nothing"] += 1

    def close_by_order(self, account: int, instrument: int) -> None:
        size = -self.life.held(account, instrument)
        # fills may have made a position larger than one order can name: the rest is next turn's
        size = max(-MAX_SIZE, min(MAX_SIZE, size))
        self.nonce += 1
        order = Order(
            account=account,
            instrument=instrument,
            size=size,
            limit=MAX_LIMIT if size > 0 else 0,
            reduce_only=True,
            expiry=self.system.host.now + 600,
            keeper_fee=MIN_KEEPER_FEE,
            nonce=self.nonce,
        )
        self.must(self.exchange, "place", order, sender=words.owner_of(account))
        self.fresh_prices()
        keeper = account if self.rng.random() < 0.5 else self.life.keeper
        self.must(self.exchange, "execute", order, keeper, sender=self.system.keeper)
        if self.life.held(account, instrument) == 0:
            self.did["closed by order"] += 1

    def liquidate(self, account: int, instrument: int) -> None:
        args = ([account], [instrument], self.life.keeper)
        ok = self.system.both("slicer", "liquidate", *args, sender=self.system.keeper)
        # a bucket fills while others leave
        waits = self.system.last_error == "BucketEmpty"
        hold(ok or waits, f"INV-27: liquidate {account:#x}: {self.system.last_error}")
        self.did["slices" if ok else "slices that waited for the bucket"] += 1

    def close_hedged(self, account: int) -> None:
        """Both legs at once; where that costs more than there is, with more money, one by one."""
        equity, _, maintenance, _ = self.core.health(account)
        venue = self.system.last_venue if equity >= maintenance else self.system.liquidator
        legs = [
            self.life.pooled(account, instrument, -self.life.held(account, instrument))
            for instrument in self.core.held[account]
        ]
        legs = [leg._replace(fee=0) for leg in legs]
        if self.system.both("core", "clear", legs, sender=venue):
            self.did["hedges closed"] += 1
            return self.book(account)
        initial = sum(abs(leg.size) * self.system.mark(leg.instrument) // (5 * WAD) for leg in legs)
        tokens = max(TOP_UP * 10**6, (initial - equity) // UNIT + 1)
        owner = words.owner_of(account)
        self.must("core", "deposit", account, COLLATERAL, tokens, sender=owner)
        self.did["hedges topped up"] += 1
        for instrument in self.core.held[account]:
            self.close_by_order(account, instrument)
        return None

    def book(self, account: int) -> None:
        if self.core.held[account] or self.core.cash[account, COLLATERAL].cash >= 0:
            return
        self.must("slicer", "book", account, sender=self.system.keeper)
        self.did["deficits booked"] += 1

    def ask_back(self, account: int) -> None:
        """A shareholder's next step: claim what is ready, ask for what is left."""
        owner, request = words.owner_of(account), self.vault.requests[account]
        if request.kind > CLOSED:
            if self.vault.settled[request.epoch] is None:
                return
            if request.kind <= 3:
                self.settled_requests += 1
            # shares come with the first part of a claim, gains as the bucket fills
            most = max(1, request.principal if request.kind > 3 else 0, self.bucket())
            if not self.system.both("vault", "claim_part", account, most, sender=owner):
                hold(
                    self.system.last_error in ("OutflowLimit", "VaultShort"),
                    f"INV-27: claim: {self.system.last_error}",
                )
            else:
                self.did["claims"] += 1
            if self.vault.requests[account].kind > CLOSED:
                return
        shares = self.vault.shares[owner]
        if shares > VIRTUAL and self.has_price():
            args = (account, shares, 0, NEVER)
            self.must("vault", "request_redeem", *args, sender=owner)
            self.did["redemptions asked"] += 1

    def has_price(self) -> bool:
        """Whether a share is worth anything: more than crumbs are left, and not next to nothing."""
        equity = self.vault.equity()
        return equity > VIRTUAL and share_price(equity, self.vault.supply["all"]) != 0

    def process_epochs(self) -> None:
        waiting = sorted(epoch for epoch, held in self.vault.waiting.items() if any(held[1:]))
        if not waiting:
            return self.system.wait(OUTFLOW_WINDOW)  # for the claims that wait for the bucket
        self.life.close_epoch(1)
        for epoch in waiting:
            if (epoch + 1) * EPOCH <= self.system.host.now:
                self.must("vault", "process_epoch", epoch, sender=self.system.keeper)
                self.did["epochs"] += 1
        return None

    def is_done(self) -> bool:
        return not self.what_is_left()

    def what_is_left(self) -> list[str]:
        left = [f"{i} of {a:#x}" for a in self.people for i in self.core.held[a]]
        orders = self.system.exchange.orders.values()
        left += [f"order {p.order.nonce}" for p in orders if p.state in (1, 2)]
        left += [
            f"request of {a:#x}"
            for a in self.people
            if self.vault.requests[a].kind in (DEPOSIT, REDEEM)
        ]
        owners = {words.owner_of(a) for a in self.people}
        if self.has_price():
            left += [f"shares of {o:#x}" for o in owners if self.vault.shares[o] > VIRTUAL]
        return left

    def empty_escrows(self) -> None:
        """The test's own venue gives back what it took."""
        escrow = words.account(self.system.venue)
        held = self.core.cash[escrow, COLLATERAL].cash
        if held:
            fill = Fill(escrow, self.life.keeper, 0, 0, 0, held)
            self.must("core", "clear", [fill], sender=self.system.venue)
        for pool in (1, 2):
            pool = words.pool(self.system.vault_at, pool)
            self.must("core", "sweep_fees", pool, COLLATERAL, sender=self.system.keeper)

    # Money

    def tokens(self) -> int:
        """Held by the core, 1e-18."""
        return self.system.token.balances[self.system.core_at] * UNIT

    def withdraw_all(self) -> None:
        """Principal at once, gains as the bucket fills, until nobody gets a token more."""
        for _ in range(WINDOWS):
            self.rng.shuffle(self.people)
            took = [self.take(account) for account in self.people]
            if not any(took):
                return
            if self.is_empty():
                return
            self.system.wait(OUTFLOW_WINDOW)
            self.did["windows"] += 1

    def take(self, account: int) -> bool:
        """Everything that may leave now: from the vault, then out; whether something did."""
        bucket = self.bucket()
        request, took = self.vault.requests[account], False
        if request.kind > CLOSED:
            most = request.principal + bucket if request.kind > 3 else bucket
            took = most > 0 and self.system.both(
                "vault", "claim_part", account, most, sender=self.system.keeper
            )
        purse = self.core.cash[account, COLLATERAL]
        free = min(purse.cash, purse.principal + self.bucket(), self.tokens()) // UNIT
        if free <= 0:
            return took
        owner = words.owner_of(account)
        self.must("core", "withdraw", account, COLLATERAL, free, owner, sender=owner)
        self.did["withdrawals"] += 1
        return True

    def bucket(self) -> int:
        """What gains may leave now."""
        left, then = self.core.outflow[COLLATERAL]
        size = self.tokens() * OUTFLOW_SHARE // PPM
        elapsed = min(self.system.host.now - then, OUTFLOW_WINDOW)
        return min(size, left + size * elapsed // OUTFLOW_WINDOW)

    def is_empty(self) -> bool:
        claims = any(self.vault.requests[a].kind > CLOSED for a in self.people)
        return not claims and all(self.core.cash[a, COLLATERAL].cash < UNIT for a in self.people)

    # What stays

    def inv_27(self) -> None:
        """Dust, insurance, gifts and what the virtual shares own; or the deficit, to the wei."""
        laws = self.life.laws
        sums, core_at, vault_at = laws.sums, self.system.core_at, self.system.vault_at
        insurance = sums.purse(words.insurance(core_at, COLLATERAL)).cash
        pots = sum(sums.carry(i).pot for i in INSTRUMENTS)
        settled = sum(self.system.settlements[i] for i in INSTRUMENTS)
        # where losses were shared, what they and funding took of crumbs
        astray = -(-sum(sums.astray.values()) // 10**27)
        crumbs = sum(laws.crumbs_worth(instrument) for instrument in INSTRUMENTS)
        cut = UNIT if crumbs else 0  # a lack of crumbs cuts a gain by a whole unit of the token
        bound = settled + astray
        hold(-astray <= pots <= bound, f"INV-27: pots keep {pots} wei, bound {bound}")
        exchange = words.account(self.system.exchange.address)
        hold(sums.purse(exchange).cash == 0, "INV-27: the exchange keeps an escrow")
        owed = [words.account(vault_at, sub) for sub in (1, 2, 3)]
        unpaid = sum(sums.purse(account).cash for account in (*self.people, *owed))
        equity, _ = self.system.compare_equity()

        # a unit of the token for each account, and what the bucket is too small to let go
        rest = len(self.people) * UNIT + self.settled_requests + len(owed) * UNIT
        smallest = div_up(UNIT * PPM, OUTFLOW_SHARE) * 2
        lack = max(0, -equity)
        tokens = self.tokens()
        total = insurance + pots + unpaid + equity
        off = abs(total + self.system.donations - tokens)
        hold(off <= crumbs, f"INV-27: {tokens} tokens, {total} named")
        if lack:
            # nobody owns shares that are worth anything: what is unpaid is what is missing
            self.did["with a lack"] += 1
            booked = -sums.purse(words.deficits(core_at, COLLATERAL)).cash
            self.did["with a booked deficit"] += booked > 0
            here = tokens - insurance - pots - self.system.donations
            off = abs(unpaid - here - lack)
            hold(off <= crumbs, f"INV-27: unpaid {unpaid} of {here}, lack {lack}")
        else:
            hold(unpaid <= rest + smallest, f"INV-27: {unpaid} could not leave")
            supply = self.vault.supply["all"]
            if self.ownerless:
                self.did["without shareholders"] += 1
            elif supply <= VIRTUAL * len(self.people):
                most = (
                    (VIRTUAL + supply) * self.top_price() + self.settled_requests + 3 + crumbs + cut
                )
                self.did["shares all redeemed"] += 1
                hold(equity <= most, f"INV-27: {equity} stays with {supply} shares")
            else:
                # a share below a millionth has no price, and what is left cannot be divided
                self.did["as good as lost"] += 1
                most = supply // 10**6 + VIRTUAL + crumbs + cut
                hold(equity <= most, f"INV-27: {equity} stays with {supply} shares")

    def top_price(self) -> int:
        """Of a share in any epoch, whole collateral, rounded up."""
        prices = [s.price for s in self.vault.settled.values() if s]
        return max(prices, default=0) // 10**27 + 1


def all_exit(life: Cast, rng: Random) -> Counter[str]:
    """Everybody leaves; INV-27 is broken if somebody cannot."""
    return Exits(life, rng).run()
