"""The keepers as a service: one loop over every role that was asked for, in one thread.

    head -> cursor -> history -> snapshot -> role.decide -> split -> sender -> lane -> node

What `Service.tick` promises: it reads what is new, hears what became of what was sent, decides, and
sends; it waits for nothing but answers of nodes, each bounded by `Guard.timeout`. A tick may end at
any point, by an exception or with the process: the next one, or the next process, takes up what was
written down (store.py) and reads the rest again. Exceptions that end a tick and not the service:
`NoEndpoint`, `Unsteady`; `Reset` ends the service, whose caller opens it anew.

Decisions are the roles' and pure; this module knows none of them by name.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from tidegate.client.calls import Outcome
from tidegate.client.errors import ProtocolError
from tidegate.client.venue import Venue
from tidegate.keepers import order_executor, readings
from tidegate.keepers.actions import PokeCaps, Publish
from tidegate.keepers.cursor import Cursor, Step
from tidegate.keepers.endpoints import Endpoints
from tidegate.keepers.history import History
from tidegate.keepers.lane import Lane
from tidegate.keepers.lease import Split
from tidegate.keepers.readings import BidderTerms
from tidegate.keepers.registry import Role
from tidegate.keepers.scanner import Scanner
from tidegate.keepers.sender import BLAMELESS, Job, Sender
from tidegate.keepers.snapshot import Need, Snapshot
from tidegate.keepers.store import Saved, Store
from tidegate.spec import words
from tidegate.spec.rounding import WAD

SAVE_EVERY = 30.0  # seconds between two savings of the settled journal
IDLE = 1.0  # seconds after which roles decide again without a new block


class Offers(Protocol):
    """Where signed prices come from. Never waits: answers with what is there."""

    def offers(self, wanted: Mapping[int, Collection[int]]) -> Sequence[Publish]:
        """Prices with enough signatures: of the slots wanted, by feed, and the newest of each."""
        ...


class NoOffers:
    """For who carries no prices."""

    def offers(self, wanted: Mapping[int, Collection[int]]) -> Sequence[Publish]:
        return ()


@dataclass(frozen=True, slots=True)
class Tick:
    """What a tick did: outcomes of transactions, and whether everything is read."""

    decided: int
    outcomes: tuple[Outcome, ...]
    caught_up: bool


@dataclass(frozen=True, slots=True)
class Duties:
    """What the roles may be told. Seconds, ppm."""

    caps_every: int = 3_600
    heartbeat: int = 30
    deviation: int = 1_000
    bidder: BidderTerms | None = None  # none: nobody bids here


@dataclass
class Service:
    """See the module."""

    venue: Venue
    rpc: Endpoints
    cursor: Cursor
    history: History
    lane: Lane
    sender: Sender
    store: Store
    roles: Sequence[Role]
    split: Split
    offers: Offers = field(default_factory=NoOffers)
    duties: Duties = Duties()
    clock: Callable[[], float] = time.monotonic
    say: Callable[..., None] = lambda event, **facts: None
    losses: Mapping[str, int] = field(default_factory=dict)  # by role, 1e-18; else the registry's
    scanner: Scanner = field(init=False)
    caught_up: bool = field(default=False, init=False)
    stale: tuple[int, ...] = field(default=(), init=False)  # feeds without a fresh price
    undone: int = field(default=0, init=False)  # times that blocks were
    _head_hash: str = field(default="", init=False)

    def __post_init__(self) -> None:
        internal = {int(self.venue.core), int(self.venue.vault), int(self.venue.exchange)}
        self.scanner = Scanner(
            self.lane.view,
            self.venue.lens_accounts,
            lambda account: words.owner_of(account) in internal,
        )
        self._needs = Need.NOTHING
        for role in self.roles:
            self._needs |= role.needs
        if Need.LOTS in self._needs:
            self._needs |= Need.STANDINGS | Need.BREAKER
        self._rewards = self._read_rewards() if Need.STANDINGS in self._needs else {}
        self._saved_at = self.clock()
        self._decided_at = float("-inf")
        self._due: dict[str, dict[str, float]] = {}  # by role, items and since when they are due
        self._tokens: dict[str, int] = {}
        self._caps_at = 0
        self._resume()

    # One turn

    def tick(self) -> Tick:
        """See the module. Raises NoEndpoint, Unsteady, Reset."""
        fresh = self._read_blocks()
        outcomes = self.sender.poll()
        for outcome in outcomes:
            self._note(outcome)
        decided = 0
        idle = self.clock() - self._decided_at >= IDLE
        if self.caught_up and (fresh or outcomes or idle or self.scanner.backlog):
            self._decided_at = self.clock()
            snapshot = self.snapshot()
            for role in self.roles:
                jobs = list(self._jobs(role, snapshot))
                decided += len(jobs)
                refused = self.sender.submit(jobs)
                for outcome in refused:
                    self._note(outcome)
                outcomes += refused
        self.sender.budget.sweep(self.clock())
        self._save_now_and_then()
        return Tick(decided, tuple(outcomes), self.caught_up)

    def oldest_due(self) -> float:
        """Seconds for which the oldest item that is due has been due."""
        now = self.clock()
        return max((now - at for due in self._due.values() for at in due.values()), default=0.0)

    def price_ages(self) -> dict[int, int]:
        """By feed, seconds from the opening of its newest priced slot to the next block."""
        now, newest = self.rpc.next_time(), self.history.live.newest_slot
        return {
            market.feed: now - newest.get(market.feed, 0) * self.venue.slot_seconds
            for market in self.venue.markets.values()
        }

    def close(self) -> None:
        """Write down what is settled, give back what is held."""
        self._save()
        if self._tokens:
            self.split.release(self._tokens)
            self._tokens = {}
        self.store.close()

    # Reading

    def _read_blocks(self) -> bool:
        """Whether there was anything new."""
        step = self.cursor.step()
        self._apply(step)
        self.caught_up = step.caught_up
        return bool(step.events) or step.undone_to is not None or self._moved(step)

    def _moved(self, step: Step) -> bool:
        moved = step.head.hash != self._head_hash
        self._head_hash = step.head.hash
        return moved

    def _apply(self, step: Step) -> None:
        if step.undone_to is not None:
            self.undone += 1
            self.say("blocks undone", back_to=step.undone_to, head=step.head.number)
            self.history.undo_to(step.undone_to)
            self.lane.undo_to(step.undone_to)
            self.scanner.forget()
        for number, events in step.events:
            self.history.observe(number, events)
        self.history.settle(step.upto)
        self.lane.settle(step.upto - self.history.depth)

    def snapshot(self) -> Snapshot:
        """Everything that the roles need, of now."""
        venue, journal = self.venue, self.history.live
        now = self.rpc.next_time()
        feeds = sorted({market.feed for market in venue.markets.values()})
        prices, fresh, volatilities = self._prices(feeds)
        marks = {
            market.instrument: prices[market.feed]
            for market in venue.markets.values()
            if prices[market.feed]
        }
        orders = list(journal.orders.values())
        wanted = {feed: journal.wanted_slots(feed) for feed in feeds}
        snapshot = Snapshot(
            now=now,
            slot_seconds=venue.slot_seconds,
            window=venue.window,
            epoch_seconds=venue.epoch_seconds,
            keeper_fee=venue.keeper_fee,
            orders=orders,
            prices=journal.prices,
            newest=journal.newest_slot,
            wanted=wanted,
            marks=marks,
            all_fresh=fresh,
            requests=list(journal.requests.values()),
            processed=frozenset(journal.processed),
            feeds=feeds,
            booked=journal.booked,
            caps_age=now - self._caps_at,
            caps_every=self.duties.caps_every,
            heartbeat=self.duties.heartbeat,
            deviation=self.duties.deviation,
            rewards=self._rewards,
            free=self.sender.free,
        )
        if Need.QUOTES in self._needs:
            snapshot = replace(snapshot, quotes=self._quotes(snapshot, volatilities))
        if Need.STANDINGS in self._needs and len(marks) == len(venue.markets):
            standings = self.scanner.standings(journal, marks, now)
            snapshot = replace(snapshot, standings=standings)
        if Need.BREAKER in self._needs:
            watched = readings.watched(self.lane.view.ask, venue, now)
            levels = readings.levels(watched)
            snapshot = replace(snapshot, watched=watched, levels=levels)
        if Need.LOTS in self._needs:
            lots = readings.lots(
                self.lane.view.ask,
                venue,
                now,
                snapshot.standings,
                journal.auctions,
                snapshot.levels,
                words.account(self.lane.address),
                self.duties.bidder,
            )
            snapshot = replace(snapshot, lots=lots)
        if Need.OFFERS in self._needs:
            snapshot = replace(snapshot, offers=self.offers.offers(wanted))
        return snapshot

    def _prices(self, feeds: Sequence[int]) -> tuple[dict[int, int], bool, dict[int, int]]:
        """Price in force by feed, whether all are fresh, volatility by feed."""
        oracle = self.venue.oracle
        answers = self.lane.view.ask(
            [(oracle, "latest", (feed,)) for feed in feeds]
            + [(oracle, "volatility", (feed,)) for feed in feeds]
        )
        for answer in answers:
            if isinstance(answer, ProtocolError):
                raise answer
        latest, volatilities = answers[: len(feeds)], answers[len(feeds) :]
        self.stale = tuple(
            feed for feed, (_, fresh) in zip(feeds, latest, strict=True) if not fresh
        )
        return (
            {feed: price for feed, (price, _) in zip(feeds, latest, strict=True)},
            all(fresh for _, fresh in latest),
            dict(zip(feeds, volatilities, strict=True)),
        )

    def _quotes(self, snapshot: Snapshot, volatilities: Mapping[int, int]) -> dict[bytes, int]:
        """The vault's price now for each resting order that the newest price meets."""
        met = [
            (held, snapshot.prices[held.order.feed, slot])
            for held in snapshot.orders
            if (slot := order_executor.proof(held, snapshot.newest, snapshot.prices)) is not None
        ]
        answers = self.lane.view.ask(
            [
                (
                    self.venue.vault,
                    "quote",
                    (held.order.instrument, held.order.size, mark, volatilities[held.order.feed]),
                )
                for held, mark in met
            ]
        )
        return {
            held.key: answer
            for (held, _), answer in zip(met, answers, strict=True)
            if not isinstance(answer, ProtocolError)  # the vault quotes nothing: it stays resting
        }

    def _read_rewards(self) -> dict[int, int]:
        core = self.venue.core
        return {
            market.instrument: words.Limits.unpack(
                core.call("limits_word", market.instrument)
            ).keeper_reward
            for market in self.venue.markets.values()
        }

    # Deciding and sending

    def _jobs(self, role: Role, snapshot: Snapshot) -> Iterator[Job]:
        actions = role.decide(snapshot)
        now = self.clock()
        due = dict.fromkeys(item for action in actions for item in role.items(action))
        known = self._due.setdefault(role.name, {})
        for item in [one for one in known if one not in due and self.sender.free(one)]:
            del known[item]  # somebody else did it, or it is due no more
            self._give_back([item])
        for item in due:
            known.setdefault(item, now)
        if not due:
            return
        mine = self.split.take({item: now - known[item] for item in due})
        self._tokens.update(mine)
        for action in actions:
            items = role.items(action)
            kept = [item for item in items if item in mine and self.split.holds(item, mine[item])]
            if not kept:
                continue
            if len(kept) < len(items):
                if role.narrow is None:
                    continue
                action = role.narrow(action, kept)
            yield self.job(role, action, snapshot)

    def job(self, role: Role, action: Any, snapshot: Snapshot) -> Job:
        """The sender's job for an action."""
        transaction = role.call(action, self.venue, self.lane.address)
        decode = transaction.contract.abi.functions[transaction.fn].decode
        narrow = role.narrow
        loss = self.losses.get(role.name, int(role.loss * WAD))
        return Job(
            transaction,
            role.items(action),
            role.name,
            reward=role.reward(action, snapshot),
            loss=loss,
            refused=lambda returned: role.refused(action, decode(returned)),
            skipped=lambda receipt: role.skipped(action, receipt),
            narrow=None
            if narrow is None
            else lambda items: self.job(role, narrow(action, items), snapshot),
        )

    def _note(self, outcome: Outcome) -> None:
        about = outcome.transaction.about
        if outcome.done and isinstance(about, PokeCaps):
            self._caps_at = outcome.receipt.timestamp if outcome.receipt else 0
        ended = outcome.error is None or outcome.error.name not in BLAMELESS
        if ended:
            items = [item for role in self.roles for item in _items_of(role, about)]
            if outcome.done:
                for item in items:
                    for due in self._due.values():
                        due.pop(item, None)
            self._give_back(items)

    def _give_back(self, items: Sequence[str]) -> None:
        held = {item: self._tokens.pop(item) for item in items if item in self._tokens}
        if held:
            self.split.release(held)

    # Keeping

    def _resume(self) -> None:
        saved = self.store.load()
        if saved is None:
            return
        self.history.load(saved.journal, saved.number)
        self.cursor.resume(saved.number, saved.block_hash)
        self.say("resumed", block=saved.number, orders=len(self.history.live.orders))

    def _save_now_and_then(self) -> None:
        if self.clock() - self._saved_at >= SAVE_EVERY:
            self._save()

    def _save(self) -> None:
        """The settled journal, with the hash of a block that is settled too."""
        self._saved_at = self.clock()
        number = self.history.settled_at
        block_hash = self.cursor.hash_at(number)
        if block_hash is not None:
            self.store.save(Saved(number, block_hash, self.history.dump()))


def _items_of(role: Role, about: Any) -> tuple[str, ...]:
    return role.items(about) if isinstance(about, role.acts) else ()
