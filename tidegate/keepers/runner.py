"""Runs the keepers: snapshot -> decide -> sender, one role at a time."""

from collections.abc import Callable, Sequence
from dataclasses import astuple
from typing import Any

from tidegate.client.calls import Transaction
from tidegate.client.price_message import PriceMessage, PriceSigner, quorum
from tidegate.client.venue import Venue
from tidegate.keepers import liquidator, order_executor, readings, vault_claims
from tidegate.keepers.actions import Action, PokeCaps, Publish, Push
from tidegate.keepers.journal import Journal
from tidegate.keepers.liquidator import Candidate
from tidegate.keepers.order_executor import OpenOrder
from tidegate.keepers.registry import ROLES, call_of
from tidegate.keepers.sender import Sender
from tidegate.keepers.snapshot import Snapshot
from tidegate.spec import words
from tidegate.spec.rounding import WAD

READ_AT_ONCE = 64  # accounts per call of the lens
# Roles that act on who is short, in the order of urgency. Nobody bids in the demo.
RESCUE = ("liquidator", "auctions", "takeovers", "deleveraging", "deficits")


class Keepers:
    """Every role, for one account and one sending address.

    The price pusher is apart: it says what the world's prices are, `push_moment` only signs and
    sends what it decided.
    """

    def __init__(
        self,
        venue: Venue,
        sender: Sender,
        journal: Journal,
        address: str,
        signers: Sequence[PriceSigner],
        caps_every: int = 0,
    ) -> None:
        self.venue = venue
        self.sender = sender
        self.journal = journal
        self.address = address
        self.account = words.account(address)
        self.signers = signers
        self.caps_every = caps_every
        self.caps_at = 0
        self._read: dict[int, Candidate] = {}  # as last read, by account
        self._rescanned = 0
        self._levels: dict[int, int] = {}  # of the breaker, as last read
        self._rewards = {
            market.instrument: words.Limits.unpack(
                venue.core.call("limits_word", market.instrument)
            ).keeper_reward
            for market in venue.markets.values()
        }
        internal = {int(venue.core), int(venue.vault), int(venue.exchange)}
        self._is_ours: Callable[[int], bool] = lambda account: words.owner_of(account) in internal

    # Actions to calls

    def call_of(self, action: Action) -> Transaction:
        if isinstance(action, Push):
            message = PriceMessage(action.feed, action.slot, action.price, action.published)
            signatures = quorum(self.signers, message)
            action = Publish(*astuple(action), signatures)
        return call_of(action, self.venue, self.address)

    # Roles

    def order_calls(self, now: int, waking: bool = True) -> list[Transaction]:
        journal = self.journal
        orders = list(journal.orders.values())
        state = order_executor.ExecutorState(
            now,
            self.venue.window,
            self.venue.slot_seconds,
            orders,
            journal.prices,
            journal.newest_slot,
            self._quotes(orders) if waking else {},
            waking=waking,
        )
        return [self.call_of(action) for action in order_executor.decide(state)]

    def _quotes(self, orders: Sequence[OpenOrder]) -> dict[bytes, int]:
        """The vault's price now for each resting order that the newest price meets."""
        quotes: dict[bytes, int] = {}
        for held in orders:
            slot = order_executor.proof(held, self.journal.newest_slot, self.journal.prices)
            if slot is not None:
                order = held.order
                mark = self.journal.prices[order.feed, slot]
                volatility = self.venue.oracle.call("volatility", order.feed)
                quotes[held.key] = self.venue.vault.call(
                    "quote", order.instrument, order.size, mark, volatility
                )
        return quotes

    def breaker_calls(self, now: int) -> list[Transaction]:
        """Pokes of the markets whose level or sample would change; reads the levels."""
        watched = readings.watched(readings.asking, self.venue, now)
        self._levels = readings.levels(watched)
        snapshot = self._snapshot(now, watched=watched)
        return [self.call_of(action) for action in ROLES["breaker_pokes"].decide(snapshot)]

    def _snapshot(self, now: int, **read: Any) -> Snapshot:
        venue = self.venue
        return Snapshot(
            now,
            venue.slot_seconds,
            venue.window,
            venue.epoch_seconds,
            venue.keeper_fee,
            levels=self._levels,
            rewards=self._rewards,
            **read,
        )

    def liquidation_calls(self, marks: dict[int, int], now: int) -> list[Transaction]:
        """`marks`: the price in force by instrument, 1e-18."""
        touched = self.journal.take_touched()
        if now - self._rescanned >= liquidator.RESCAN:
            self._rescanned = now
            touched |= self._read.keys()
        due = [
            account
            for account in (touched | self._read.keys())
            if not self._is_ours(account)
            and (account in touched or liquidator.may_be_short(self._read[account], marks))
        ]
        for candidate in self.standings(due, marks):
            if candidate.notionals or candidate.cash < 0:
                self._read[candidate.account] = candidate
            else:
                self._read.pop(candidate.account, None)
        short = [self._read[account] for account in due if account in self._read]
        lots = readings.lots(
            readings.asking,
            self.venue,
            now,
            short,
            self.journal.auctions,
            self._levels,
            self.account,
        )
        snapshot = self._snapshot(now, standings=short, lots=lots)
        return [self.call_of(action) for name in RESCUE for action in ROLES[name].decide(snapshot)]

    def standings(self, accounts: Sequence[int], marks: dict[int, int]) -> list[Candidate]:
        """Read from the chain now, many accounts in a call."""
        found = []
        for at in range(0, len(accounts), READ_AT_ONCE):
            some = list(accounts[at : at + READ_AT_ONCE])
            for health in self.venue.lens_accounts.call("health", some):
                sizes = self.journal.sizes.get(health.account, {})
                notionals = {
                    instrument: abs(size) * marks[instrument] // WAD
                    for instrument, size in sizes.items()
                }
                found.append(
                    Candidate(
                        health.account,
                        health.equity,
                        health.maintenance,
                        health.cash,
                        notionals,
                        dict(marks),
                    )
                )
        return found

    def vault_calls(self, now: int, fresh: bool) -> list[Transaction]:
        venue = self.venue
        feeds = [market.feed for market in venue.markets.values()]
        state = vault_claims.VaultState(
            now=now,
            epoch_seconds=venue.epoch_seconds,
            requests=list(self.journal.requests.values()),
            processed=frozenset(self.journal.processed),
            newest_slots=[
                self.journal.newest_slot.get(feed, 0) * venue.slot_seconds for feed in feeds
            ],
            all_fresh=fresh,
            booked_deficit=self.journal.booked,
            caps_age=now - self.caps_at,
            caps_every=self.caps_every,
        )
        actions = vault_claims.decide(state)
        if any(isinstance(action, PokeCaps) for action in actions):
            self.caps_at = now
        return [self.call_of(action) for action in actions]

    def push_calls(self, pushes: Sequence[Push]) -> list[Transaction]:
        return [self.call_of(push) for push in pushes]
