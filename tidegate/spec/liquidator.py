"""Slices of accounts below maintenance (contracts/liquidation/, ILiquidator.vyi).

A slice of notional n leaves E - c n and M - m n, so E' = M' (1 + b) at
n = (M (1 + b) - E) / (m (1 + b) - c); c is the quote cost of the whole leg and the penalty.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tidegate.client.errors import ProtocolError
from tidegate.spec import margin, words
from tidegate.spec.clearing import COLLATERAL, ClearingHouse, Fill
from tidegate.spec.exchange import refusal_of
from tidegate.spec.host import Host, Table, require
from tidegate.spec.oracle import VOLATILITY_UNIT, PriceOracle
from tidegate.spec.rounding import PPM, WAD, div_down, div_toward_zero, div_up
from tidegate.spec.vault import LiquidityVault

MOST = 7  # slices of a batch: the core takes eight fills, one is the keeper's payment
LEAST_REWARD_PART = 10  # of the penalty rate: an account with nothing left is closed too
SLACK = 4  # wei: the core rounds notional up twice and dues once


@dataclass(frozen=True, slots=True)
class Slice:
    """What is taken of a position, 1e-18; reward to the keeper from the vault."""

    size: int = 0  # change of the account's position
    price: int = 0
    penalty: int = 0
    reward: int = 0
    whole: bool = False


class Taken(NamedTuple):
    """A slice and whose it is."""

    account: int
    instrument: int
    part: Slice


@dataclass(slots=True)
class Outcome:
    """Of a call so far; the core's last refusal."""

    done: int = 0
    short: bool = False
    reason: str = "NotLiquidatable"


class Liquidator:
    """The contract's twin."""

    def __init__(
        self,
        host: Host,
        address: int,
        core: ClearingHouse,
        oracle: PriceOracle,
        vault: LiquidityVault,
        reward_window: int,
    ) -> None:
        self.host = host
        self.address = address
        self.core = core
        self.oracle = oracle
        self.vault = vault
        self.reward_window = reward_window
        self.last_reward: Table[int, int] = Table(host, 0)

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
                part = self.slice_of(account, instrument, sum(taken.part.size for taken in batch))
                if part.size:
                    batch.append(Taken(account, instrument, part))
            if batch:
                self._clear_batch(batch, keeper_account, outcome)
            require(outcome.done != 0, outcome.reason)
            if outcome.short:
                self.vault.absorb()
            return outcome.done

    def book(self, account: int) -> None:
        """The deficit of an account without positions, to the vault as far as it goes."""
        with self.host.call():
            self.core.book_deficit(account, COLLATERAL, self.address)
            self.vault.absorb()

    def slice_of(self, account: int, instrument: int, moved: int = 0) -> Slice:
        """Of size zero when the account is healthy or holds nothing of the instrument."""
        held = self.core.positions[account, instrument].size
        if held == 0:
            return Slice()
        equity, _, maintenance, gross = self.core.health(account)
        if equity >= maintenance:
            return Slice()
        mark, _ = self.oracle.latest(words.underlying_of(instrument), self.host.now)
        risk, limits = self.core.risk[instrument], self.core.limits[instrument]
        assert risk is not None
        least = self.core.trade[instrument].minimum_notional

        # the size that restores the buffer
        notional = div_down(abs(held) * mark, WAD)
        buffer = PPM + limits.buffer
        kept = div_down(notional * risk.maintenance_shock, PPM)
        kept += margin.contingency_up(held, mark, risk) - 1
        relief = div_down(kept * buffer, PPM)
        relief -= self._cost_up(-held, self._quote(instrument, -held, mark, moved), mark)
        relief -= div_up(notional * limits.penalty, PPM)
        missing = div_up(maintenance * buffer, PPM) - equity
        size, whole = abs(held), False
        if relief > missing:
            size = max(div_up(abs(held) * missing, relief), div_up(least * WAD, mark))
        if size >= abs(held) or div_down((abs(held) - size) * mark, WAD) < least:
            size, whole = abs(held), True
        change = -size if held > 0 else size
        price = self._quote(instrument, change, mark, moved)

        # min(penalty, E / N - quote cost), never negative; none without equity
        closed = div_down(size * mark, WAD)
        most = div_down(closed * limits.penalty, PPM)
        room = div_down(equity * closed, gross) - self._cost_up(change, price, mark) - SLACK
        penalty = max(0, min(most, room)) if equity > 0 else 0
        reward = 0
        if self.host.now >= self.last_reward[account] + self.reward_window:
            least_reward = div_toward_zero(most, LEAST_REWARD_PART)
            reward = min(limits.keeper_reward, max(penalty, least_reward))
        return Slice(change, price, penalty, reward, whole)

    def _quote(self, instrument: int, size: int, mark: int, moved: int) -> int:
        volatility = self.oracle.feeds[words.underlying_of(instrument)].volatility
        volatility *= VOLATILITY_UNIT
        return self.vault.quote(instrument, size, mark, volatility, moved)

    @staticmethod
    def _cost_up(size: int, price: int, mark: int) -> int:
        """What a taker of this size pays above the mark."""
        return div_up(size * (price - mark), WAD)

    def _clear_batch(self, batch: list[Taken], keeper: int, outcome: Outcome) -> None:
        """All of it at once; if the core refuses, one by one as they would be now."""
        refusal = self._clear(batch, keeper)
        if refusal and len(batch) > 1:
            for account, instrument, _ in batch:
                alone = [Taken(account, instrument, self.slice_of(account, instrument))]
                self._clear_batch(alone, keeper, outcome)
        elif refusal:
            outcome.reason = refusal
        else:
            outcome.done += len(batch)
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
            if part.reward:
                self.last_reward[account] = self.host.now
            cash = self.core.cash[account, COLLATERAL].cash
            if part.whole and not self.core.held[account] and cash < 0:
                self.core.book_deficit(account, COLLATERAL, self.address)
                outcome.short = True
