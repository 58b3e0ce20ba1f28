"""What a preview names, one condition at a time; the chain itself is asked in the file beside."""

from dataclasses import replace

import pytest

from tests.harness.system import BTC, ETH, wad
from tidegate.client.errors import selector
from tidegate.spec.rounding import WAD, div_up


def test_an_order_that_would_fill(view):
    system = view.system
    order = system.order(view.account, BTC, "0.1")
    seen = view.preview(order)
    assert seen.refusals == []
    assert seen.order_hash == system.exchange.call("order_hash", order)
    assert seen.size == wad("0.1")
    assert seen.price == system.vault.call("quote", BTC, wad("0.1"), wad(60_000), 0)
    assert seen.fee == div_up(wad("0.1") * seen.price * 500, WAD * 10**6)
    assert seen.lapse_fee == wad(18)
    system.place(order)
    assert system.stake(order) == seen.lapse_fee + wad(system.config.min_keeper_fee)
    filled = system.execute(order).one("Filled").args
    assert (filled.size, filled.price) == (seen.size, seen.price)
    equity, _, maintenance, notional = system.health(view.account)
    assert (seen.equity, seen.maintenance, seen.notional) == (equity, maintenance, notional)


def test_initial_margin_has_the_crowding_add_on(view):
    order = view.system.order(view.account, BTC, 1)
    seen = view.preview(order)
    view.system.place(order)
    view.system.execute(order)
    _, initial, _, notional = view.system.health(view.account)
    # skew 1.5 of 250, long side 1.5 of 400: 2 % * 0.6 % of the BTC leg
    assert seen.initial - initial == wad(90_000) * 20_000 * 6_000 // 10**12
    assert seen.notional == notional


def test_fill_at_a_supposed_price(view):
    system = view.system
    order = system.order(view.account, BTC, "0.1")
    seen = view.preview(order, wad(61_000))
    assert seen.price == system.vault.call("quote", BTC, wad("0.1"), wad(61_000), 0)
    assert seen.notional == wad("0.6") * 61_000 + wad(12_000)


def test_reduce_only_is_cut_to_the_position(view):
    order = view.system.order(view.account, BTC, -2, reduce_only=True)
    seen = view.preview(order)
    assert (seen.refusals, seen.size, seen.lapse_fee) == ([], wad("-0.5"), 0)
    view.system.place(order)
    view.system.execute(order)
    assert seen.equity == view.system.health(view.account)[0]


def test_a_placed_order_is_not_charged_twice(view):
    order = view.system.order(view.account, BTC, "0.1")
    before = view.preview(order)
    view.system.place(order)
    after = view.preview(order)
    assert after.refusals == []
    assert (after.lapse_fee, after.equity) == (before.lapse_fee, before.equity)


def test_many_orders_in_a_call(view):
    good = view.system.order(view.account, BTC, "0.1")
    bad = replace(good, trigger=1)
    first, second = view("preview", [bad, good], [0, 0])
    assert (first.refusals, second.refusals) == ([selector("BadOrder")], [])


# Every condition by its name


@pytest.mark.parametrize(
    "change",
    [
        {"trigger": 1},
        {"trigger_price": 1},
        {"trail": 1},
        {"slot": 1},
        {"group": 1},
        {"size": 0},
        {"size": 2**96},
        {"size": -(2**96)},
        {"limit": 2**96},
        {"limit": 0},
        {"keeper_fee": wad("0.5") - 1},
        {"keeper_fee": wad(50) + 1},
    ],
    ids=str,
)
def test_bad_order(view, change):
    assert "BadOrder" in view.refusals(
        replace(view.system.order(view.account, BTC, "0.1"), **change)
    )


def test_not_listed(view):
    order = replace(view.system.order(view.account, BTC, "0.1"), instrument=BTC + 1)
    assert view.refusals(order) == ["NotListed"]
    order = replace(order, instrument=3 * 64)
    assert view.refusals(order) == ["NotListed", "NoPrice"]


