"""Every role is one whole entry."""

from dataclasses import replace

import pytest

from tidegate.chain import Receipt
from tidegate.client.errors import selector
from tidegate.client.orders import Order, OrderState
from tidegate.keepers.actions import (
    Action,
    Bid,
    Book,
    Deleverage,
    EndAuction,
    Execute,
    Liquidate,
    OpenAuction,
    PokeCaps,
    Push,
    Settle,
    TakeOver,
    Wake,
)
from tidegate.keepers.auctions import Bidder, Lot
from tidegate.keepers.liquidator import Candidate
from tidegate.keepers.order_executor import OpenOrder
from tidegate.keepers.readings import Lots
from tidegate.keepers.registry import ROLES, choose
from tidegate.keepers.snapshot import Snapshot
from tidegate.keepers.vault_claims import Request


def snapshot(**changes):
    base = {"now": 1_000, "slot_seconds": 4, "window": 30, "epoch_seconds": 100, "keeper_fee": 5}
    return Snapshot(**{**base, **changes})


def held(key, size=1, **changes):
    order = Order(
        account=1, instrument=64, size=size, limit=50, expiry=900, keeper_fee=7, **changes
    )
    return OpenOrder(order, OrderState.WAITING, 240, key)


def short(account):
    return Candidate(account, -1, 10, 0, {64: 100}, {64: 50})


WITHOUT_ROLE = {Push}  # signed first, and then it is a Publish


def test_every_action_belongs_to_one_role():
    kinds = [kind for role in ROLES.values() for kind in role.acts]
    assert sorted(kinds, key=str) == sorted(set(Action.__args__) - WITHOUT_ROLE, key=str)


def test_roles_are_chosen_in_the_order_of_the_registry():
    assert [role.name for role in choose(["order_executor", "price_pusher"])] == [
        "price_pusher",
        "order_executor",
    ]
    assert choose([]) == list(ROLES.values())
    with pytest.raises(KeyError, match="no role clerk"):
        choose(["clerk"])


def test_busy_items_are_left_to_whoever_is_busy_with_them():
    one, two = held(b"\x01"), held(b"\x02")
    role = ROLES["order_executor"]
    free = lambda item: item != "order 0x01"  # noqa: E731
    [action] = role.decide(snapshot(orders=[one, two], free=free))
    assert role.items(action) == ("order 0x02",)
    role = ROLES["liquidator"]
    free = lambda item: item == "account 8"  # noqa: E731
    [action] = role.decide(snapshot(standings=[short(7), short(8)], free=free))
    assert action == Liquidate((8,), (64,))
    role = ROLES["vault_claims"]
    state = snapshot(
        requests=[Request(1, 3), Request(2, 3)],
        processed=frozenset({3}),
        booked=1,
        free=lambda item: item == "claim 2",
    )
    assert [role.items(action) for action in role.decide(state)] == [("claim 2",)]


def test_batches_are_made_smaller_by_item():
    role = ROLES["order_executor"]
    [action] = role.decide(snapshot(orders=[held(b"\x01"), held(b"\x02")]))
    smaller = role.narrow(action, {"order 0x02"})
    assert smaller.keys == (b"\x02",)
    assert len(smaller.orders) == 1
    role = ROLES["liquidator"]
    assert role.narrow(Liquidate((7, 8), (64, 128)), {"account 8"}) == Liquidate((8,), (128,))


def test_what_a_simulated_batch_would_skip_is_told_by_item():
    role = ROLES["order_executor"]
    action = Execute((), (b"\x01", b"\x02"))
    answers = [b"\0" * 4, selector("TooSoon")]
    assert role.refused(action, answers) == {"order 0x02": "TooSoon"}
    assert role.refused(action, None) == {}


