"""One crash on one deployed exchange: the loop of oracle, keepers, people, hedge and market.

Every step: the market outside says the price, the oracle publishes it, a second later it is in
force and the keepers act on it; whoever was warned long enough ago tops up or reduces; then the
vault's hedge follows the skew that is left, and what it sells moves the next step's price.
"""

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_DOWN, Decimal
from typing import Any

import numpy as np

from tidegate.abi import Event
from tidegate.audit import read_books
from tidegate.chain import Receipt
from tidegate.client.calls import Transaction
from tidegate.client.errors import ProtocolError
from tidegate.client.orders import Order
from tidegate.client.units import human, wad
from tidegate.client.venue import COLLATERAL
from tidegate.keepers import liquidator, order_executor, price_pusher
from tidegate.keepers.actions import Book, Liquidate
from tidegate.keepers.journal import Journal
from tidegate.laws import check
from tidegate.simulation.crash_exchange import SLOT, Prices, Ready, must
from tidegate.simulation.crash_path import CrashPath
from tidegate.simulation.crowd import TOP_UP_SHARE, WARNED, Alarm, Habit, Member
from tidegate.simulation.external_market import ExternalMarket, Impact
from tidegate.simulation.hedging import Appetite, Hedger, Unloader
from tidegate.simulation.standings import NEAR, Standings
from tidegate.spec import words
from tidegate.spec.rounding import PPM, WAD

TICK = Decimal("0.01")
SIZE_STEP = Decimal("0.000001")
SLICING_ROUNDS = 8  # of the keepers in one step
OPENING_ROUNDS = 14
SMALLER = Decimal("0.85")  # what a refused opening is tried with next
LEAST_LEVERAGE = Decimal(1)
BIDDERS = 3
BIDDER_DEPOSIT = Decimal(3_000_000)
UNLOADING = 900.0  # seconds in which a bidder sells half of what it took
LIVES = 4  # an auction lives that many times T2
CALM = 0.005  # of the price: a temporary displacement below it is over


FORCED = {"Sliced", "Sold", "TakenOver"}


@dataclass(frozen=True, slots=True)
class Conduct:
    """How the keepers work in a run."""

    every: int = 1  # steps between two rounds of slicing
    shuffled: bool = False  # in any order, not the weakest first
    auctions: bool = False  # open them where no slice is to be had; bidders bid


@dataclass
class Tally:
    """What a run came to. Money in the collateral as one account of the crowd sees it."""

    step: int  # seconds
    lows: dict[str, float] = field(default_factory=dict)
    recorded_lows: dict[str, float] = field(default_factory=dict)
    ends: dict[str, float] = field(default_factory=dict)  # last price over the recorded one
    liquidated: set[int] = field(default_factory=set)
    slices: int = 0
    notional: float = 0.0
    cost: float = 0.0  # of liquidated traders against the recorded price of the moment
    deficit: float = 0.0
    borne: Counter[str] = field(default_factory=Counter)  # the deficit, by who paid
    deposits: float = 0.0
    interest: float = 0.0  # open interest of both sides at the first step
    shrunk: int = 0  # openings that margin or caps allowed only smaller, or not at all
    vault_start: float = 0.0
    vault_end: float = 0.0
    hedge: float = 0.0
    held_back: int = 0  # prices that the oracle's guard let pass only in part
    auctions: int = 0
    bids: int = 0
    takeovers: int = 0
    shared: int = 0  # losses shared by a side: deleverage
    levels: Counter[int] = field(default_factory=Counter)  # how often the breaker set each
    bidders: float = 0.0  # their result, with what they sold outside
    topped_up: int = 0
    reduced: int = 0
    first_slice: int = -1  # step
    last_trouble: int = -1
    broken: list[str] = field(default_factory=list)  # laws of the ledger, at the end
    refused: Counter[str] = field(default_factory=Counter)
    displacement: dict[str, list[float]] = field(default_factory=dict)
    short_accounts: list[int] = field(default_factory=list)

    @property
    def extra_low(self) -> dict[str, float]:
        """How far below the recorded low the price went, as a share of it; zero or negative."""
        return {name: self.lows[name] / self.recorded_lows[name] - 1 for name in self.recorded_lows}

    @property
    def provider_result(self) -> float:
        return self.vault_end - self.vault_start + self.hedge

    @property
    def minutes_to_calm(self) -> float:
        """From the first slice to the last, or the last step with somebody short or the price
        pushed away."""
        if self.first_slice < 0 or self.last_trouble < self.first_slice:
            return 0.0
        return (self.last_trouble - self.first_slice) * self.step / 60