def test_bad_price(view):
    order = view.system.order(view.account, BTC, "0.1")
    assert view.refusals(order, 2**90) == ["BadPrice"]


def test_order_exists(view):
    order = view.system.order(view.account, BTC, "0.1")
    view.system.place(order)
    assert view.refusals(replace(order, expiry=order.expiry + 1)) == ["OrderExists"]
    view.system.execute(order)
    assert view.refusals(order) == ["OrderExists"]
    assert view.refusals(replace(order, expiry=order.expiry + 1)) == []


def test_too_late(view):
    system = view.system
    opens = (system.slot + 1) * system.config.slot_seconds
    order = system.order(view.account, BTC, "0.1", expiry=opens)
    assert view.refusals(order) == []
    assert view.refusals(replace(order, expiry=opens - 1)) == ["TooLate"]


def test_too_late_after_the_window(view):
    system = view.system
    order = system.order(view.account, BTC, "0.1")
    system.place(order)
    opened = system.next_slot() * system.config.slot_seconds
    system.chain.set_time(opened + 30)
    assert view.refusals(order) == ["NoPrice"]
    assert view.refusals(order, system.prices[1]) == []  # prices that are known by then
    system.signers.push(1, system.prices[1], opened)
    assert view.refusals(order) == ["NoPrice"]
    system.signers.push(1, system.prices[1])
    assert view.refusals(order) == []
    system.chain.advance(1)
    assert view.refusals(order) == ["TooLate"]


def test_a_stake_that_lies_there_is_not_charged_again(view):
    system = view.system
    first = system.order(view.account, BTC, "0.1")
    second = replace(first, nonce=first.nonce + 256, size=wad("0.2"))
    alone = view.preview(second)
    system.place(first)
    system.exchange.transact("cancel", first, sender=system.actor("trader"))
    seen = view.preview(second)
    assert seen.equity == alone.equity  # 18.5 of 36.5 lies there already
    system.place(second)
    system.execute(second).one("Executed")
    assert system.health(view.account)[0] == seen.equity


def test_a_stake_that_covers_it_asks_for_no_margin_yet(view):
    """What pulls a stake below initial margin cannot be placed; what pulls none could."""
    system = view.system
    first = system.order(view.account, BTC, "0.1")
    system.place(first)
    system.exchange.transact("cancel", first, sender=system.actor("trader"))
    system.move(BTC, 43_000)
    same = replace(first, nonce=first.nonce + 256, limit=wad(50_000))
    reducing = replace(same, size=-same.size, limit=wad(40_000))
    equity, initial, _, _ = system.health(view.account)
    assert equity < initial
    assert view.refusals(same) == ["InsufficientMargin"]
    assert view.refusals(reducing) == []
    elsewhere = replace(reducing, nonce=reducing.nonce + 1)
    assert view.refusals(elsewhere) == ["InsufficientMargin"]
    system.place(reducing)
    system.execute(reducing).one("Executed")


def test_lapse_fee_of_a_placed_order_is_at_the_price_in_force(view):
    system = view.system
    order = system.order(view.account, BTC, "0.1", resting=True)
    system.place(order)
    assert view.preview(order).lapse_fee == wad(18)
    system.move(BTC, 59_000)
    assert view.preview(order).lapse_fee == wad("17.7")
    system.move(BTC, 61_000)
    assert view.preview(order).lapse_fee == wad(18)  # what lies there pays no more


def test_stake_above_the_payment_cap(view, counterparty):
    account = view.system.fund(counterparty, 1_000_000)
    assert view.refusals(view.system.order(account, BTC, 56)) == ["FeeTooHigh"]
    assert view.refusals(view.system.order(account, BTC, 55)) == []


def test_nothing_to_reduce(view):
    order = view.system.order(view.account, BTC, 1, reduce_only=True)
    assert view.refusals(order) == ["NothingToReduce"]


