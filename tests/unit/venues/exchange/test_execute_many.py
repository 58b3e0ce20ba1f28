"""A batch: one path an order, none stops the others."""

import pytest

from tidegate.client.errors import name_of
from tidegate.client.orders import OrderState
from tidegate.spec import words
from tidegate.spec.rounding import WAD

KEEPER_FEE = 2 * WAD
MIN_KEEPER_FEE = WAD
STAKE = 26 * WAD  # of one unit at 50,000


@pytest.fixture
def accounts(market):
    """Ten sub-accounts of the trader with 10,000 each."""
    found = [words.account(market.trader, sub) for sub in range(10, 20)]
    for account in found:
        market.deposit(account, 10_000)
    return found


def reasons(receipt):
    return [name_of(reason) if any(reason) else "" for reason in receipt.returned]


def test_fills_all(market, accounts):
    orders = [market.place(account=account) for account in accounts]
    market.open(market.next_slot)
    before = market.cash(market.keeper_account)
    receipt = market.execute_many(*orders)
    assert reasons(receipt) == [""] * 10
    assert len(receipt.named("Executed")) == 10
    assert [market.position(account) for account in accounts] == [WAD] * 10
    assert market.cash(market.keeper_account) == before + 10 * KEEPER_FEE
    assert market.cash(market.escrow) == 10 * STAKE


def test_equals_one_by_one(market, accounts):
    orders = [market.place(account=account) for account in accounts[:4]]
    market.open(market.next_slot)
    names = [*accounts[:4], market.pool, market.escrow, market.keeper_account]
    snapshot = market.chain.snapshot()
    market.execute_many(*orders)
    batch = [market.cash(account) for account in names]
    market.chain.restore(snapshot)
    for order in orders:
        market.execute(order)
    assert [market.cash(account) for account in names] == batch


def test_each_poison_is_skipped_with_its_reason(market, accounts):
    good, ended, poor, late, capped = accounts[:5]
    first = market.place(account=good)
    gone = market.place(account=ended)
    market.cancel(gone)
    lacking = market.place(account=poor, size=4 * WAD)
    never = market.order(account=late)
    limited = market.place(account=capped, limit=50_000 * WAD)
    sleeping = market.place(account=late, resting=True)
    other = market.place(account=late, instrument=128)
    market.open(market.next_slot)
    early = market.place(account=late)
    last = market.place(account=accounts[5], reduce_only=True, size=-WAD)
    batch = [first, gone, lacking, never, first, limited, sleeping, other, early, last]
    receipt = market.execute_many(*batch)
    assert reasons(receipt) == [
        "",
        "UnknownOrder",
        "",
        "UnknownOrder",
        "UnknownOrder",
        "",
        "TooSoon",
        "NoPrice",
        "TooSoon",
        "TooSoon",
    ]
    assert [event.args.account for event in receipt.named("Executed")] == [good]
    ends = [(name_of(event.args.reason), event.args.account) for event in receipt.named("Ended")]
    assert ends == [("InsufficientMargin", poor), ("LimitBroken", capped)]
    skipped = [
        (event.args.order_hash, name_of(event.args.reason)) for event in receipt.named("Skipped")
    ]
    assert skipped == [
        (market.hash(order), reason)
        for order, reason in zip(batch, reasons(receipt), strict=True)
        if reason
    ]
    assert market.cash(market.keeper_account) == KEEPER_FEE + 2 * MIN_KEEPER_FEE


def test_a_body_nobody_could_place_is_skipped(market):
    good = market.place()
    market.open(market.next_slot)
    bodies = [
        market.order(size=-(2**255)),
        market.order(size=2**255 - 1, keeper_fee=2**256 - 1, expiry=2**256 - 1),
        market.order(account=2**256 - 1, instrument=2**256 - 1, limit=2**256 - 1),
        market.order(nonce=2**256 - 1, trigger=2**256 - 1),
    ]
    assert reasons(market.execute_many(*bodies, good)) == ["UnknownOrder"] * 4 + [""]


def test_a_vault_that_refuses_one_does_not_stop_the_batch(market):
    order = market.place()
    resting = market.place(resting=True, expiry=market.now + 10)
    market.open(market.next_slot + 2)
    market.push(50_000 * WAD, market.word(order).slot)
    market.vault.transact("set_refusal", b"\x01")
    assert reasons(market.execute_many(order, resting)) == ["OutOfGas", ""]


def test_an_empty_batch_is_nothing(market):
    assert market.execute_many().returned == []


def test_sixteen_at_most(market):
    orders = [market.order() for _ in range(16)]
    assert len(market.execute_many(*orders).returned) == 16
    with pytest.raises(Exception, match="reverted without a reason"):
        market.execute_many(*orders, market.order())


def test_each_order_pays_the_keeper_itself(market, accounts):
    """A fill out of the account, reduce-only or not; an end out of the stake."""
    market.fill(WAD, account=accounts[0])
    orders = [
        market.place(account=accounts[0], size=-WAD, reduce_only=True),
        market.place(account=accounts[1]),
        market.place(account=accounts[2], keeper_fee=5 * WAD),
        market.place(account=accounts[3], limit=49_999 * WAD),
        market.place(account=accounts[4], size=4 * WAD),
    ]
    market.open(market.next_slot)
    receipt = market.execute_many(*orders)
    assert reasons(receipt) == [""] * 5
    moved = [one.args for one in receipt.named("Moved")]
    assert [
        (move.source, move.amount) for move in moved if move.target == market.keeper_account
    ] == [
        (accounts[0], KEEPER_FEE),
        (accounts[1], KEEPER_FEE),
        (accounts[2], 5 * WAD),
        (market.escrow, MIN_KEEPER_FEE),
        (market.escrow, MIN_KEEPER_FEE),
    ]
    # one stake of the fill before; what lapsed was of four units
    kept = [STAKE, STAKE, STAKE, STAKE - MIN_KEEPER_FEE, 0]
    assert market.cash(market.escrow) == sum(kept)
    assert [market.word(order).stake for order in orders[1:]] == kept[1:]


def test_the_owner_of_an_order_as_keeper_of_the_batch(market, accounts):
    orders = [market.place(account=account) for account in accounts[:2]]
    market.open(market.next_slot)
    before = [market.cash(account) for account in accounts[:2]]
    market.exchange.transact("execute_many", orders, accounts[0], sender=market.trader)
    price = market.quote(WAD)
    cost = price + market.taker_fee(WAD, price)
    after = [market.cash(account) for account in accounts[:2]]
    assert after == [before[0] - cost + KEEPER_FEE, before[1] - cost - KEEPER_FEE]


def test_a_keeper_who_cannot_be_paid_gets_nothing_done(market, accounts):
    orders = [market.place(account=account) for account in accounts[:2]]
    market.open(market.next_slot)
    receipt = market.exchange.transact("execute_many", orders, market.escrow, sender=market.keeper)
    assert reasons(receipt) == ["BadFill"] * 2
    assert [market.word(order).state for order in orders] == [OrderState.WAITING] * 2
    assert reasons(market.execute_many(*orders)) == ["", ""]


def test_again_pays_nothing(market, accounts):
    orders = [market.place(account=account) for account in accounts[:3]]
    market.open(market.next_slot)
    market.execute_many(*orders)
    before = market.balances()
    assert reasons(market.execute_many(*orders)) == ["UnknownOrder"] * 3
    assert market.moved(before) == {}
