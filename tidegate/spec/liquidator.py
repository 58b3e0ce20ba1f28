"""Slices of accounts below maintenance (contracts/liquidation/, ILiquidator.vyi).

A slice of notional n leaves E - c n and M - m n, so E' = M' (1 + b) at
n = (M (1 + b) - E) / (m (1 + b) - c); c is the quote cost of the whole leg and the penalty.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tidegate.client.errors import ProtocolError
from tidegate.spec import margin, words
from tidegate.spec.clearing import COLLATERAL, ClearingHouse, Fill
from tidegate.spec.exchange import refusal_of
from tidegate.spec.host import Host, Table, require
from tidegate.spec.oracle import VOLATILITY_UNIT, PriceOracle
from tidegate.spec.rounding import PPM, WAD, div_down, div_toward_zero, div_up
from tidegate.spec.vault import LiquidityVault

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
        """One slice of one instrument of each account; how many were sliced."""
        with self.host.call():
            require(len(accounts) == len(instruments) != 0, "OutOfBounds")
            done, short, reason = 0, False, ""
            for account, instrument in zip(accounts, instruments, strict=True):
                part = self.slice_of(account, instrument)
                reason = "NotLiquidatable"
                if part.size:
                    reason = self._clear(account, instrument, part, keeper_account)
                if reason:
                    continue
                done += 1
                cash = self.core.cash[account, COLLATERAL].cash
                if part.whole and not self.core.held[account] and cash < 0:
                    self.core.book_deficit(account, COLLATERAL, self.address)
                    short = True
            require(done != 0, reason)
            if short:
                self.vault.absorb()
            return done

    def book(self, account: int) -> None:
        """The deficit of an account without positions, to the vault as far as it goes."""
        with self.host.call():
            self.core.book_deficit(account, COLLATERAL, self.address)
            self.vault.absorb()

    def slice_of(self, account: int, instrument: int) -> Slice:
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
        relief -= self._cost_up(-held, self._quote(instrument, -held, mark), mark)
        relief -= div_up(notional * limits.penalty, PPM)
        missing = div_up(maintenance * buffer, PPM) - equity
        size, whole = abs(held), False
        if relief > missing:
            size = max(div_up(abs(held) * missing, relief), div_up(least * WAD, mark))
        if size >= abs(held) or div_down((abs(held) - size) * mark, WAD) < least:
            size, whole = abs(held), True
        change = -size if held > 0 else size
        price = self._quote(instrument, change, mark)

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

    def _quote(self, instrument: int, size: int, mark: int) -> int:
        feed = self.oracle.feeds[words.underlying_of(instrument)]
        return self.vault.quote(instrument, size, mark, feed.volatility * VOLATILITY_UNIT)

    @staticmethod
    def _cost_up(size: int, price: int, mark: int) -> int:
        """What a taker of this size pays above the mark."""
        return div_up(size * (price - mark), WAD)

    def _clear(self, account: int, instrument: int, part: Slice, keeper: int) -> str:
        """The core's reason, "" when cleared."""
        pool = words.pool(self.vault.address, words.underlying_of(instrument))
        fills = [Fill(account, pool, instrument, part.size, part.price, part.penalty)]
        if part.reward:
            fills.append(Fill(pool, keeper, 0, 0, 0, part.reward))
        refusal = refusal_of(lambda: self.core.clear(fills, self.address))
        if refusal == "OutOfGas":
            raise ProtocolError(refusal)
        if refusal == "" and part.reward:
            self.last_reward[account] = self.host.now
        return refusal
