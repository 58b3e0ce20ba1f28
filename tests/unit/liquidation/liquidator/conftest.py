"""The liquidator in a whole exchange: a trader at 15 times leverage, and what stands around."""

from dataclasses import dataclass
from typing import Any

import pytest

from tests.harness.system import BTC, System
from tidegate.chain import Receipt
from tidegate.spec import words
from tidegate.spec.liquidator import State
from tidegate.spec.rounding import PPM, WAD, div_down, div_up
from tidegate.spec.words import Limits, Trade


@dataclass(frozen=True)
class Standing:
    """An account as the clearing house values it, 1e-18."""

    equity: int
    maintenance: int
    notional: int
    cash: int

    @property
    def lack(self) -> int:
        return self.maintenance - self.equity


@dataclass
class Desk:
    """Who liquidates whom."""

    system: System
    account: int
    keeper_account: int

    def standing(self, account: int | None = None) -> Standing:
        account = self.account if account is None else account
        equity, _, maintenance, notional = self.system.health(account)
        return Standing(equity, maintenance, notional, self.system.cash(account))

    def liquidate(self, *accounts: int, instrument: int = BTC, **options: Any) -> Receipt:
        accounts = accounts or (self.account,)
        return self.liquidate_each([(account, instrument) for account in accounts], **options)

    def liquidate_each(self, pairs: list[tuple[int, int]], **options: Any) -> Receipt:
        accounts, instruments = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        return self.system.liquidator.transact(
            "liquidate",
            accounts,
            instruments,
            options.pop("keeper_account", self.keeper_account),
            sender=self.system.actor("keeper"),
            **options,
        )

    def slice_of(self, account: int | None = None, instrument: int = BTC) -> tuple[int, ...]:
        account = self.account if account is None else account
        return self.system.liquidator.call("slice_of", account, instrument)

    def position(self, account: int | None = None, instrument: int = BTC) -> int:
        return self.system.size(self.account if account is None else account, instrument)

    def limits(self, instrument: int = BTC) -> Limits:
        return Limits.unpack(self.system.core.call("limits_word", instrument))

    def trade_terms(self, instrument: int = BTC) -> Trade:
        return Trade.unpack(self.system.core.call("trade_word", instrument))

    def mark(self, instrument: int = BTC) -> int:
        return self.system.oracle.call("latest", words.underlying_of(instrument))[0]

    def most_penalty(self, size: int, instrument: int = BTC) -> int:
        """The penalty rate on what a slice closes."""
        closed = div_down(abs(size) * self.mark(instrument), WAD)
        return div_down(closed * self.limits(instrument).penalty, PPM)

    def quote_cost(self, size: int, price: int, instrument: int = BTC) -> int:
        """What the vault's price takes from the account beyond the mark."""
        return div_up(size * (price - self.mark(instrument)), WAD)


@dataclass
class Floor(Desk):
    """A desk with an account that is more than the bucket holds, and a bidder."""

    bidder: int

    def bucket(self, instrument: int = BTC) -> tuple[int, int]:
        return self.system.liquidator.call("bucket", instrument)

    def state(self, account: int | None = None) -> State:
        account = self.account if account is None else account
        return State.unpack(self.system.liquidator.call("state_word", account))

    def open(self, account: int | None = None, instrument: int = BTC) -> Receipt:
        account = self.account if account is None else account
        return self.system.liquidator.transact("open_auction", account, instrument)

    def bid(self, **changes: Any) -> Receipt:
        terms = {"most": 2**255, "least": 0, "deadline": 2**40, "first": 0}
        terms |= {"account": self.account, "bidder": self.bidder} | changes
        names = ("account", "bidder", "most", "least", "deadline", "first")
        sender = changes.get("sender", self.system.actor("bidder"))
        args = [terms[name] for name in names]
        return self.system.liquidator.transact("bid", *args, sender=sender)

    def later(self, seconds: int) -> None:
        """The same prices, fresh."""
        self.system.pass_time(seconds - 1)

    def at(self, seconds: int) -> None:
        """So long after the auction was opened, prices fresh."""
        if seconds:
            self.system.chain.set_time(self.state().opened + seconds - 1)
            self.system.refresh()

    @property
    def t2(self) -> int:
        return self.system.liquidator.call("T2")


@pytest.fixture
def floor(funded: System, trader: str, keeper: str) -> Floor:
    """The trader holds 6 BTC on 24,000; slices may take 2.5 BTC a minute; a bidder has 100,000."""
    funded.govern(funded.liquidator, "set_bucket", BTC, 500, 60)
    account = funded.fund(trader, 24_000)
    bidder = funded.fund(funded.actor("bidder"), 100_000)
    funded.trade(account, BTC, "6")
    return Floor(funded, account, funded.fund(keeper, 10), bidder)


@pytest.fixture
def auction(floor: Floor) -> Floor:
    """Equity positive, below maintenance, the bucket empty, its auction just opened."""
    floor.system.move(BTC, 57_000)
    floor.liquidate()
    floor.open()
    return floor


@pytest.fixture
def desk(funded: System, trader: str, keeper: str) -> Desk:
    """The trader holds half a BTC on 2,000; the keeper 10."""
    account = funded.fund(trader, 2_000)
    keeper_account = funded.fund(keeper, 10)
    funded.trade(account, BTC, "0.5")
    return Desk(funded, account, keeper_account)
