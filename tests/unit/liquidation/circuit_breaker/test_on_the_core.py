"""The breaker as it is deployed: it lives off the real meters, the core and the Liquidator obey."""

from dataclasses import dataclass

import pytest

from tests.harness.reverts import reverts
from tests.harness.system import BTC, ETH, System
from tidegate.chain import Receipt
from tidegate.client.errors import name_of
from tidegate.spec.breaker import Level
from tidegate.spec.words import Risk


@dataclass
class Market:
    """BTC-PERP with a long of one unit that little secures; a sample of the price at 60,000."""

    system: System
    account: int
    keeper: str

    def fall(self, price: int) -> int:
        """The level that a poke sets at a price, as the core keeps it."""
        self.system.move(BTC, price)
        level = self.system.deployment.breaker.transact("poke", BTC).returned
        assert level == self.level
        return level

    @property
    def level(self) -> int:
        return Risk.unpack(self.system.core.call("risk_word", BTC)).brake

    def liquidate(self) -> Receipt:
        keeper_account = self.system.account(self.keeper)
        args = ([self.account], [BTC], keeper_account)
        return self.system.liquidator.transact("liquidate", *args, sender=self.keeper)

    def call(self, fn: str, *args: object) -> Receipt:
        return self.system.liquidator.transact(fn, *args, sender=self.keeper)


@pytest.fixture
def market(funded: System, trader: str, keeper: str) -> Market:
    account = funded.fund(trader, 4_500)
    funded.trade(account, BTC, 1)
    market = Market(funded, account, keeper)
    assert funded.deployment.breaker.transact("poke", BTC).returned == Level.NORMAL
    return market


def refused(receipt: Receipt) -> str:
    return name_of(receipt.one("Ended").args.reason)


def test_throttled_it_refuses_skew_and_lets_reductions_pass(market: Market, counterparty: str):
    system = market.system
    other = system.fund(counterparty, 100_000)
    assert market.fall(58_400) == Level.THROTTLED
    assert refused(system.trade(other, BTC, 1)) == "SkewCap"
    # the other side adds no skew
    assert system.trade(other, BTC, "-0.5").one("Executed")
    order = system.order(market.account, BTC, "-0.25", reduce_only=True)
    system.place(order)
    assert system.execute(order).one("Executed")
    assert system.size(market.account, BTC) == 75 * 10**16


def test_reduce_only_it_refuses_both_sides_and_slices_go_on(market: Market, counterparty: str):
    system = market.system
    other = system.fund(counterparty, 100_000)
    assert market.fall(57_000) == Level.REDUCE_ONLY
    for size in (1, "-0.5"):
        assert refused(system.trade(other, BTC, size)) == "Paused"
    assert market.liquidate().one("Sliced").args.account == market.account
    # the other market is another's
    assert system.trade(other, ETH, 1).one("Executed")


def test_auction_only_it_keeps_slices_off_the_vault(market: Market):
    assert market.fall(55_100) == Level.AUCTION_ONLY
    with reverts("Paused"):
        market.liquidate()
    market.call("open_auction", market.account, BTC).one("AuctionOpened")


def test_halted_nothing_is_liquidated_and_the_trader_may_still_close(market: Market, trader: str):
    system = market.system
    assert market.fall(50_900) == Level.HALTED
    with reverts("Paused"):
        market.liquidate()
    with reverts("Paused"):
        market.call("open_auction", market.account, BTC)
    system.fund(trader, 20_000)
    assert system.trade(market.account, BTC, -1).one("Executed")
    assert system.size(market.account, BTC) == 0


def test_a_halt_ends_and_its_poke_lets_auctions_open(market: Market):
    system = market.system
    assert market.fall(50_900) == Level.HALTED
    system.pass_time(600)
    assert system.deployment.breaker.transact("poke", BTC).returned == Level.AUCTION_ONLY
    assert market.level == Level.AUCTION_ONLY
    market.call("open_auction", market.account, BTC).one("AuctionOpened")


def test_its_meters_are_the_real_contracts(market: Market):
    system = market.system
    assert market.fall(57_000) == Level.REDUCE_ONLY
    market.liquidate()
    assert system.liquidator.call("liquidated", BTC) > 0
    price, skew, liquidated, drawn, silent = system.deployment.breaker.call("readings", BTC)
    assert (price, skew, liquidated, drawn) == (50, 0, 0, 0)
    # a fund without shareholders says nothing of what was drawn
    assert silent == 4


def test_only_the_breaker_sets_brakes(market: Market, attacker: str):
    with reverts("NotVenue"):
        market.system.core.transact("set_brake", BTC, 4, sender=attacker)
