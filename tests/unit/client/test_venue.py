"""The SDK on a deployed exchange: Decimals in, calls with integers out, Decimals back."""

from decimal import Decimal

import pytest

from tidegate.client import snapshots
from tidegate.client.orders import Domain
from tidegate.client.venue import FOREVER, SLIPPAGE, Venue
from tidegate.spec import words

WAD = 10**18


@pytest.fixture
def venue(system):
    return Venue.of(system.deployment)


def test_constants_are_read_from_the_chain(venue, system):
    assert venue.slot_seconds == system.config.slot_seconds
    assert venue.window == system.config.window
    assert venue.epoch_seconds == system.config.epoch_seconds
    assert venue.token_decimals == 6
    assert venue.max_ages == {1: 60, 2: 60}
    assert venue.max_steps == {1: 50_000, 2: 50_000}
    assert venue.market_of(128).name == "ETH-PERP"
    assert venue.markets["BTC-PERP"].feed == 1


def test_tokens_are_rounded_down_to_the_tokens_decimals(venue):
    assert venue.tokens(Decimal("1.0000019")) == 1_000_001


def test_deposit_is_seen_in_the_snapshot(venue, system, trader):
    system.mint(trader, 1000)
    account = words.account(trader, 3)
    call = venue.deposit(account, trader, Decimal("250.5"))
    assert call.label == "deposit"
    venue.chain.send(call.call)
    seen = snapshots.account(venue, account)
    assert (seen.cash, seen.principal, seen.equity) == (Decimal("250.5"),) * 3
    assert seen.positions == {}
    assert seen.leverage == 0
    venue.chain.send(venue.withdraw(account, trader, Decimal("50.5")).call)
    assert snapshots.account(venue, account).cash == 200


def test_immediate_order_has_a_limit_around_the_price(venue):
    buy = venue.order(7, "BTC-PERP", Decimal(2), Decimal(60_000), now=1000)
    sell = venue.order(7, "BTC-PERP", Decimal(-2), Decimal(60_000), now=1000)
    assert buy.limit == int(Decimal(60_000) * (1 + SLIPPAGE)) * WAD
    assert sell.limit == int(Decimal(60_000) * (1 - SLIPPAGE)) * WAD
    assert (buy.size, sell.size) == (2 * WAD, -2 * WAD)
    assert buy.expiry == 1000 + 2 * venue.slot_seconds + venue.window
    assert not buy.resting


def test_orders_on_their_way_have_places_of_their_own(venue):
    numbers = [
        venue.order(account, "BTC-PERP", Decimal(1), Decimal(1), now=0).nonce
        for account in (1, 1, 2, 1)
    ]
    assert numbers == [0, 256 + 1, 0, 2 * 256 + 2]


def test_the_next_order_takes_the_free_place_with_the_largest_stake(venue, funded, trader):
    account = funded.fund(trader, 10_000)

    def placed(size: str):
        price = Decimal(60_000)
        order = venue.order(account, "BTC-PERP", Decimal(size), price, venue.chain.time())
        venue.chain.send(venue.place(order, trader).call)
        return order

    small, large, open_still = placed("0.1"), placed("0.3"), placed("0.2")
    assert [order.place for order in (small, large, open_still)] == [0, 1, 2]
    for order in (small, large):
        funded.exchange.transact("cancel", order, sender=trader)
    cash = funded.cash(account)
    assert placed("0.3").place == large.place
    assert funded.cash(account) == cash
    assert placed("0.1").place == small.place
    assert funded.cash(account) == cash
    assert placed("0.1").place == 3


def test_a_stake_is_released(venue, funded, trader):
    account = funded.fund(trader, 10_000)
    order = venue.order(account, "BTC-PERP", Decimal(1), Decimal(60_000), venue.chain.time())
    venue.chain.send(venue.place(order, trader).call)
    funded.exchange.transact("cancel", order, sender=trader)
    assert funded.cash(account) < 10_000 * WAD
    venue.chain.send(venue.release(account, order.place, trader).call)
    assert funded.cash(account) == 10_000 * WAD


def test_resting_order_keeps_its_price_and_lifetime(venue):
    order = venue.order(
        7,
        "ETH-PERP",
        Decimal(1),
        Decimal(3000),
        now=1000,
        rest_at=Decimal("2950.5"),
        lifetime=600,
    )
    assert order.limit == 29505 * WAD // 10
    assert order.resting
    assert order.expiry == 1600


def test_placed_order_hashes_as_the_client_says(venue, funded, trader):
    account = funded.fund(trader, 10_000)
    order = venue.order(account, "BTC-PERP", Decimal("0.1"), Decimal(60_000), venue.chain.time())
    receipt = venue.chain.send(venue.place(order, trader).call)
    placed = receipt.one("Placed").args
    domain = Domain(venue.chain.chain_id, venue.exchange.address)
    assert bytes(placed.order_hash) == domain.hash(order)


def test_market_snapshot(venue, system):
    seen = snapshots.market(venue, "ETH-PERP")
    assert seen.price == 3000
    assert (seen.long_side, seen.short_side, seen.skew) == (0, 0, 0)
    assert seen.funding_rate == 0


def test_vault_may_move_after_the_permit(venue, liquidity_provider):
    venue.chain.send(venue.permit_vault(liquidity_provider).call)
    account = words.account(liquidity_provider)
    assert venue.core.call("may", account, venue.vault.address, 2) is True
    assert venue.core.call("may", account, venue.vault.address, 1) is False
    assert venue.chain.time() < FOREVER
