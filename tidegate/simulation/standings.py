"""How every account of a crowd stands, in arrays: who need be looked at, and who is warned.

Floats, and never what decides: the chain judges each action, the keeper's decision is made from
what the chain says of the few accounts that this picks.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from tidegate.client.units import human
from tidegate.client.venue import Venue
from tidegate.keepers.journal import Journal
from tidegate.keepers.liquidator import Candidate
from tidegate.spec.rounding import PPM, WAD
from tidegate.spec.words import Risk

READ_AT_ONCE = 64  # accounts per call of the lens
NEAR = 1.03  # equity over maintenance under which the chain is asked


class Standings:
    """Cash and sizes of all accounts as last read, valued at any price."""

    def __init__(self, venue: Venue, journal: Journal, accounts: Sequence[int]) -> None:
        self.venue = venue
        self.journal = journal
        self.accounts = list(accounts)
        self.row = {account: number for number, account in enumerate(accounts)}
        self.instruments = [market.instrument for market in venue.markets.values()]
        self.cash = np.zeros(len(accounts))
        self.sizes = np.zeros((len(accounts), len(self.instruments)))
        risks = [Risk.unpack(venue.core.call("risk_word", one)) for one in self.instruments]
        self.shock = np.array([risk.maintenance_shock / PPM for risk in risks])
        self.base = np.array([risk.contingency / PPM for risk in risks])
        # contingency grows with |size| over the market's depth
        self.slope = np.array(
            [risk.size_slope / PPM / float(human(risk.scale, 6)) for risk in risks]
        )

    def refresh(self, accounts: Iterable[int]) -> None:
        """Read again the cash of what changed; sizes are the journal's."""
        ours = [account for account in accounts if account in self.row]
        for at in range(0, len(ours), READ_AT_ONCE):
            for health in self.venue.lens_accounts.call("health", ours[at : at + READ_AT_ONCE]):
                row = self.row[health.account]
                self.cash[row] = health.cash / WAD
                held = self.journal.sizes.get(health.account, {})
                self.sizes[row] = [held.get(one, 0) / WAD for one in self.instruments]

    def margin(self, prices: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
        """Equity and maintenance of each account, funding left out."""
        marks = np.asarray(prices)
        notional = np.abs(self.sizes) * marks
        ratio = np.minimum(self.shock, self.base + self.slope * np.abs(self.sizes))
        equity = self.cash + self.sizes @ marks
        return equity, (notional * (self.shock + ratio)).sum(axis=1)

    def under(self, prices: Sequence[float], factor: float) -> np.ndarray:
        """Rows of those with a position and equity below factor times maintenance."""
        equity, maintenance = self.margin(prices)
        return np.flatnonzero((maintenance > 0) & (equity < factor * maintenance))

    def candidates(self, rows: Iterable[int], marks: dict[int, int]) -> list[Candidate]:
        """What the chain says of these accounts now, for the keeper's decision."""
        accounts = [self.accounts[row] for row in rows]
        found = []
        for at in range(0, len(accounts), READ_AT_ONCE):
            for health in self.venue.lens_accounts.call("health", accounts[at : at + READ_AT_ONCE]):
                sizes = self.journal.sizes.get(health.account, {})
                notionals = {one: abs(size) * marks[one] // WAD for one, size in sizes.items()}
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