class CrashRun:
    """One run; `run` may be called once."""

    def __init__(
        self,
        ready: Ready,
        path: CrashPath,
        members: Sequence[Member],
        impacts: Mapping[str, Impact],
        crowd: float,
        seed: int,
        conduct: Conduct | None = None,
        progress: Callable[[int], None] = lambda step: None,
    ) -> None:
        self.ready = ready
        self.venue = venue = ready.venue()
        self.chain = venue.chain
        self.path = path
        self.members = members
        self.conduct = conduct or Conduct()
        self.progress = progress
        self.rng = random.Random(f"crash {seed}")
        self.journal = Journal(words.deficits(venue.core.address, COLLATERAL))
        self.journal.observe(ready.events)
        self.events: list[Event] = list(ready.events)
        self.keeper = self.chain.account("keeper")
        self.keeper_account = words.account(self.keeper)
        self.prices = Prices(venue)
        self.t2: int = venue.liquidator.call("T2")
        self.owners = [self.chain.account(f"trader {member.number}") for member in members]
        self.accounts = [words.account(owner) for owner in self.owners]
        self.standings = Standings(venue, self.journal, self.accounts)
        self.alarm = Alarm.of(members)
        self.markets = {
            name: ExternalMarket(impact.scaled(crowd)) for name, impact in impacts.items()
        }
        self.hedgers = {name: Hedger(1.0) for name in impacts}
        self.appetite = Appetite()
        self.bidders: dict[int, int] = {}  # account: number
        self.unloaders: dict[tuple[int, str], Unloader] = {}
        self.running: dict[int, int] = {}  # accounts in auction: when it was opened
        if self.conduct.auctions:
            for number in range(BIDDERS):
                self.bidders[words.account(self.chain.account(f"bidder {number}"))] = number
                for name in impacts:
                    self.unloaders[number, name] = Unloader(1.0, UNLOADING)
        self.tally = Tally(path.step)
        self._recorded: dict[str, float] = {}
        self._marks: dict[int, int] = {}
        self._step = 0
        self._counting = False

    # The chain

    def _seen(self, receipts: Sequence[Receipt]) -> None:
        for receipt in receipts:
            self.events.extend(receipt.events)
            self.journal.observe(receipt.events)
            if self._counting:
                self._count(receipt.events)

    def _count(self, events: Sequence[Event]) -> None:
        tally = self.tally
        forced = any(event.name in FORCED for event in events)
        for event in events:
            args = event.args
            match event.name:
                case "Filled" if forced and args.taker in self.standings.row:
                    self._lost(args)
                case "Sliced":
                    tally.slices += 1
                case "AuctionOpened":
                    tally.auctions += 1
                    self.running[args.account] = args.opened
                case "Sold":
                    tally.bids += 1
                case "TakenOver":
                    tally.takeovers += 1
                case "LossShared":
                    tally.shared += 1
                case "Braked":
                    tally.levels[args.level] += 1
                case "AuctionEnded":
                    self.running.pop(args.account, None)
                case "Moved" if args.source == self.journal.deficits:
                    tally.deficit += args.amount / WAD
                case "Moved" if args.target == self.journal.deficits:
                    tally.borne[self._layer(args.source)] += args.amount / WAD

    def _lost(self, fill: Any) -> None:
        """A forced fill: against the recorded price of the moment, with its penalty."""
        tally = self.tally
        market = self.venue.market_of(fill.instrument).name
        size, price = fill.size / WAD, fill.price / WAD
        tally.liquidated.add(fill.taker)
        tally.notional += abs(size) * price
        tally.cost += size * (price - self._recorded[market]) + fill.fee / WAD
        if tally.first_slice < 0:
            tally.first_slice = self._step
        tally.last_trouble = self._step
        if fill.maker in self.bidders:
            self.unloaders[self.bidders[fill.maker], market].take(-size)

    def _layer(self, account: int) -> str:
        """Whose account pays a deficit."""
        if account == self.ready.deployment.insurance:
            return "insurance"
        owner = words.owner_of(account)
        if owner == int(self.ready.deployment.fund):
            return "fund"
        return "vault" if owner == int(self.venue.vault) else "others"

    def _send(self, transactions: Sequence[Transaction]) -> int:
        """How many of them did something; the others' errors are counted."""
        outcomes = self.chain.send_all([one.call for one in transactions]) if transactions else []
        done = [outcome for outcome in outcomes if isinstance(outcome, Receipt)]
        self._seen(done)
        self.tally.refused.update(
            outcome.name for outcome in outcomes if not isinstance(outcome, Receipt)
        )
        return len(done)

    def _must(self, transactions: Sequence[Transaction]) -> None:
        self._seen(must(self.chain, transactions))

    def _act(self, action: Liquidate | Book) -> Transaction:
        liquidator_ = self.venue.liquidator
        if isinstance(action, Book):
            return Transaction(liquidator_, "book", (action.account,), self.keeper)
        args = (list(action.accounts), list(action.instruments), self.keeper_account)
        return Transaction(liquidator_, "liquidate", args, self.keeper)

    def _execute(self, now: int) -> None:
        """Fill what has met its price, end what lapsed."""
        journal = self.journal
        state = order_executor.ExecutorState(
            now,
            self.venue.window,
            self.venue.slot_seconds,
            # in the order in which they were placed: hashes change with the contracts' addresses
            [
                replace(held, key=place.to_bytes(8, "big"))
                for place, held in enumerate(journal.orders.values())
            ],
            journal.prices,
            journal.newest_slot,
            {},
            waking=False,
        )
        self._send(
            [
                Transaction(
                    self.venue.exchange,
                    "execute_many",
                    (list(action.orders), self.keeper_account),
                    self.keeper,
                )
                for action in order_executor.decide(state)
            ]
        )

    def _publish(self, time: int, prices: Mapping[str, float]) -> None:
        """The slot that opens at `time`; in force a second later, which is now.

        A move that the oracle's guard does not let pass at once arrives in parts, a step late.
        """
        self.chain.set_time(time)
        slot = time // SLOT
        held = {}
        for name, price in prices.items():
            feed = self.venue.markets[name].feed
            last_slot, last_price = self.journal.last_push(feed)
            due = wad(Decimal(str(price)).quantize(TICK))
            limit = self.venue.max_steps[feed]
            target = price_pusher.Target(feed, due, slot, last_price, last_slot, limit, 0)
            held[name] = price_pusher.walk(target)[0][1]
            self.tally.held_back += held[name] != due
        self._must(self.prices.calls(time, held))
        self.chain.set_time(time + 1)
        self._marks = {self.venue.markets[name].instrument: price for name, price in held.items()}

    @property
    def _floats(self) -> list[float]:
        return [mark / WAD for mark in self._marks.values()]

    def _skew(self, name: str) -> float:
        word = self.venue.core.call("interest_word", self.venue.markets[name].instrument)
        return words.Interest.unpack(word).skew / WAD

    # Before the crash

    def _open(self) -> None:
        """Everybody opens at the first price; a refused opening is tried smaller."""
        venue, opening = self.venue, self.ready.opening
        self._must(
            [
                venue.deposit(account, self.ready.bank, member.deposit)
                for account, member in zip(self.accounts, self.members, strict=True)
            ]
            + [venue.deposit(bidder, self.ready.bank, BIDDER_DEPOSIT) for bidder in self.bidders]
        )
        wanted = [
            (member, name, leverage)
            for member in self.members
            for name, leverage in member.leverages.items()
        ]
        self.rng.shuffle(wanted)
        asked = len(wanted)
        placed: set[tuple[int, int]] = set()
        now = self.ready.opens + 1
        whole = 0
        for turn in range(OPENING_ROUNDS):
            orders: dict[tuple[int, str], tuple[Order, Member, Decimal]] = {}
            made = []
            for member, name, leverage in wanted:
                size = _whole(member.deposit * leverage / opening[name])
                account = self.accounts[member.number]
                order = venue.order(account, name, size, opening[name], now)
                orders[account, name] = order, member, leverage
                placed.add((account, order.place))
                made.append(venue.place(order, self.owners[member.number]))
            self._send(made)
            time = now + SLOT - now % SLOT
            self._publish(time, {name: float(price) for name, price in opening.items()})
            now = time + 1
            self._execute(now)
            wanted = []
            for (account, name), (_, member, leverage) in orders.items():
                instrument = venue.markets[name].instrument
                if not self.journal.sizes.get(account, {}).get(instrument):
                    smaller = leverage * SMALLER
                    if abs(smaller) * len(member.leverages) >= LEAST_LEVERAGE:
                        wanted.append((member, name, smaller))
            whole += len(orders) - len(wanted) if not turn else 0
            if not wanted:
                break
        self.tally.shrunk = asked - whole
        by_account = dict(zip(self.accounts, self.owners, strict=True))
        # stakes lie with the exchange until they are asked back
        self._send(
            [
                venue.release(account, place, by_account[account])
                for account, place in sorted(placed)
            ]
        )
        self.standings.refresh(self.accounts)

    # One step

    def _poke(self) -> None:
        """Let the breaker measure every market."""
        self._send(
            [
                Transaction(self.ready.breaker, "poke", (market.instrument,), self.keeper)
                for market in self.venue.markets.values()
            ]
        )

    def _slice(self) -> None:
        for _ in range(SLICING_ROUNDS):
            rows = self.standings.under(self._floats, NEAR)
            if not len(rows):
                return
            actions = liquidator.decide(self.standings.candidates(rows, self._marks))
            if self.conduct.shuffled:
                self.rng.shuffle(actions)
            done = self._send([self._act(action) for action in actions])
            self.standings.refresh(self.journal.take_touched())
            if not done:
                return

    # Auctions

    def _auction(self, time: int) -> None:
        """Open what no slice reaches, bid where the discount pays, take over what failed."""
        rows = self.standings.under(self._floats, 1.0)
        if not len(rows) and not self.running:
            return
        short = [
            one
            for one in self.standings.candidates(rows, self._marks)
            if liquidator.is_short(one) and self._dead(one.account, time)
        ]
        target = self.venue.liquidator
        self._send(
            [
                Transaction(
                    target,
                    "open_auction",
                    (one.account, max(one.notionals, key=one.notionals.__getitem__)),
                    self.keeper,
                )
                for one in short
            ]
        )
        for account in sorted(self.running):
            self._bid(account, time)
        self.standings.refresh(self.journal.take_touched())

    def _dead(self, account: int, time: int) -> bool:
        """Whether the account has no auction, or one that is over."""
        opened = self.running.get(account)
        return opened is None or time > opened + LIVES * self.t2

    def _bid(self, account: int, time: int) -> None:
        """The bidder with the most room takes what it may, if the discount is what it wants."""
        target = self.venue.liquidator
        try:
            opened, discount, _, _ = target.call("auction_of", account)
        except ProtocolError as refusal:
            if refusal.name == "Paused":
                return  # a halted market
            if refusal.name != "NotLiquidatable":
                raise
            # it has maintenance again; with the buffer too the auction ends
            self._send([Transaction(target, "end_auction", (account,), self.keeper)])
            return
        if not opened:
            self.running.pop(account)
            return
        bidder, inventory = min(
            ((one, self._inventory(number)) for one, number in self.bidders.items()),
            key=lambda pair: pair[1],
        )
        room = self.appetite.room(inventory)
        if room > 0 and discount / PPM >= self.appetite.wants(inventory):
            number = self.bidders[bidder]
            args = (account, bidder, wad(round(Decimal(room))), discount, time + 60, 0)
            owner = self.chain.account(f"bidder {number}")
            self._send([Transaction(target, "bid", args, owner)])
        elif time >= opened + self.t2:
            held = self.journal.sizes.get(account, {})
            if held:
                worst = max(held, key=lambda one: abs(held[one]) * self._marks[one])
                args = (account, worst, self.keeper_account)
                if not self._send([Transaction(target, "takeover", args, self.keeper)]):
                    self._send([Transaction(target, "deleverage", args, self.keeper)])

    def _inventory(self, number: int) -> float:
        """Notional that a bidder has not sold outside yet."""
        return sum(
            abs(unloader.pending) * self.markets[name].price(self._recorded[name])
            for (one, name), unloader in self.unloaders.items()
            if one == number
        )

    def _people(self, time: int) -> None:
        """Warn who is near, let act whose delay is over, fill what they ordered."""
        self.alarm.warn(self.standings.under(self._floats, float(WARNED)).tolist(), time)
        made = []
        for member in self.alarm.due(time):
            row = member.number
            if not self.standings.sizes[row].any():
                continue  # too late
            account, owner = self.accounts[row], self.owners[row]
            if member.habit is Habit.TOP_UP:
                self.tally.topped_up += 1
                amount = member.deposit * TOP_UP_SHARE
                made.append(self.venue.deposit(account, self.ready.bank, amount))
                continue
            self.tally.reduced += 1
            part = Decimal(1) if member.habit is Habit.CLOSE else Decimal("0.5")
            for instrument, held in self.journal.sizes[account].items():
                name = self.venue.market_of(instrument).name
                price = human(self._marks[instrument])
                size = _whole(-human(held) * part) if part != 1 else -human(held)
                order = self.venue.order(account, name, size, price, time + 1, reduce_only=True)
                made.append(self.venue.place(order, owner))
        if not made:
            return
        self._send(made)
        if self.journal.orders:
            self._fill(time + SLOT)

    def _fill(self, time: int) -> None:
        """Between two steps: the slot that orders wait for."""
        if self._step + 1 >= len(self.path):
            return
        share = SLOT / self.path.step
        prices = {}
        for name, market in self.markets.items():
            series = self.path.prices[name]
            here, there = series[self._step], series[self._step + 1]
            prices[name] = market.price(float(here + (there - here) * share))
        self._publish(time, prices)
        self._execute(time + 1)

    def _hedge(self) -> None:
        for name, hedger in self.hedgers.items():
            hedger.follow(self._skew(name), self.markets[name], self._recorded[name])

    def _note(self) -> None:
        tally = self.tally
        short = len(self.standings.under(self._floats, 1.0))
        tally.short_accounts.append(short)
        pushed = False
        for name, market in self.markets.items():
            tally.displacement[name].append(market.displacement)
            pushed = pushed or abs(market.temporary) > CALM
        if short or pushed:
            tally.last_trouble = self._step

    # The run

    def run(self) -> Tally:
        self._open()
        tally, path = self.tally, self.path
        tally.deposits = float(sum(member.deposit for member in self.members))
        tally.vault_start = self.venue.vault.call("equity") / WAD
        first = {name: float(series[0]) for name, series in path.prices.items()}
        for name, hedger in self.hedgers.items():
            hedger.begin(self._skew(name), first[name])
            tally.recorded_lows[name] = path.low(name)
            tally.displacement[name] = []
        sizes = np.abs(self.standings.sizes).sum(axis=0)
        tally.interest = float(sizes @ np.array(list(first.values())))
        self._counting = True
        for step, moment in enumerate(path.times):
            self._step = step
            time = int(moment)
            self._recorded = {name: float(path.prices[name][step]) for name in self.markets}
            now = {}
            for name, market in self.markets.items():
                market.pass_time(path.step)
                now[name] = market.price(self._recorded[name])
                tally.lows[name] = min(now[name], tally.lows.get(name, now[name]))
            self._publish(time, now)
            if self.ready.terms.breaker:
                self._poke()
            if step % self.conduct.every == 0:
                self._slice()
                if self.conduct.auctions:
                    self._auction(time)
            self._people(time)
            self.standings.refresh(self.journal.take_touched())
            self._hedge()
            for (_, name), unloader in self.unloaders.items():
                unloader.unload(path.step, self.markets[name], self._recorded[name])
            self._note()
            self.progress(step + 1)
        books = read_books(self.venue, self.events)
        tally.broken = [law for law, holds in check(books).items() if not holds]
        tally.vault_end = self.venue.vault.call("equity") / WAD
        for name, hedger in self.hedgers.items():
            tally.hedge += hedger.book.worth(self.markets[name].price(self._recorded[name]))
            tally.ends[name] = self.markets[name].price(1.0)
        for bidder in self.bidders:
            tally.bidders += self.venue.core.call("health", bidder)[0] / WAD - float(BIDDER_DEPOSIT)
        for (_, name), unloader in self.unloaders.items():
            price = self.markets[name].price(self._recorded[name])
            tally.bidders += unloader.book.worth(price)
        return tally


def _whole(size: Decimal) -> Decimal:
    return size.quantize(SIZE_STEP, ROUND_DOWN)
