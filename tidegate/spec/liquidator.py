"""Slices, auctions and takeovers of accounts below maintenance (contracts/liquidation/).

A slice of notional n leaves E - c n and M - m n, so E' = M' (1 + b) at
n = (M (1 + b) - E) / (m (1 + b) - c); c is the quote cost of the whole leg and the penalty.
An auction of a fraction f at discount d leaves E - d f N and M (1 - f), so f is
(M (1 + b) - E) / (M (1 + b) - d N).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from tidegate.client.errors import ProtocolError
from tidegate.spec import margin, words
from tidegate.spec.clearing import (
    AUCTION_ONLY,
    COLLATERAL,
    REDUCE_ONLY,
    TRADE_RIGHT,
    ClearingHouse,
    Fill,
)
from tidegate.spec.exchange import refusal_of
from tidegate.spec.host import Host, Table, require
from tidegate.spec.oracle import VOLATILITY_UNIT, PriceOracle
from tidegate.spec.rounding import PPM, WAD, div_down, div_toward_zero, div_up
from tidegate.spec.vault import LiquidityVault
from tidegate.spec.words import Field, Limits, Word

MOST = 7  # slices of a batch: the core takes eight fills, one is the keeper's payment
MOST_LEGS = 8
LEAST_REWARD_PART = 10  # of the penalty rate: an account with nothing left is closed too
SLACK = 4  # wei: the core rounds notional up twice and dues once
LIVES = 4  # an auction lives so many times T2
FUND_EXTRA = 10_000  # ppm that the fund adds to an insolvent account's discount, at most
GAS_OF_SLICE = 60_000
MOST_GAS_PRICE = 200 * 10**9
PART_PER_PPM = 10**12  # of K


@dataclass(frozen=True, slots=True)
class Slice:
    """What is taken of a position, 1e-18; reward to the keeper from the vault."""

    size: int = 0  # change of the account's position
    price: int = 0
    penalty: int = 0
    reward: int = 0
    whole: bool = False
    restores: bool = False  # maintenance and buffer
    reason: str = ""  # why nothing is taken


@dataclass(frozen=True, slots=True)
class Bucket(Word):
    """What slices have drawn of a market's bucket; contracts/liquidation/bucket.vy."""

    liquidated: int = 0
    drawn: int = 0
    window: int = 0
    size: int = 0
    time: int = 0

    LAYOUT = {  # noqa: RUF012
        "liquidated": Field(144, 112),
        "drawn": Field(80, 64),
        "window": Field(60, 20),
        "size": Field(40, 20),
        "time": Field(0, 40),
    }


@dataclass(frozen=True, slots=True)
class State(Word):
    """Of an account: its auction, its last reward; contracts/liquidation/auctions.vy."""

    start: int = 0
    opened: int = 0
    rewarded: int = 0

    LAYOUT = {  # noqa: RUF012
        "start": Field(80, 20),
        "opened": Field(40, 40),
        "rewarded": Field(0, 40),
    }


class Taken(NamedTuple):
    """A slice and whose it is."""

    account: int
    instrument: int
    part: Slice


class Leg(NamedTuple):
    """A position in an auction."""

    instrument: int
    size: int
    mark: int
    least: int


@dataclass(frozen=True, slots=True)
class Lot:
    """What an auction is held over."""

    legs: tuple[Leg, ...]
    all: bool
    equity: int
    maintenance: int
    notional: int
    buffer: int
    limit: int
    least: int


@dataclass(slots=True)
class Outcome:
    """Of a call so far; the last reason why nothing was taken."""

    done: int = 0
    short: bool = False
    reason: str = "NotLiquidatable"


class Fund(Protocol):
    """The guaranty fund's twin, as far as liquidations need it."""

    def cover(self, asset: int) -> int: ...

    def pay_bidder(self, to_account: int, amount: int, sender: int) -> int: ...


def target(maintenance: int, buffer: int) -> int:
    """Equity with maintenance and buffer."""
    return div_up(maintenance * (PPM + buffer), PPM)


