"""The preview tells the clearing house's rules a second time: both judge the same random orders."""

import random
from collections import Counter
from decimal import Decimal

from tests.harness.system import BTC, ETH, System
from tests.unit.lens.conftest import View
from tidegate.client.errors import ProtocolError, name_of
from tidegate.client.orders import Order
from tidegate.spec.rounding import WAD

ROUNDS = 500
SUBS = 6


def is_short(system: System, account: int) -> bool:
    equity, initial, _, notional = system.health(account)
    return notional > 0 and equity < initial


def random_order(rng: random.Random, system: System, account: int) -> Order:
    instrument = rng.choice((BTC, BTC, ETH))
    price = system.prices[instrument // 64]
    held = system.size(account, instrument)
    if held and rng.random() < 0.6:
        size = -held * rng.choice((1, 2, 3, 4, 6)) // 4
    else:
        notional = rng.choice((50, 120, 3_000, 20_000, 90_000, 400_000, 3_000_000))
        size = rng.choice((1, -1)) * notional * WAD * WAD // price
    reach = Decimal(rng.choice(("1.1", "1.1", "1.1", "1.0004")))
    changes = {
        "limit": int(price * reach if size > 0 else price / reach),
        "keeper_fee": WAD * rng.choice((1, 1, 1, 50)),
        "reduce_only": rng.random() < (0.7 if is_short(system, account) else 0.2),
    }
    return system.order(account, instrument, Decimal(size) / WAD, **changes)


def place(system: System, order: Order) -> str:
    try:
        system.place(order)
    except ProtocolError as refusal:
        return refusal.name
    return ""


def execute(view: View, order: Order) -> tuple[str, str]:
    """What happened; the preview said the same."""
    system = view.system
    slot = system.exchange.call("order_word", order.account, order.place) >> 8 & 2**32 - 1
    system.chain.set_time(max(system.now, slot * system.config.slot_seconds))
    system.refresh()
    supposed = system.oracle.call("slot_price", order.feed, slot)[0]
    seen = view.preview(order, supposed)
    said = [name_of(refusal) for refusal in seen.refusals]
    keeper = system.account(system.actor("keeper"))
    receipt = system.exchange.transact("execute", order, keeper)
    if not receipt.named("Executed"):
        reason = name_of(receipt.one("Ended").args.reason)
        assert reason in said
        return "ended", reason
    assert said == []
    filled = receipt.one("Filled").args
    assert (filled.size, filled.price) == (seen.size, seen.price)
    equity, initial, maintenance, notional = system.health(order.account)
    assert (seen.equity, seen.maintenance, seen.notional) == (equity, maintenance, notional)
    # the crowding add-on is asked of the fill only
    assert 0 <= seen.initial - initial <= notional * 20_000 // 10**6
    return "filled", "by relief" if equity < initial else "at margin"


def test_random_orders(funded: System, trader: str):
    system, rng = funded, random.Random(2)
    accounts = [
        system.fund(trader, rng.choice((150, 1_000, 10_000, 150_000)), sub) for sub in range(SUBS)
    ]
    system.fund(system.actor("keeper"), 10)
    view = View(system, accounts[0])
    seen: Counter[tuple[str, str]] = Counter()
    for turn in range(ROUNDS):
        account = rng.choice(accounts)
        short = [other for other in accounts if is_short(system, other)]
        if short and rng.random() < 0.5:
            account = rng.choice(short)
        if turn % 50 == 0:
            system.fund(trader, 20_000, rng.randrange(SUBS))
        if turn % 4 == 0:
            feed = rng.choice((1, 2))
            price = system.prices[feed] * rng.choice((92, 96, 98, 99, 101, 102, 105)) // 100
            system.move(feed * 64, Decimal(price) / WAD)
        if turn % 37 == 0:
            system.chain.advance(70)  # stale
        order = random_order(rng, system, account)
        said = view.refusals(order)
        refusal = place(system, order)
        if refusal:
            assert refusal in said
            seen["not placed", refusal] += 1
        else:
            seen[execute(view, order)] += 1
    for outcome in (
        ("not placed", "InsufficientMargin"),
        ("not placed", "StalePrice"),
        ("ended", "BelowMinimum"),
        ("ended", "InsufficientMargin"),
        ("ended", "LimitBroken"),
        ("ended", "NothingToReduce"),
        ("filled", "at margin"),
    ):
        assert seen[outcome] >= 5, (outcome, seen)


def test_reducing_below_initial_margin(view: View):
    """From just below initial margin to below zero, cheap and dear, a little and all."""
    system = view.system
    seen: Counter[tuple[str, str]] = Counter()
    for price in (43_500, 42_500, 41_500, 40_600, 40_500, 40_300, 38_000):
        system.move(BTC, price)
        for size in ("-0.05", "-0.3", "-0.5"):
            for fee in (WAD // 2, 50 * WAD):
                checkpoint, prices = system.chain.snapshot(), dict(system.prices)
                order = system.order(view.account, BTC, size, reduce_only=True, keeper_fee=fee)
                assert place(system, order) == ""
                seen[execute(view, order)] += 1
                system.chain.restore(checkpoint)
                system.prices = prices
                for signer in system.signers.quorum:
                    signer.signed.clear()
    assert seen["filled", "by relief"] >= 10, seen
    assert seen["ended", "InsufficientMargin"] >= 5, seen
