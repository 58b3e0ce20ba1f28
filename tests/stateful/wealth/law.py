"""The law: nothing the attacker does makes them richer than fair. Glossary, as docs/wealth.md:

P(t)    true price of the second t
K       price an order may fill at: its own slot's; later, the worse of it and the open slot's
x       signed size of a fill; dPhi the premium it pays, in units of the underlying
s       the attacker's share of the vault
W       wealth at P: tokens, equity of all accounts, escrow of orders, requests, claims, shares

fair PnL of time      what W changes by while the attacker does nothing: size * dP, funding, s * dE
fair PnL of a fill    x (P - K) - K dPhi: as if held since its slot, at the vault's potential;
                      in a liquidation K is the price in force
fair PnL of the vault s * (what each fill pays it: - (x + dPhi)(P - K), and of others' fills the
                      spread, the fee and the lapse fees too)
fair income           keeper fees and liquidation rewards that others pay
fair PnL of an order  that its owner lets lapse: minus the loss it escaped, less s of it
edge                  what the rules are known to give away, each by a formula of its own from the
                      true path and the order, never from what was paid

excess = change of W - fair - edges <= DUST, for every single transaction
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.stateful.wealth.books import MARKETS, Marks, Reader, Terms, Worth
from tests.stateful.wealth.orders import Live, Orders
from tests.stateful.wealth.requests import Requests, totals
from tests.stateful.wealth.requests import Terms as EpochTerms
from tidegate.chain import Receipt
from tidegate.client import errors
from tidegate.spec import words
from tidegate.spec.rounding import PPM, WAD, div_up
from tidegate.spec.vault import share_price

# Every quotient is rounded against its taker, but the books round their own: the potential to a
# wei of the underlying, which is a price of wei (60,000), marks and dues to one wei each.
DUST = 10**5  # 1e-18 collateral, a transaction
LEAST_REWARD_PART = 10  # of the penalty, in a liquidation without equity

LAPSE = "loss escaped beyond the lapse fee"
FREE = "loss escaped where the fee comes back"
LATENCY = "liquidation at the price in force"
INSIDE = "late fills, at the worse of two prices"
SINCE = "fills since their slots"
EPOCH = "shares at the price in force"
WALKED = "deficits walked away from"
REWARD = "reward for one's own liquidation"

LIMIT_BROKEN = errors.selector("LimitBroken")
REFUSALS = {LIMIT_BROKEN, *map(errors.selector, ("OpenInterestCap", "SkewCap"))}


class Broken(AssertionError):
    """The law does not hold."""


@dataclass
class Tally:
    """What a life came to, 1e-18."""

    fair: Counter[str] = field(default_factory=Counter)
    edges: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)  # measured, in no sum
    counts: Counter[str] = field(default_factory=Counter)
    habits: str = ""  # of the honest others
    start: int = 0
    end: int = 0
    oldest: int = 0  # age of the price in force at which an account of the attacker was sliced, s
    most: int = 0  # excess of one transaction

    @property
    def excess(self) -> int:
        return self.end - self.start - sum(self.fair.values()) - sum(self.edges.values())


@dataclass(frozen=True, slots=True)
class Before:
    """The moment before a transaction."""

    now: int
    true: Worth
    force: Marks  # prices in force
    posted: Mapping[int, int]  # newest slot by feed


class Law:
    """Keeps the books over a life and judges every transaction."""

    def __init__(self, reader: Reader, terms: Terms, orders: Orders, ids: "Ids") -> None:
        self.reader, self.terms, self.orders, self.ids = reader, terms, orders, ids
        self.requests = Requests(ids.ours)
        self.epoch_seconds = reader.system.config.epoch_seconds
        self.reward_window = reader.system.config.reward_window
        self.rewarded: dict[int, int] = {}  # by account: when its liquidation last paid
        self.tally = Tally()
        self.words = reader.words(self.requests.held)
        self.wealth: int | None = None

    def worth(self, now: int) -> Worth:
        return Worth(self.words, self.terms, now, self.orders.truth.marks(now))

    def value(self, worth: Worth) -> int:
        return worth.total + self.orders.staked

    def reread(self) -> None:
        """After what others did: how it moved W is fair."""
        self.words = self.reader.words(self.requests.held)

    def before(self, now: int, force: Marks, posted: Mapping[int, int]) -> Before:
        """Books what time and others did, which is fair."""
        true = self.worth(now)
        value = self.value(true)
        if self.wealth is None:
            self.tally.start = value
        else:
            self.tally.fair["held positions, funding and shares"] += value - self.wealth
        self.wealth = self.tally.end = value
        return Before(now, true, force, posted)

    def after(self, name: str, moment: Before, receipt: Receipt, keeper_ours: bool) -> int:
        """Judges the transaction; its excess."""
        walk = Walk(self, moment, keeper_ours)
        for event in receipt.events:
            walk.event(event)
        self.words = self.reader.words(self.requests.held)
        if any(self.words.cash[account].cash > 0 for account in walk.booked):
            raise Broken(f"{name}: more was booked than the account lacked")
        worth = self.worth(moment.now)
        value = self.value(worth)
        assert self.wealth is not None
        gain = value - self.wealth
        excess = gain - sum(walk.fair.values()) - sum(walk.edges.values())
        self.tally.fair.update(walk.fair)
        self.tally.edges.update(walk.edges)
        self.wealth = self.tally.end = value
        self.tally.most = max(self.tally.most, excess)
        if excess > DUST:
            raise Broken(
                f"{name}: the attacker is {human(gain)} richer, {human(excess)} more than fair;"
                f" fair {described(walk.fair)}, edges {described(walk.edges)},"
                f" events {[event.name for event in receipt.events]}"
            )
        return excess


def human(amount: int) -> str:
    return f"{amount / WAD:,.6f}"


def described(parts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {human(value)}" for name, value in parts.items()) or "none"


@dataclass(frozen=True)
class Ids:
    """Accounts by their part, to read events by."""

    ours: frozenset[int]
    pools: frozenset[int]
    insurance: int
    deficits: int


class Walk:
    """One transaction's events in order, and what of its effect is fair."""

    def __init__(self, law: Law, moment: Before, keeper_ours: bool) -> None:
        self.law, self.moment, self.keeper_ours = law, moment, keeper_ours
        self.terms, self.orders, self.ids = law.terms, law.orders, law.ids
        self.fair: Counter[str] = Counter()
        self.edges: Counter[str] = Counter()
        self.skew = {i: moment.true.words.markets[i].interest.skew for i in MARKETS}
        self.filled: dict[int, tuple[Any, int]] = {}  # by taker: the fill, its dPhi
        self.insured = 0
        self.booked: set[int] = set()  # our accounts whose deficit was taken over

    def event(self, event: Any) -> None:
        handler = getattr(self, f"_{event.name.lower()}", None)
        if handler:
            handler(event.args)

    def _vault(self, amount: int) -> int:
        return self.moment.true.of_vault(amount)

    # Fills

    def _filled(self, args: Any) -> None:
        dphi = 0
        if args.maker in self.ids.pools:
            dphi = self.terms.premium(args.instrument, self.skew[args.instrument], args.size)
            self.skew[args.instrument] += args.size
        self.filled[args.taker] = args, dphi

    def _fill(self, taker: int, reference: int) -> int:
        """Books the taker's last fill at its fair reference; how the price moved since."""
        args, dphi = self.filled.pop(taker)
        price = self.moment.true.mark(args.instrument)
        moved = price - reference
        if taker in self.ids.ours:
            self.fair[SINCE] += args.size * moved // WAD
            self.fair["premium"] -= reference * dphi // WAD
            self.fair["vault"] += self._vault(-(args.size + dphi) * moved // WAD)
        else:
            paid = div_up(args.size * args.price, WAD) + args.fee
            paid -= args.fee * self.terms.insured[args.instrument] // PPM
            self.fair["vault"] += self._vault(paid - (args.size + dphi) * price // WAD)
        return args.size * moved // WAD

    def _executed(self, args: Any) -> None:
        now = self.moment.now
        live = self.orders.ended(args.order_hash)
        gain = self._fill(live.order.account, self.orders.reference(live, now))
        if live.ours:
            late = now >= self.orders.opened(live) + self.orders.slot_seconds
            self.law.tally.counts["late fills" if late else "fills"] += 1
            if late:
                self.fair[SINCE] -= gain
                self.edges[INSIDE] += gain
        self._work(live)

    def _sliced(self, args: Any) -> None:
        force = self.moment.force[words.underlying_of(args.instrument)]
        moved = self._fill(args.account, force)
        least, most = self._rewards(args, force)
        if args.account not in self.ids.ours:
            if self.keeper_ours:
                self.fair["keeper income"] += min(args.reward, most)
            self.fair["vault"] -= self._vault(args.reward)
            return
        slot = self.moment.posted[words.underlying_of(args.instrument)]
        age = self.moment.now - slot * self.orders.slot_seconds
        self.law.tally.oldest = max(self.law.tally.oldest, age)
        # the slice's move since the price in force is an edge, not fair
        self.fair[SINCE] -= moved
        self.edges[LATENCY] += moved
        if self.keeper_ours:
            self.edges[REWARD] += min(max(0, args.reward - args.penalty), least)

    def _rewards(self, args: Any, price: int) -> tuple[int, int]:
        """What a slice may pay its keeper where there is no penalty, and at most; once a window."""
        now, last = self.moment.now, self.law.rewarded.get(args.account)
        if not args.reward or (last is not None and now < last + self.law.reward_window):
            return 0, 0
        self.law.rewarded[args.account] = now
        cap, rate = self.terms.reward[args.instrument], self.terms.penalty[args.instrument]
        least = abs(args.size) * price // WAD * rate // PPM // LEAST_REWARD_PART
        return min(cap, least), min(cap, max(least, args.penalty))

    def _work(self, live: Live) -> None:
        """Keeper fees that others pay."""
        if self.keeper_ours and not live.ours:
            self.fair["keeper income"] += live.order.keeper_fee

    # Orders that end otherwise

    def _ended(self, args: Any) -> None:
        live = self.orders.live[args.order_hash]
        self._unfilled(live, bytes(args.reason))
        if not live.order.reduce_only:
            lapse_fee = self._lapse_fee(live) if args.lapse_fee else 0
            if args.lapse_fee != lapse_fee:
                raise Broken(f"a lapse fee of {human(args.lapse_fee)}, not {human(lapse_fee)}")
            self.orders.unfilled(live, lapse_fee, any(args.reason))
        if not live.ours:
            self.fair["vault"] += self._vault(args.lapse_fee)
            if any(args.reason) and not live.order.reduce_only:
                self._work(live)
        self.orders.ended(args.order_hash)

    def _lapse_fee(self, live: Live) -> int:
        return self.orders.lapse_fee(live, self.moment.force[live.order.feed])

    def _released(self, args: Any) -> None:
        self.orders.released(args.account, args.place)

    def _rested(self, args: Any) -> None:
        self._unfilled(self.orders.live[args.order_hash], LIMIT_BROKEN)
        self.orders.rested(args.order_hash, self.moment.now)

    def _woken(self, args: Any) -> None:
        self.orders.woken(args.order_hash, self.moment.now)

    def _unfilled(self, live: Live, reason: bytes) -> None:
        if not live.ours or live.order.reduce_only:
            return
        now = self.moment.now
        window = self.orders.opened(live) + self.orders.window
        dead = now > window and self.moment.posted[live.order.feed] < live.slot
        rests = live.order.resting and reason == LIMIT_BROKEN
        free = dead or rests or (reason in REFUSALS and self.orders.in_grace(live, now))
        escaped = self.orders.escaped(live, now)
        forgone = escaped if free else max(0, escaped - self._lapse_fee(live))
        # a fill would have paid the vault, and so the attacker's share of it
        self.fair["losses that lapsing orders escaped"] -= escaped - self._vault(escaped)
        self.edges[FREE if free else LAPSE] += forgone - self._vault(forgone)

    # Deficits and epochs

    def _moved(self, args: Any) -> None:
        if args.source == self.ids.deficits:
            self.fair["vault"] += self._vault(-args.amount)
            if args.target in self.ids.ours:
                self.edges[WALKED] += args.amount
                self.booked.add(args.target)
        elif args.source == self.ids.insurance and args.target == self.ids.deficits:
            self.insured += args.amount
            self.fair["vault"] += self._vault(args.amount)

    def _requested(self, args: Any) -> None:
        self.law.requests.requested(args)

    def _claimed(self, args: Any) -> None:
        self.law.requests.claimed(args)

    def _is_since(self, instrument: int, epoch: int) -> bool:
        """Whether an open market's newest price is a slot's that opened after the epoch."""
        market = self.moment.true.words.markets[instrument]
        if not market.interest.long_side and not market.interest.short_side:
            return True
        newest = self.moment.posted[words.underlying_of(instrument)] * self.orders.slot_seconds
        return newest >= (epoch + 1) * self.law.epoch_seconds

    def _newest(self) -> Marks:
        """Newest prices on the chain, in force from the next second on at the latest."""
        truth = self.orders.truth
        return {feed: truth.message(feed, slot).price for feed, slot in self.moment.posted.items()}

    def _processed(self, args: Any) -> None:
        """All requests at the vault's equity at the newest prices, computed here."""
        moment, requests = self.moment, self.law.requests
        was = moment.true.words
        if not all(self._is_since(i, args.epoch) for i in MARKETS):
            raise Broken(f"epoch {args.epoch} was priced by a slot of before its close")
        force = Worth(was, self.terms, moment.now, self._newest())
        price = share_price(force.vault + self.insured, was.supply)
        terms = EpochTerms(price, args.filled, moment.now)
        coming, minted, leaving, burnt = totals(requests.of_epoch(args.epoch), terms)
        fair = replace(
            was,
            treasury=was.treasury + coming - leaving + self.insured,
            supply=was.supply + minted - burnt,
            asked=requests.at(args.epoch, terms),
        )
        worth = Worth(fair, self.terms, moment.now, moment.true.marks)
        self.edges[EPOCH] += worth.total - moment.true.total - self._vault(self.insured)
        requests.processed(args.epoch, EpochTerms(args.price, args.filled, moment.now))