def test_limit_broken(view):
    order = view.system.order(view.account, BTC, "0.1")
    price = view.preview(order).price
    assert view.refusals(replace(order, limit=price)) == []
    assert view.refusals(replace(order, limit=price - 1)) == ["LimitBroken"]
    assert view.refusals(replace(order, limit=price), wad(60_001)) == ["LimitBroken"]


def test_venue_revoked(view, guardian):
    system = view.system
    system.govern(system.deployment.configurator, "set_guardian", guardian)
    system.deployment.configurator.transact(
        "revoke_venue", system.core.address, system.exchange.address, sender=guardian
    )
    assert view.refusals(system.order(view.account, BTC, "0.1")) == ["NotVenue"]


def test_paused_openings(view, guardian):
    system = view.system
    system.govern(system.deployment.configurator, "set_guardian", guardian)
    system.deployment.configurator.transact(
        "pause_openings", system.core.address, system.exchange.address, 3_600, sender=guardian
    )
    assert view.refusals(system.order(view.account, BTC, "0.1")) == ["Paused"]
    assert view.refusals(system.order(view.account, BTC, "-0.1")) == []


def test_below_minimum(view):
    order = view.system.order(view.account, BTC, "-0.499")
    assert view.refusals(order) == ["BelowMinimum"]
    assert view.refusals(view.system.order(view.account, BTC, "-0.5")) == []


def test_insufficient_margin(view):
    order = view.system.order(view.account, BTC, "3")
    assert view.refusals(order) == ["InsufficientMargin"]
    seen = view.preview(order)
    assert seen.equity < seen.initial


def test_margin_at_the_supposed_price(view):
    order = view.system.order(view.account, BTC, "1")
    assert view.refusals(order) == []
    assert "InsufficientMargin" in view.refusals(order, wad(48_000))


def test_caps(view, counterparty):
    account = view.system.fund(counterparty, 100_000_000)
    names = view.refusals(view.system.order(account, BTC, 260))
    assert names == ["FeeTooHigh", "SkewCap"]
    assert view.refusals(view.system.order(account, BTC, 380)) == [
        "FeeTooHigh",
        "OpenInterestCap",
        "SkewCap",
    ]


def test_stale_price(view):
    view.system.chain.advance(61)
    assert view.refusals(view.system.order(view.account, BTC, "0.1")) == ["StalePrice"]


def test_reducing_at_a_stale_price_passes_by_relief(view):
    view.system.chain.advance(61)
    order = view.system.order(view.account, BTC, "-0.1", reduce_only=True)
    assert view.refusals(order) == []


def test_venue_accounts_do_not_trade(view):
    system = view.system
    for account in (system.deployment.escrow, system.deployment.pool(BTC)):
        order = system.order(account, BTC, "0.1", limit=wad(70_000))
        assert "BadFill" in view.refusals(order)


def test_everything_that_fails_is_named_at_once(view):
    order = view.system.order(view.account, BTC, 400, limit=wad(1), expiry=0, keeper_fee=wad("0.4"))
    assert view.refusals(order) == ["BadOrder", "TooLate"]
    order = replace(order, keeper_fee=wad(1), trail=7)
    assert view.refusals(order) == [
        "BadOrder",
        "TooLate",
        "FeeTooHigh",
        "LimitBroken",
        "OpenInterestCap",
        "SkewCap",
        "InsufficientMargin",
    ]


def test_a_first_position_in_the_other_order_of_ids(view, counterparty):
    """The new leg lies before the one that is held."""
    system = view.system
    account = system.fund(counterparty, 10_000)
    system.trade(account, ETH, 2)
    order = system.order(account, BTC, "0.1")
    seen = view.preview(order)
    system.place(order)
    system.execute(order)
    equity, _, maintenance, notional = system.health(account)
    assert (seen.equity, seen.maintenance, seen.notional) == (equity, maintenance, notional)
