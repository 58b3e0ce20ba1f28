import pytest

from tests.harness.reverts import reverts
from tests.harness.system import BTC, ETH, wad
from tidegate.client.errors import name_of

MOST = 16


@pytest.fixture
def weak(desk) -> list[int]:
    """Three more accounts as the trader's."""
    system = desk.system
    accounts = [system.fund(system.actor("counterparty"), 2_000, sub) for sub in range(3)]
    for account in accounts:
        system.trade(account, BTC, "0.5")
    return [desk.account, *accounts]


def test_all_are_sliced_in_one_call(desk, weak):
    desk.system.move(BTC, 57_500)
    receipt = desk.liquidate(*weak)
    assert receipt.returned == len(weak)
    assert [event.args.account for event in receipt.named("Sliced")] == weak
    assert all(desk.standing(account).lack <= 0 for account in weak)


def test_what_cannot_be_sliced_is_skipped_with_its_reason(desk, weak):
    healthy = desk.system.fund(desk.system.actor("healthy"), 20_000)
    desk.system.trade(healthy, BTC, "0.5")
    desk.system.move(BTC, 57_500)
    unknown = 12345
    pairs = [
        (healthy, BTC),
        (weak[0], BTC),
        (unknown, BTC),
        (weak[1], ETH),
        (weak[2], BTC),
        (weak[3], 3 * 64),
    ]
    receipt = desk.liquidate_each(pairs)
    assert receipt.returned == 2
    assert [event.args.account for event in receipt.named("Sliced")] == [weak[0], weak[2]]
    skipped = [
        (event.args.account, event.args.instrument, name_of(event.args.reason))
        for event in receipt.named("Skipped")
    ]
    assert skipped == [
        (healthy, BTC, "NotLiquidatable"),
        (unknown, BTC, "NotLiquidatable"),
        (weak[1], ETH, "NotLiquidatable"),
        (weak[3], 3 * 64, "NotLiquidatable"),
    ]


def test_the_same_account_twice_is_sliced_once(desk):
    desk.system.move(BTC, 57_500)
    receipt = desk.liquidate(desk.account, desk.account)
    assert receipt.returned == 1
    assert len(receipt.named("Skipped")) == 1


def test_both_legs_of_an_insolvent_account_in_one_call(desk, counterparty):
    system = desk.system
    account = system.fund(counterparty, 2_400)
    system.trade(account, BTC, "0.3")
    system.trade(account, ETH, 6)
    system.move(BTC, 40_000)
    receipt = desk.liquidate_each([(account, BTC), (account, ETH)])
    assert receipt.returned == 2
    assert [event.args.whole for event in receipt.named("Sliced")] == [True, True]
    assert system.core.call("account_word", account) >> 16 == 0
    assert system.cash(account) == 0


def test_nothing_to_do_reverts_with_the_reason_of_the_last(desk, weak, guardian):
    with reverts("NotLiquidatable"):
        desk.liquidate(*weak)


def test_lists_of_unequal_length_are_refused(desk):
    desk.system.move(BTC, 57_500)
    for accounts, instruments in (([desk.account], []), ([], [BTC]), ([], [])):
        with reverts("OutOfBounds"):
            desk.system.liquidator.transact("liquidate", accounts, instruments, desk.keeper_account)


def test_sixteen_in_a_call(desk):
    system = desk.system
    accounts = [system.fund(system.actor("crowd"), 200, sub) for sub in range(MOST)]
    for account in accounts:
        system.trade(account, BTC, "0.05")
    system.move(BTC, 57_500)
    assert desk.liquidate(*accounts).returned == MOST
    assert system.size(accounts[-1], BTC) < wad("0.05")


def test_later_slices_see_the_price_that_earlier_ones_moved(desk, weak):
    desk.system.move(BTC, 57_500)
    prices = [event.args.price for event in desk.liquidate(*weak).named("Sliced")]
    # each sells to a vault that is less and less short
    assert prices == sorted(prices, reverse=True)
    assert len(set(prices)) == len(prices)
