"""GuarantyFund.cover: what is booked is paid, insurance first, the pledge last and capped."""

from dataclasses import replace

import pytest

from tests.unit.vaults.liquidity_vault.conftest import BTC, RISK, TRADE
from tidegate.local_accounts import local_address
from tidegate.spec.fund import DAY
from tidegate.spec.rounding import PPM, WAD

from .conftest import QUOTE

CAP = 12_500 * WAD  # a quarter of the pledge


def test_without_a_deficit_nothing_happens(hall):
    assert hall.cover().events == []
    assert (hall.mutual, hall.pledge) == (50_000 * WAD, 50_000 * WAD)


def test_a_surplus_of_the_deficit_account_is_none(hall):
    hall.give(WAD, hall.deficit)
    assert hall.cover().events == []


def test_the_mutual_tranche_pays_and_the_vault_does_not(hall):
    hall.booked(1_234 * WAD + 567)
    equity = hall.vault.call("equity") + hall.owed
    event = hall.cover().one("Covered").args
    assert (event.asset, event.mutual, event.assessed) == (0, 1_234 * WAD + 567, 0)
    assert hall.owed == 0
    assert hall.mutual == 48_766 * WAD - 567
    assert hall.pledge == 50_000 * WAD
    assert hall.absorb().named("Absorbed") == []
    assert hall.vault.call("equity") == equity
    assert hall.sound()


def test_says_what_it_paid(hall):
    hall.booked(77 * WAD)
    assert hall.cover().returned == 77 * WAD


def test_anyone_may(hall):
    hall.booked(WAD)
    hall.guaranty.transact("cover", 0, sender=local_address("stranger"))
    assert hall.owed == 0


def test_other_assets_are_not_guaranteed(hall):
    hall.booked(WAD)
    assert hall.guaranty.transact("cover", 1, sender=hall.keeper).returned == 0
    assert hall.owed == WAD


@pytest.mark.parametrize(
    ("deficit", "mutual", "assessed"),
    [
        (50_000 * WAD - 1, 50_000 * WAD - 1, 0),
        (50_000 * WAD, 50_000 * WAD, 0),
        (50_000 * WAD + 1, 50_000 * WAD, 1),
        (62_500 * WAD, 50_000 * WAD, CAP),
        (62_500 * WAD + 1, 50_000 * WAD, CAP),
    ],
)
def test_the_pledge_pays_once_the_mutual_tranche_is_empty(hall, deficit, mutual, assessed):
    hall.booked(deficit)
    event = hall.cover().one("Covered").args
    assert (event.mutual, event.assessed) == (mutual, assessed)
    assert (hall.mutual, hall.pledge) == (50_000 * WAD - mutual, 50_000 * WAD - assessed)
    assert hall.owed == deficit - mutual - assessed
    assert hall.sound()


def test_what_is_left_is_the_vaults(hall):
    hall.booked(62_500 * WAD + 3)
    hall.cover()
    assert hall.absorb().one("Absorbed").args.amount == 3
    assert hall.owed == 0


def test_a_window_assesses_its_cap_once(hall):
    hall.booked(60_000 * WAD)
    hall.cover()
    assert hall.guaranty.call("capacity") == (0, 2_500 * WAD)
    hall.booked(4_000 * WAD)
    event = hall.cover().one("Covered").args
    assert (event.mutual, event.assessed) == (0, 2_500 * WAD)
    assert hall.owed == 1_500 * WAD
    # nothing is left of it
    assert hall.cover().named("Covered") == []
    assert hall.pledge == 37_500 * WAD


def test_the_next_window_has_a_cap_of_its_own(hall):
    hall.booked(63_000 * WAD)
    hall.cover()
    first = hall.chain.time()
    until = hall.guaranty.call("assessment_word") & (2**64 - 1)
    assert until == first + 30 * DAY
    hall.chain.set_time(until - 1)
    assert hall.cover().named("Covered") == []
    hall.chain.set_time(until)
    event = hall.cover().one("Covered").args
    assert (event.mutual, event.assessed) == (0, 500 * WAD)
    left = hall.pledge + 500 * WAD
    assert left == 37_500 * WAD
    assert hall.guaranty.call("capacity") == (0, left // 4 - 500 * WAD)


def test_insurance_pays_first(hall):
    hall.insure(30 * WAD)
    hall.booked(100 * WAD)
    assert hall.owed == 70 * WAD
    assert hall.cover().one("Covered").args.mutual == 70 * WAD


def test_fees_that_wait_for_insurance_pay_first(hall):
    terms = replace(TRADE, taker_fee=500, insurance_share=PPM, soft=10**12, hard=10**12)
    hall.list(BTC, replace(RISK, scale=10**12), terms, QUOTE)
    name = hall.default(100 * WAD)
    hall.fund("trader", 100_000 * WAD)
    hall.trade("trader", 100 * WAD, fee=5 * WAD)
    hall.book(name)
    assert hall.owed == 100 * WAD
    assert hall.cover().one("Covered").args.mutual == 95 * WAD
    assert hall.owed == 0
    assert hall.cash(hall.insurance) == 0


def test_what_insurance_holds_is_left_for_it_to_pay(hall):
    hall.booked(100 * WAD)
    hall.insure(30 * WAD)
    assert hall.cover().one("Covered").args.mutual == 70 * WAD
    assert hall.owed == 30 * WAD
    assert hall.cover().named("Covered") == []
    hall.absorb()
    assert hall.owed == 0
    assert hall.cash(hall.insurance) == 0


def test_a_gift_pays_before_the_pledge(hall):
    hall.give(1_000 * WAD)
    hall.booked(51_000 * WAD)
    event = hall.cover().one("Covered").args
    assert (event.mutual, event.assessed) == (51_000 * WAD, 0)


def test_what_vests_pays_before_what_is_the_shares(hall):
    hall.give(1_000 * WAD)
    hall.guaranty.transact("collect", sender=hall.keeper)
    price = hall.price_of_share
    word = hall.guaranty.call("vesting_word")
    assert word >> 128 == 1_000 * WAD
    name = hall.default(600 * WAD)
    hall.book(name)
    vested = hall.guaranty.call("totalAssets") * 10**12 - 100_000 * WAD
    hall.cover()
    # the price has risen by what vested meanwhile, and lost nothing
    assert hall.price_of_share > price
    assert 0 < vested < WAD
    left = hall.guaranty.call("vesting_word") >> 128
    assert 399 * WAD < left < 400 * WAD


def test_a_fund_of_nobody_pays_nothing(empty):
    empty.provide("lp", 1_000_000 * WAD)
    empty.booked(WAD)
    assert empty.cover().named("Covered") == []
    assert empty.owed == WAD
