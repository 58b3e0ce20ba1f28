"""GuarantyFund.collect: gifts become the shares' by and by."""

from tidegate.spec.fund import DAY
from tidegate.spec.rounding import WAD

from .conftest import ONE


def collect(hall):
    return hall.guaranty.transact("collect", sender=hall.keeper)


def assets(hall):
    return hall.guaranty.call("totalAssets")


def test_nothing_to_take_in(hall):
    assert collect(hall).events == []


def test_a_gift_is_in_the_tranche_at_once_and_in_the_price_later(hall):
    hall.give(700 * WAD)
    price = hall.price_of_share
    receipt = collect(hall)
    assert receipt.one("Collected").args.amount == 700 * WAD
    assert hall.mutual == 50_700 * WAD
    assert hall.price_of_share == price


def test_it_vests_evenly(hall):
    hall.give(700 * WAD)
    collect(hall)
    start = hall.chain.time()
    for day in range(8):
        hall.chain.set_time(start + day * DAY)
        assert assets(hall) == 100_000 * 10**6 + day * 100 * 10**6
    hall.chain.set_time(start + 30 * DAY)
    assert assets(hall) == 100_700 * 10**6


def test_what_vests_is_rounded_against_the_shares(hall):
    hall.give(7 * WAD + 1)
    collect(hall)
    hall.chain.advance(1)
    left = hall.mutual - (7 * WAD + 1 - (7 * WAD + 1) // (7 * DAY))
    supply = hall.held("member")
    assert hall.price_of_share == (left + hall.pledge + 10**6) * ONE // (supply + 10**6)


def test_a_second_gift_ends_at_the_average(hall):
    hall.give(300 * WAD)
    collect(hall)
    hall.chain.advance(3 * DAY + DAY // 2)
    hall.give(150 * WAD)
    collect(hall)
    word = hall.guaranty.call("vesting_word")
    now = hall.chain.time()
    assert (word >> 64) & (2**64 - 1) == now
    # half of the first is left, for half of its time
    assert word >> 128 == 300 * WAD
    assert (word & (2**64 - 1)) - now == (7 * DAY // 2 + 7 * DAY) // 2


def test_crumbs_put_nothing_off(hall):
    hall.give(700 * WAD)
    collect(hall)
    start = hall.chain.time()
    for day in range(1, 7):
        hall.chain.set_time(start + day * DAY)
        hall.give(1)
        collect(hall)
    until = hall.guaranty.call("vesting_word") & (2**64 - 1)
    # at most a second a crumb
    assert start + 7 * DAY <= until <= start + 7 * DAY + 6


def test_cash_without_principal_is_left_aside(hall):
    """A keeper's reward sent here could not leave at once: it is nobody's."""
    hall.fund("trader", 1_000 * WAD)
    payment = (hall.account("trader"), hall.purse, 0, 0, 0, 5 * WAD, 0)
    hall.core.transact("clear", [payment], sender=hall.venue)
    assert hall.cash(hall.purse) == 100_005 * WAD
    assert collect(hall).events == []
    assert hall.sound()


def test_without_shareholders_it_waits_for_the_first(empty):
    empty.give(70 * WAD)
    collect(empty)
    empty.wait(8 * DAY)
    shares = empty.contribute("member", 30 * WAD)
    assert shares == 30 * WAD - 1
    assert assets(empty) == 100 * 10**6
