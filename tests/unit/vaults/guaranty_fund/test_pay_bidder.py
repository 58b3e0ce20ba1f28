"""GuarantyFund.pay_bidder: little at once, little a day, nothing that insurance would pay."""

from dataclasses import replace

import pytest

from tests.unit.vaults.liquidity_vault.conftest import BTC, RISK, TRADE
from tidegate.local_accounts import local_address
from tidegate.spec.fund import DAY
from tidegate.spec.rounding import PPM, WAD

from .conftest import HALF, QUOTE


def test_pays_the_bidder(hall):
    account = hall.account("bidder")
    receipt = hall.guaranty.transact("pay_bidder", account, 300 * WAD, sender=hall.liquidator)
    event = receipt.one("BidderPaid").args
    assert (event.account, event.amount, receipt.returned) == (account, 300 * WAD, 300 * WAD)
    assert hall.cash(account) == hall.principal(account) == 300 * WAD
    assert (hall.mutual, hall.pledge) == (49_700 * WAD, 50_000 * WAD)
    assert hall.sound()


@pytest.mark.parametrize("who", ["member", "keeper", "exchange"])
def test_only_a_liquidation_venue_may_draw(hall, refuses, who):
    refuses("NotVenue", hall.pay, WAD, by=local_address(who))


def test_a_liquidator_whose_role_was_taken_may_not(hall, refuses):
    hall.core.transact("set_venue", hall.liquidator, 0, sender=hall.configurator)
    refuses("NotVenue", hall.pay, WAD)


def test_at_most_its_share_at_once(hall):
    assert hall.guaranty.call("payment_of", 2_000 * WAD) == 1_000 * WAD
    assert hall.pay(2_000 * WAD) == 1_000 * WAD


def test_at_most_its_share_a_day(hall):
    size = 100_000 * WAD
    day = hall.chain.time() // DAY
    assert sum(hall.pay(1_000 * WAD) for _ in range(8)) == size // 20
    assert hall.chain.time() // DAY == day
    assert hall.guaranty.call("drawn") == (5_000 * WAD, size)
    hall.chain.set_time((day + 1) * DAY)
    # a hundredth of what is left
    assert hall.pay(1_000 * WAD) == 950 * WAD


def test_never_of_the_pledge(hall):
    hall.booked(49_900 * WAD)
    hall.cover()
    # a hundredth of what there was when the day's first was taken
    assert hall.guaranty.call("payment_of", 1_000 * WAD) == 100 * WAD
    assert hall.pay(1_000 * WAD) == 100 * WAD
    assert hall.pay(1_000 * WAD) == 0
    assert (hall.mutual, hall.pledge) == (0, 50_000 * WAD)


def test_what_insurance_holds_is_taken_off(hall):
    hall.insure(30 * WAD)
    assert hall.pay(30 * WAD) == 0
    assert hall.pay(30 * WAD + 1) == 1
    assert hall.pay(100 * WAD) == 70 * WAD


def test_fees_that_wait_for_insurance_are_taken_off(hall):
    terms = replace(TRADE, taker_fee=500, insurance_share=PPM, soft=10**12, hard=10**12)
    hall.list(BTC, replace(RISK, scale=10**12), terms, QUOTE)
    hall.fund("trader", 100_000 * WAD)
    hall.trade("trader", 100 * WAD, fee=5 * WAD)
    assert hall.guaranty.call("payment_of", 100 * WAD) == 95 * WAD
    assert hall.pay(100 * WAD) == 95 * WAD


def test_what_is_booked_is_paid_first(hall):
    hall.booked(50_000 * WAD - 7)
    assert hall.pay(WAD) == 7
    assert hall.owed == 0


def test_an_uncollected_gift_pays(empty):
    empty.give(100 * WAD)
    assert empty.pay(WAD) == WAD
    assert empty.mutual == 99 * WAD


def test_nothing_asked_nothing_paid(hall):
    assert hall.pay(0) == 0


def test_without_money_it_pays_nothing_and_refuses_nothing(empty):
    assert empty.pay(WAD) == 0


def test_the_share_may_be_nothing(hall):
    word = replace(HALF, payment=0, day_share=0).pack()
    hall.guaranty.transact("set_parameters", word, sender=hall.owner)
    assert hall.pay(WAD) == 0