class Liquidator:
    """The contract's twin."""

    def __init__(
        self,
        host: Host,
        address: int,
        core: ClearingHouse,
        oracle: PriceOracle,
        vault: LiquidityVault,
        owner: int,
        reward_window: int,
        bucket_size: int,
        bucket_window: int,
        t2: int,
        gas_feed: int = 0,
    ) -> None:
        self.host = host
        self.address = address
        self.core = core
        self.oracle = oracle
        self.vault = vault
        self.owner = owner
        self.reward_window = reward_window
        self.usual = bucket_size, bucket_window
        self.t2 = t2
        self.gas_feed = gas_feed
        self.base_fee = 0  # wei, of the present block
        self.fund: Fund | None = None
        self.buckets: Table[int, Bucket] = Table(host, Bucket())
        self.states: Table[int, State] = Table(host, State())

    # Slices

    def liquidate(
        self, accounts: Sequence[int], instruments: Sequence[int], keeper_account: int
    ) -> int:
        """One slice of one instrument of each account; how many were sliced.

        Slices of one market side by side are cleared together, each account once.
        """
        with self.host.call():
            require(len(accounts) == len(instruments) != 0, "OutOfBounds")
            outcome = Outcome()
            batch: list[Taken] = []
            for account, instrument in zip(accounts, instruments, strict=True):
                if batch and (
                    len(batch) == MOST
                    or instrument != batch[0].instrument
                    or account <= batch[-1].account
                ):
                    self._clear_batch(batch, keeper_account, outcome)
                    batch = []
                part = self.slice_of(account, instrument, [taken.part.size for taken in batch])
                if part.size:
                    batch.append(Taken(account, instrument, part))
                else:
                    outcome.reason = part.reason
            if batch:
                self._clear_batch(batch, keeper_account, outcome)
            require(outcome.done != 0, outcome.reason)
            if outcome.short:
                self._absorb()
            return outcome.done

    def book(self, account: int) -> None:
        """The deficit of an account without positions, to fund and vault as far as they go."""
        with self.host.call():
            self.core.book_deficit(account, COLLATERAL, self.address)
            self._absorb()

    def slice_of(self, account: int, instrument: int, taken: Sequence[int] = ()) -> Slice:
        """What a slice would take now, after others of its batch took so much."""
        if self.core.size_of(account, instrument) == 0:
            return Slice(reason="NotLiquidatable")
        equity, _, maintenance, _ = self.core.health(account)
        if equity >= maintenance:
            return Slice(reason="NotLiquidatable")
        if self._brake(instrument) > REDUCE_ONLY:
            return Slice(reason="Paused")
        room = max(0, self._room(instrument) - sum(abs(size) for size in taken))
        return self._slice(account, instrument, room, sum(taken))

    def _slice(self, account: int, instrument: int, room: int, moved: int) -> Slice:
        """Of an account below maintenance; `moved`: of the skew, by the batch before it."""
        held = self.core.size_of(account, instrument)
        equity, _, maintenance, gross = self.core.health(account)
        mark, _ = self.oracle.latest(words.underlying_of(instrument), self.host.now)
        risk, limits = self.core.risk[instrument], self.core.limits[instrument]
        assert risk is not None
        least = self.core.trade[instrument].minimum_notional

        # the size that restores the buffer
        notional = div_down(abs(held) * mark, WAD)
        kept = div_down(notional * risk.maintenance_shock, PPM)
        kept += margin.contingency_up(held, mark, risk) - 1
        relief = div_down(kept * (PPM + limits.buffer), PPM)
        relief -= self._cost_up(-held, self._quote(instrument, -held, mark, moved), mark)
        relief -= div_up(notional * limits.penalty, PPM)
        missing = target(maintenance, limits.buffer) - equity
        restores = relief > missing
        size, whole = abs(held), False
        if restores:
            size = max(div_up(abs(held) * missing, relief), div_up(least * WAD, mark))
        limited = size > room and abs(held) > room
        if limited:
            if div_down(room * mark, WAD) < least:
                return Slice(reason="BucketEmpty")
            size = room
        if size >= abs(held) or div_down((abs(held) - size) * mark, WAD) < least:
            size, whole = abs(held), True
        restores = restores and (whole or not limited)
        change = -size if held > 0 else size
        price = self._quote(instrument, change, mark, moved)

        # min(penalty, E / N - quote cost), never negative; none without equity
        closed = div_down(size * mark, WAD)
        most = div_down(closed * limits.penalty, PPM)
        room = div_down(equity * closed, gross) - self._cost_up(change, price, mark) - SLACK
        penalty = max(0, min(most, room)) if equity > 0 else 0
        reward = self._reward(account, limits, max(penalty, self._least_reward(closed, limits)))
        return Slice(change, price, penalty, reward, whole, restores)

    @staticmethod
    def _least_reward(closed: int, limits: Limits) -> int:
        return div_toward_zero(div_down(closed * limits.penalty, PPM), LEAST_REWARD_PART)

    def _reward(self, account: int, limits: Limits, earned: int) -> int:
        """The keeper's: once per account and window; at least the gas, as far as the cap goes."""
        if self.host.now < self.states[account].rewarded + self.reward_window:
            return 0
        return min(limits.keeper_reward, max(earned, self._gas()))

    def _gas(self) -> int:
        """What the gas of a slice costs, collateral, 1e-18."""
        if not self.gas_feed:
            return 0
        price, _ = self.oracle.latest(self.gas_feed, self.host.now)
        return GAS_OF_SLICE * min(self.base_fee, MOST_GAS_PRICE) * price // WAD

    def _quote(self, instrument: int, size: int, mark: int, moved: int) -> int:
        volatility = self.oracle.feeds[words.underlying_of(instrument)].volatility
        volatility *= VOLATILITY_UNIT
        return self.vault.quote(instrument, size, mark, volatility, moved)

    @staticmethod
    def _cost_up(size: int, price: int, mark: int) -> int:
        """What a taker of this size pays above the mark."""
        return div_up(size * (price - mark), WAD)

    def _brake(self, instrument: int) -> int:
        risk = self.core.risk[instrument]
        return risk.brake if risk else 0

    # The bucket

    def _drawn(self, instrument: int) -> tuple[int, int]:
        """Drawn by now, and size: parts of K, 1e-18."""
        bucket = self.buckets[instrument]
        ppm, window = (bucket.size, bucket.window) if bucket.window else self.usual
        size = ppm * PART_PER_PPM
        refilled = div_down(size * (self.host.now - bucket.time), window)
        return max(0, bucket.drawn - refilled), size

    def bucket(self, instrument: int) -> tuple[int, int]:
        """Units that slices may close now, and with a full bucket."""
        drawn, size = self._drawn(instrument)
        risk = self.core.risk[instrument]
        scale = risk.skew_scale if risk else 0
        return div_down(max(0, size - drawn) * scale, WAD), div_down(size * scale, WAD)

    def liquidated(self, instrument: int) -> int:
        return self.buckets[instrument].liquidated

    def _room(self, instrument: int) -> int:
        room, size = self.bucket(instrument)
        mark, _ = self.oracle.latest(words.underlying_of(instrument), self.host.now)
        if room == size:
            # a full bucket holds at least one slice
            room = max(room, div_up(self.core.trade[instrument].minimum_notional * WAD, mark))
        return room

    def _draw(self, instrument: int, units: int, bucketed: bool = True) -> None:
        mark, _ = self.oracle.latest(words.underlying_of(instrument), self.host.now)
        risk = self.core.risk[instrument]
        assert risk is not None
        drawn, _ = self._drawn(instrument)
        if bucketed:
            drawn = min(2**64 - 1, drawn + div_up(units * WAD, risk.skew_scale))
        bucket = self.buckets[instrument]
        liquidated = min(2**112 - 1, bucket.liquidated + div_down(units * mark, WAD))
        self.buckets[instrument] = replace(
            bucket, drawn=drawn, liquidated=liquidated, time=self.host.now
        )

    # Clearing

    def _clear_batch(self, batch: list[Taken], keeper: int, outcome: Outcome) -> None:
        """All of it at once; if the core refuses, one by one as they would be now."""
        refusal = self._clear(batch, keeper)
        if refusal and len(batch) > 1:
            for account, instrument, _ in batch:
                part = self.slice_of(account, instrument)
                if part.size:
                    self._clear_batch([Taken(account, instrument, part)], keeper, outcome)
                else:
                    outcome.reason = part.reason
        elif refusal:
            outcome.reason = refusal
        else:
            outcome.done += len(batch)
            units = sum(abs(taken.part.size) for taken in batch)
            self._draw(batch[0].instrument, units)
            self._settle(batch, outcome)

    def _clear(self, batch: list[Taken], keeper: int) -> str:
        """The core's reason, "" when cleared."""
        pool = words.pool(self.vault.address, words.underlying_of(batch[0].instrument))
        fills = [
            Fill(account, pool, instrument, part.size, part.price, part.penalty)
            for account, instrument, part in batch
        ]
        reward = sum(taken.part.reward for taken in batch)
        if reward:
            fills.append(Fill(pool, keeper, 0, 0, 0, reward))
        refusal = refusal_of(lambda: self.core.clear(fills, self.address))
        if refusal == "OutOfGas":
            raise ProtocolError(refusal)
        return refusal

    def _settle(self, batch: list[Taken], outcome: Outcome) -> None:
        """What a cleared batch leaves to do."""
        for account, _, part in batch:
            gone = part.whole and not self.core.held[account]
            state = self.states[account]
            if part.reward:
                state = replace(state, rewarded=self.host.now)
            if part.restores or gone:
                state = State(rewarded=state.rewarded)
            if state != self.states[account]:
                self.states[account] = state
            if gone:
                outcome.short |= self._books(account)

    def _books(self, account: int) -> bool:
        if self.core.cash[account, COLLATERAL].cash >= 0:
            return False
        self.core.book_deficit(account, COLLATERAL, self.address)
        return True

    def _absorb(self) -> None:
        """The fund, then the vault, then the books."""
        if self.fund is not None:
            self.fund.cover(COLLATERAL)
        self.vault.absorb()

    # Auctions

    def _runs(self, account: int) -> bool:
        opened = self.states[account].opened
        return opened != 0 and self.host.now <= opened + LIVES * self.t2

    def _discount(self, account: int, limit: int) -> int:
        """Now, ppm."""
        state = self.states[account]
        start = min(state.start, limit)
        elapsed = min(self.host.now - state.opened, self.t2)
        return start + (limit - start) * elapsed // self.t2

    def open_auction(self, account: int, instrument: int) -> int:
        """What it begins with, ppm: what closing all against the vault would cost."""
        with self.host.call():
            require(not self._runs(account), "AuctionRuns")
            equity, _, maintenance, _ = self.core.health(account)
            require(equity < maintenance, "NotLiquidatable")
            if equity >= 0 and not self._is_hedged(account, words.underlying_of(instrument)):
                part = self.slice_of(account, instrument)
                require(part.size == 0, "SlicesSuffice")
                require(part.reason != "NotLiquidatable", part.reason)
            cost = notional = 0
            for held in self.core.held[account]:
                require(self._brake(held) <= AUCTION_ONLY, "Paused")
                size = self.core.size_of(account, held)
                mark, _ = self.oracle.latest(words.underlying_of(held), self.host.now)
                cost += self._cost_up(-size, self._quote(held, -size, mark, 0), mark)
                notional += div_up(abs(size) * mark, WAD)
            start = min(max(0, div_up(cost * PPM, notional)), PPM)
            self.states[account] = replace(self.states[account], start=start, opened=self.host.now)
            return start

    def _is_hedged(self, account: int, feed: int) -> bool:
        """Whether it is long and short at once: closing one of both may help nobody."""
        held = [i for i in self.core.held[account] if words.underlying_of(i) == feed]
        return len({self.core.size_of(account, i) > 0 for i in held}) == 2

    def bid(
        self,
        account: int,
        bidder: int,
        most: int,
        least_discount: int,
        deadline: int,
        first: int,
        sender: int,
    ) -> tuple[int, int]:
        """Notional taken, and what the fund paid."""
        with self.host.call():
            require(self.host.now <= deadline, "TooLate")
            require(self.core.may(bidder, sender, TRADE_RIGHT), "NotPermitted")
            require(self._runs(account), "NoAuction")
            lot = self._lot(account, first, self._end(self.core.held[account], first))
            insolvent = lot.equity < 0 and self.fund is not None
            total = self._discount(account, lot.limit + (FUND_EXTRA if insolvent else 0))
            discount = min(total, lot.limit)
            cost = div_up(lot.notional * discount, PPM)
            fraction, restores = self._fraction(lot, cost, most)
            fills, closed, whole = [], 0, lot.all
            for leg in lot.legs:
                size = self._part(leg, fraction)
                whole = whole and size == -leg.size
                if size == 0:
                    continue
                closed += div_down(abs(size) * leg.mark, WAD)
                cut = div_down(leg.mark * discount, PPM)
                price = leg.mark - cut if size < 0 else leg.mark + cut
                fills.append(Fill(account, bidder, leg.instrument, size, price, 0))
            require(closed >= lot.least or whole, "BelowMinimum")
            if whole or (restores and lot.all):
                self.states[account] = State(rewarded=self.states[account].rewarded)
            self.core.clear(fills, self.address)
            paid = 0
            if total > discount:
                assert self.fund is not None
                owed = min(-lot.equity, div_down(closed * (total - discount), PPM))
                paid = self.fund.pay_bidder(bidder, owed, self.address)
            require(closed * discount + paid * PPM >= closed * least_discount, "LimitBroken")
            if whole and self._books(account):
                self._absorb()
            return closed, paid

    def _lot(self, account: int, first: int, end: int) -> Lot:
        """The legs from a place to another."""
        equity, _, maintenance, notional = self.core.health(account)
        require(equity < maintenance, "NotLiquidatable")
        ids = self.core.held[account]
        # who can pay for itself never ends below zero for a bidder's sake
        limit = div_down((maintenance if equity < 0 else equity) * PPM, notional)
        legs = []
        for instrument in ids[first:end]:
            require(self._brake(instrument) <= AUCTION_ONLY, "Paused")
            mark, _ = self.oracle.latest(words.underlying_of(instrument), self.host.now)
            size = self.core.size_of(account, instrument)
            trade, limits = self.core.trade[instrument], self.core.limits[instrument]
            legs.append(Leg(instrument, size, mark, trade.minimum_notional))
            limit = min(limit, limits.max_cost, trade.band)
        return Lot(
            tuple(legs),
            first == 0 and end == len(ids),
            equity,
            maintenance,
            notional,
            max(self.core.limits[leg.instrument].buffer for leg in legs),
            max(0, limit - 1),
            max(leg.least for leg in legs),
        )

    @staticmethod
    def _end(ids: Sequence[int], first: int) -> int:
        """Behind the last leg of a lot: as many whole underlyings as eight legs hold."""
        if len(ids) <= MOST_LEGS:
            require(first == 0, "OutOfBounds")
            return len(ids)
        feeds = [words.underlying_of(instrument) for instrument in ids]
        begins = first == 0 or (first < len(ids) and feeds[first] != feeds[first - 1])
        require(first < len(ids) and begins, "OutOfBounds")
        end = min(len(ids), first + MOST_LEGS)
        bounds = [
            at for at in range(first + 1, end + 1) if at == len(ids) or feeds[at] != feeds[at - 1]
        ]
        return bounds[-1] if bounds else end

    @staticmethod
    def _fraction(lot: Lot, cost: int, most: int = 2**256 - 1) -> tuple[int, bool]:
        """Of each position, 1e-18; whether it restores maintenance and buffer."""
        goal = target(lot.maintenance, lot.buffer)
        missing = goal - lot.equity
        relief = goal - cost
        needed = WAD
        if relief > missing:
            needed = max(div_up(WAD * missing, relief), div_up(lot.least * WAD, lot.notional))
            needed = min(WAD, needed)
        bound = div_down(min(most, 2**120) * WAD, lot.notional)
        return (bound, False) if bound < needed else (needed, True)

    @staticmethod
    def _part(leg: Leg, fraction: int) -> int:
        """Change of the position; all of it where less than the minimum would be left."""
        part = div_down(abs(leg.size) * fraction, WAD)
        if div_down((abs(leg.size) - part) * leg.mark, WAD) < leg.least:
            part = abs(leg.size)
        return -part if leg.size > 0 else part

    def end_auction(self, account: int) -> None:
        with self.host.call():
            require(self.states[account].opened != 0, "NoAuction")
            equity, _, maintenance, _ = self.core.health(account)
            require(equity >= maintenance, "AuctionRuns")
            self.states[account] = State(rewarded=self.states[account].rewarded)

    def takeover(self, account: int, instrument: int, keeper_account: int) -> int:
        """The vault takes the underlying's positions outside the buckets; notional closed."""
        return self._resolve(account, instrument, keeper_account, False)

    def deleverage(self, account: int, instrument: int, keeper_account: int) -> int:
        """What the vault cannot take goes to the other side's positions, at mark."""
        return self._resolve(account, instrument, keeper_account, True)

    def _resolve(self, account: int, instrument: int, keeper: int, shared: bool) -> int:
        with self.host.call():
            failed = self.host.now >= self.states[account].opened + self.t2
            require(self._runs(account) and failed, "NoAuction")
            feed = words.underlying_of(instrument)
            ids = self.core.held[account]
            places = [at for at, held in enumerate(ids) if words.underlying_of(held) == feed]
            require(bool(places), "NotLiquidatable")
            lot = self._lot(account, places[0], min(places[-1] + 1, places[0] + MOST))
            cost = 0
            if not shared:
                for leg in lot.legs:
                    price = self._quote(leg.instrument, -leg.size, leg.mark, 0)
                    cost += self._cost_up(-leg.size, price, leg.mark)
            fraction, restores = self._fraction(lot, cost)

            fills: list[Fill] = []
            closed = earned = penalty = cost = 0
            pool = words.pool(self.vault.address, feed)
            for leg in lot.legs:
                size = self._part(leg, fraction)
                if size == 0:
                    continue
                limits = self.core.limits[leg.instrument]
                taken = size
                if not self._vault_takes(leg.instrument, size):
                    require(shared, "VaultFull")
                    taken = self._relief(leg.instrument, leg.size, size, leg.mark)
                notional = div_down(abs(size) * leg.mark, WAD)
                closed += notional
                earned += self._least_reward(notional, limits)
                penalty += div_down(notional * limits.penalty, PPM)
                if taken:
                    price = self._quote(leg.instrument, taken, leg.mark, 0)
                    cost += self._cost_up(taken, price, leg.mark) + SLACK
                    fills.append(Fill(account, pool, leg.instrument, taken, price, 0))
                    self._draw(leg.instrument, abs(taken), bucketed=False)
                if taken != size:
                    rest = size - taken
                    backstop = self.core.backstop
                    fills.append(Fill(account, backstop, leg.instrument, rest, leg.mark, 0))
            require(not shared or any(fill.maker != pool for fill in fills), "VaultTakes")
            require(bool(fills), "BelowMinimum")
            if not shared and lot.equity > 0:
                room = div_down(lot.equity * closed, lot.notional) - cost
                penalty = max(0, min(penalty, room))
                fills[0] = fills[0]._replace(fee=penalty)
                earned = max(earned, penalty)
            last = self.core.limits[fills[-1].instrument]
            reward = self._reward(account, last, earned)
            state = self.states[account]
            if reward:
                state = replace(state, rewarded=self.host.now)
                fills.append(Fill(pool, keeper, 0, 0, 0, reward))
            if restores and lot.all:
                state = State(rewarded=state.rewarded)
            if state != self.states[account]:
                self.states[account] = state
            self.core.clear(fills, self.address)
            if not self.core.held[account] and self._books(account):
                self._absorb()
            return closed

    def _relief(self, instrument: int, held: int, size: int, mark: int) -> int:
        """What of a fill makes the vault's position smaller; all, where a crumb would be left."""
        skew = self.core.interest[instrument].skew
        if skew * size >= 0:
            return 0
        taken = min(abs(size), abs(skew))
        if (abs(held) - taken) * mark < self.core.trade[instrument].minimum_notional * WAD:
            return size
        return taken if size > 0 else -taken

    def _vault_takes(self, instrument: int, size: int) -> bool:
        """Whether its position becomes smaller, or stays within its cap while it covers stress."""
        interest = self.core.interest[instrument]
        after = abs(interest.skew + size)
        if after <= abs(interest.skew):
            return True
        cap = interest.scaled_down(self.core.trade[instrument].hard_cap)
        return after <= cap and self.vault.covers_stress()[0]

    # Governance

    def set_bucket(self, instrument: int, size: int, window: int, sender: int) -> None:
        with self.host.call():
            require(sender == self.owner, "NotOwner")
            require(self.core.risk[instrument] is not None, "NotListed")
            require(500 <= size <= PPM and 10 <= window <= 3600, "OutOfBounds")
            drawn, _ = self._drawn(instrument)
            liquidated = self.buckets[instrument].liquidated
            self.buckets[instrument] = Bucket(liquidated, drawn, window, size, self.host.now)