def test_what_a_batch_skipped_is_told_by_item():
    from collections import namedtuple

    from tidegate.abi import Event

    Skipped = namedtuple("Skipped", "account order_hash reason")
    args = Skipped(1, b"\x02", selector("LimitBroken"))
    receipt = Receipt(1, [Event("Exchange", "0x", "Skipped", args)], 1, 1)
    assert ROLES["order_executor"].skipped(Execute(()), receipt) == {"order 0x02": "LimitBroken"}
    args = namedtuple("Skipped", "account instrument reason")(7, 64, selector("NotShort"))
    receipt = Receipt(1, [Event("Liquidator", "0x", "Skipped", args)], 1, 1)
    assert list(ROLES["liquidator"].skipped(Liquidate((), ()), receipt)) == ["account 7"]


def test_rewards_count_the_least_that_is_paid():
    role = ROLES["order_executor"]
    opening, reducing = held(b"\x01").order, held(b"\x02", reduce_only=True).order
    assert role.reward(Execute((opening, reducing)), snapshot()) == 5
    assert role.reward(Wake(opening, 1), snapshot()) == 0
    role = ROLES["liquidator"]
    assert role.reward(Liquidate((7, 8), (64, 128)), snapshot(rewards={64: 3, 128: 4})) == 7
    assert ROLES["takeovers"].reward(TakeOver(7, 64), snapshot(rewards={64: 3})) == 3
    assert ROLES["deleveraging"].reward(Deleverage(7, 64), snapshot(rewards={64: 3})) == 3
    assert ROLES["vault_claims"].reward(PokeCaps(), snapshot()) == 0


def test_urgent_things_come_first():
    names = list(ROLES)
    assert names == sorted(
        names,
        key=[
            "price_pusher",
            "breaker_pokes",
            "liquidator",
            "auctions",
            "takeovers",
            "deleveraging",
            "deficits",
            "order_executor",
            "vault_claims",
        ].index,
    )


def test_what_the_breaker_forbids_is_not_sliced():
    role = ROLES["liquidator"]
    for level, slices in ((2, [Liquidate((7,), (64,))]), (3, []), (4, [])):
        assert role.decide(snapshot(standings=[short(7)], levels={64: level})) == slices
    # nor is what no slice can help now
    lots = Lots(sliced_out=frozenset({7}))
    assert role.decide(snapshot(standings=[short(7), short(8)], lots=lots)) == [
        Liquidate((8,), (64,))
    ]


LOT = Lot(7, 5, 10, 200_000, {64: 100})


def lots(lot, **changes):
    return snapshot(now=10_000, lots=Lots((lot,), t2=300, minimum=1, **changes))


def test_an_auction_is_opened_bid_for_and_ended_by_one_role():
    role = ROLES["auctions"]
    [opened] = role.decide(lots(LOT, empty=frozenset({64})))
    assert opened == OpenAuction(7, 64)
    assert role.items(opened) == ("auction 7",)
    bidder = Bidder(9, 1_000, {64: 50_000}, {64: 1_000}, {64: 3_000})
    running = replace(LOT, opened=9_900, discount=3_000, needed=500_000)
    assert role.decide(lots(running, bidder=bidder)) == [Bid(7, 9, 50, 3_000, 10_060)]
    restored = replace(running, equity=13)
    assert role.decide(lots(restored)) == [EndAuction(7)]
    busy = replace(lots(restored), free=lambda item: item != "auction 7")
    assert role.decide(busy) == []


def test_after_t2_the_vault_takes_over_or_the_other_side_shares():
    failed = replace(LOT, opened=9_700)
    for full, takeovers, shares in (
        (frozenset(), [TakeOver(7, 64)], []),
        (frozenset({64}), [], [Deleverage(7, 64)]),
    ):
        state = lots(failed, full=full)
        assert ROLES["takeovers"].decide(state) == takeovers
        assert ROLES["deleveraging"].decide(state) == shares
        assert ROLES["auctions"].decide(state) == []


def test_positions_of_which_nothing_is_left_are_settled_and_deficits_booked():
    role = ROLES["deficits"]
    bankrupt = Candidate(8, -5, 0, -5, {}, {})
    state = snapshot(standings=[bankrupt], lots=Lots(settled=((7, 64),)))
    assert role.decide(state) == [Settle(7, 64), Book(8)]
    assert role.items(Settle(7, 64)) == ("position 7 64",)
    assert role.items(Book(8)) == ("account 8",)
