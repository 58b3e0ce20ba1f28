"""An owner who alone executes makes his own order fail, once he has seen where the price went."""

from decimal import Decimal

import pytest

from tests.attacks.conftest import trade, wealth
from tests.harness.system import BTC, System, wad
from tidegate.client.errors import name_of
from tidegate.client.orders import Order
from tidegate.spec.rounding import WAD


@pytest.fixture
def accounts(funded: System, attacker: str) -> tuple[int, int, int]:
    """Who holds most of the soft cap, who takes the option, who makes it fail."""
    holder = funded.fund(attacker, 3_000_000, sub=1)
    optioned = funded.fund(attacker, 1_000_000, sub=2)
    spoiler = funded.fund(attacker, 100_000, sub=3)
    trade(funded, holder, 210)
    return holder, optioned, spoiler


def lapse_fee(system: System, size: int, price: int) -> int:
    """1e-18: of the notional at the price in force when it ends."""
    return int(Decimal(size) * price * Decimal(system.config.lapse_ratio) * WAD)


def see(system: System, slots: int, price: int) -> None:
    """Some slots later, with their price known."""
    system.next_slot(slots)
    system.prices[1] = wad(price)
    system.refresh()


def execute(system: System, order: Order, owner: str) -> tuple[str, int]:
    """By the owner, for himself: why it ended ("" for a fill), and what went to the vault."""
    receipt = system.exchange.transact("execute", order, order.account, sender=owner)
    if receipt.named("Executed"):
        return "", 0
    ended = receipt.one("Ended").args
    return name_of(ended.reason), ended.lapse_fee


def test_the_skew_cap_filled_by_oneself_costs_the_lapse_fee(
    funded: System, accounts, attacker: str
):
    """The price fell: a fill of 120 dollars was to turn 2.4 million into a refund."""
    _, optioned, spoiler = accounts
    option = funded.order(optioned, BTC, 40)
    spoil = funded.order(spoiler, BTC, Decimal("0.002"))
    held = funded.cash(optioned)
    funded.place(option)
    funded.place(spoil)
    see(funded, 1, 60_000)
    see(funded, 5, 59_400)
    assert execute(funded, spoil, attacker) == ("", 0)
    assert execute(funded, option, attacker) == ("SkewCap", lapse_fee(funded, 40, 59_400))
    assert funded.size(optioned, BTC) == 0
    funded.release(option)
    assert funded.cash(optioned) == held - lapse_fee(funded, 40, 59_400)


def test_the_same_order_gains_nothing_when_the_price_rose(funded: System, accounts, attacker: str):
    """The other side of the option: it fills at the price by then, with spread and premium."""
    _, optioned, _ = accounts
    option = funded.order(optioned, BTC, 40)
    start = wealth(funded, attacker, optioned)
    funded.place(option)
    see(funded, 1, 60_000)
    see(funded, 5, 60_600)
    volatility = funded.oracle.call("slot_price", 1, funded.slot)[1]
    asked = funded.vault.call("quote", BTC, wad(40), wad(60_600), volatility)
    receipt = funded.exchange.transact("execute", option, optioned, sender=attacker)
    assert receipt.one("Filled").args.price == asked > wad(60_600)
    funded.chain.advance(1)
    assert wealth(funded, attacker, optioned) < start


def test_a_limit_broken_by_ones_own_skew_costs_the_lapse_fee(funded: System, attacker: str):
    """Within its limit for the whole window, until a push of the skew by one coin breaks it."""
    optioned = funded.fund(attacker, 1_000_000, sub=2)
    spoiler = funded.fund(attacker, 100_000, sub=3)
    quote = funded.vault.call("quote", BTC, wad(40), wad(60_000), 0)
    option = funded.order(optioned, BTC, 40, limit=quote + wad(5))
    spoil = funded.order(spoiler, BTC, 1)
    held = funded.cash(optioned)
    funded.place(option)
    funded.place(spoil)
    see(funded, 1, 60_000)
    see(funded, 5, 59_400)
    assert execute(funded, spoil, attacker) == ("", 0)
    assert execute(funded, option, attacker) == ("LimitBroken", lapse_fee(funded, 40, 59_400))
    funded.release(option)
    assert funded.cash(optioned) == held - lapse_fee(funded, 40, 59_400)


@pytest.mark.parametrize("price", [59_400, 60_600])
def test_reduce_only_orders_are_no_free_straddle(funded: System, attacker: str, price: int):
    """Long and short at once, a reduce-only order on each in one slot; the loser lapses free."""
    long = funded.fund(attacker, 700_000, sub=1)
    short = funded.fund(attacker, 700_000, sub=2)
    trade(funded, long, 50)
    trade(funded, short, -50)
    start = wealth(funded, attacker, long, short)
    orders = [
        funded.order(account, BTC, size, reduce_only=True)
        for account, size in ((long, -50), (short, 50))
    ]
    for order in orders:
        funded.place(order)
    see(funded, 1, 60_000)
    see(funded, 5, price)
    winner, loser = orders if price < 60_000 else reversed(orders)
    assert execute(funded, winner, attacker) == ("", 0)
    see(funded, 20, price)
    assert execute(funded, loser, attacker) == ("TooLate", 0)
    last = funded.order(loser.account, BTC, Decimal(loser.size) / WAD, reduce_only=True)
    funded.place(last)
    see(funded, 1, price)
    assert execute(funded, last, attacker) == ("", 0)
    assert funded.size(long, BTC) == funded.size(short, BTC) == 0
    # a round of 50: at least twice fee and half spread of 3 million
    assert wealth(funded, attacker, long, short) < start - 2 * wad(2_400)


@pytest.mark.parametrize("price", [59_400, 60_600])
def test_a_resting_order_that_its_owner_breaks_frees_him_of_no_loss(
    funded: System, attacker: str, price: int
):
    """It rests again, whoever broke its quote; but its opposite has gained nothing by the wait."""
    long = funded.fund(attacker, 1_000_000, sub=1)
    short = funded.fund(attacker, 1_000_000, sub=2)
    spoiler = funded.fund(attacker, 1_000_000, sub=3)
    everything = (long, short, spoiler)
    limits = {40: 60_150, -40: 59_850}
    orders = [
        funded.order(account, BTC, size, limit=wad(limits[size]), resting=True)
        for account, size in ((long, 40), (short, -40))
    ]
    start = wealth(funded, attacker, *everything)
    for order in orders:
        funded.place(order)
    see(funded, 1, 60_000)
    for order in orders:
        funded.exchange.transact("wake", order, funded.slot, sender=attacker)
    up = price > 60_000
    spoil = funded.order(spoiler, BTC, -50 if up else 50)
    funded.place(spoil)
    see(funded, 1, 60_000)
    see(funded, 5, price)
    winner, loser = orders if up else reversed(orders)
    assert execute(funded, spoil, attacker) == ("", 0)
    for order in (winner, loser):
        receipt = funded.exchange.transact("execute", order, order.account, sender=attacker)
        receipt.one("Rested")
        funded.exchange.transact("cancel", order, sender=attacker)
    size = funded.size(spoiler, BTC)
    close = funded.order(spoiler, BTC, Decimal(-size) / WAD, reduce_only=True)
    funded.place(close)
    see(funded, 1, price)
    assert execute(funded, close, attacker) == ("", 0)
    assert wealth(funded, attacker, *everything) < start
