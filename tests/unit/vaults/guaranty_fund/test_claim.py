"""GuarantyFund.claim: at the lesser of two prices, in its window, of both tranches alike."""

from tidegate.local_accounts import local_address
from tidegate.spec.fund import DAY
from tidegate.spec.rounding import WAD

from .conftest import NEVER, ONE


def matured(hall, name="member", shares=None):
    hall.notice(name, shares)
    hall.wait(14 * DAY)


def test_pays_the_shares_in_principal(hall):
    matured(hall, shares=40_000 * WAD)
    event = hall.leave("member").one("Claimed").args
    assert (event.account, event.shares) == (hall.account("member"), 40_000 * WAD)
    assert (event.assets, event.charge) == (40_000 * WAD, 0)
    assert hall.cash(hall.account("member")) == 40_000 * WAD
    assert hall.principal(hall.account("member")) == 40_000 * WAD
    assert (hall.mutual, hall.pledge) == (30_000 * WAD, 30_000 * WAD)
    assert hall.guaranty.call("totalSupply") == hall.held("member")
    assert hall.sound()


def test_the_account_is_free_for_the_next_notice(hall, refuses):
    matured(hall, shares=WAD)
    assert hall.leave("member").returned == WAD
    refuses("NoRequest", hall.leave, "member")
    hall.notice("member", WAD)


def test_not_before_the_notice_has_run(hall, refuses):
    hall.notice("member", WAD)
    start = hall.chain.time()
    hall.chain.set_time(start + 14 * DAY - 1)
    refuses("TooSoon", hall.leave, "member")
    hall.chain.set_time(start + 14 * DAY)
    hall.leave("member")


def test_not_after_its_window(hall, refuses):
    hall.notice("member", WAD)
    start = hall.chain.time()
    hall.chain.set_time(start + 16 * DAY)
    refuses("TooLate", hall.leave, "member")
    hall.chain.set_time(start + 16 * DAY - 1)
    hall.leave("member")


def test_only_who_holds_the_right_lp(hall, refuses):
    matured(hall, shares=WAD)
    account, stranger = hall.account("member"), local_address("stranger")
    refuses("NotPermitted", hall.guaranty.transact, "claim", account, 0, sender=stranger)
    hall.core.transact("set_delegate", stranger, 4, NEVER, sender=local_address("member"))
    hall.guaranty.transact("claim", account, 0, sender=stranger)


def test_less_than_asked_for(hall, refuses):
    matured(hall, shares=WAD)
    refuses("LimitBroken", hall.leave, "member", WAD + 1)
    hall.leave("member", WAD)


def test_losses_while_notice_runs_are_borne(hall):
    hall.contribute("other", 100_000 * WAD)
    matured(hall, shares=50_000 * WAD)
    hall.booked(60_000 * WAD)
    price = (140_000 * WAD + 10**6) * ONE // (hall.guaranty.call("totalSupply") + 10**6)
    paid = hall.leave("member").one("Claimed").args.assets
    assert paid == 50_000 * WAD * price // ONE
    assert 34_999 * WAD < paid < 35_001 * WAD


def test_assessments_while_notice_runs_are_borne(hall):
    matured(hall)
    hall.booked(62_500 * WAD)
    paid = hall.leave("member").one("Claimed").args.assets
    # all that is left: nobody else is there
    assert paid == 37_500 * WAD
    assert (hall.mutual, hall.pledge) == (0, 0)


def test_what_is_won_while_notice_runs_stays(hall):
    hall.contribute("other", 100_000 * WAD)
    hall.notice("member", 100_000 * WAD - 1)
    noted = hall.price_of_share
    hall.give(2_000 * WAD)
    hall.guaranty.transact("collect", sender=hall.keeper)
    hall.wait(14 * DAY)
    price = hall.price_of_share
    assert 0 <= noted - ONE < 10**6
    assert 0 <= 101 * ONE // 100 - price < 10**15
    paid = hall.leave("member").one("Claimed").args.assets
    assert paid == (100_000 * WAD - 1) * noted // ONE
    # nobody's yet: it vests, or whoever came in front of a claim would win it
    forfeited = hall.guaranty.call("vesting_word") >> 128
    assert 999 * WAD < forfeited <= 1_000 * WAD
    assert abs(hall.price_of_share - price) <= 1
    hall.wait(7 * DAY)
    assert hall.guaranty.call("totalAssets") == (202_000 * WAD - paid) // 10**12
    assert hall.sound("other")


def test_a_loss_won_back_is_no_gain(hall):
    hall.contribute("other", 100_000 * WAD)
    hall.notice("member", 100_000 * WAD - 1)
    noted = hall.price_of_share
    hall.booked(2_000 * WAD)
    hall.cover()
    hall.give(1_000 * WAD)
    hall.guaranty.transact("collect", sender=hall.keeper)
    hall.wait(14 * DAY)
    price = hall.price_of_share
    assert 99 * ONE // 100 < price < noted
    assert hall.leave("member").returned == (100_000 * WAD - 1) * price // ONE


def test_who_leaves_while_a_deficit_waits_leaves_its_part(hall):
    """The pledge may pay no more in this window; who stays may have to in the next."""
    hall.contribute("other", 100_000 * WAD)
    hall.notice("member", 100_000 * WAD - 1)
    hall.wait(14 * DAY)
    hall.booked(165_000 * WAD)  # 100,000 mutual, 25,000 assessed
    hall.cover()
    assert hall.owed == 40_000 * WAD
    assert hall.pledge == 75_000 * WAD
    event = hall.leave("member").one("Claimed").args
    whole = 37_500 * WAD
    assert abs(event.assets + event.charge - whole) < 10**6
    # its half of the fund owed half of the deficit
    assert abs(event.charge - 20_000 * WAD) < 10**6
    assert hall.owed == 40_000 * WAD - event.charge
    assert hall.pledge == 75_000 * WAD - event.assets - event.charge
    assert hall.sound("other")


def test_a_deficit_that_eats_all_leaves_nothing(hall, refuses):
    matured(hall)
    hall.booked(110_000 * WAD)
    hall.cover()
    assert hall.owed == 47_500 * WAD
    refuses("LimitBroken", hall.leave, "member", 1)
    event = hall.leave("member").one("Claimed").args
    assert (event.assets, event.charge) == (0, 37_500 * WAD)
    assert hall.owed == 10_000 * WAD


def test_what_a_window_may_still_take_shrinks_with_the_pledge(hall):
    hall.contribute("other", 100_000 * WAD)
    hall.notice("member", 100_000 * WAD - 1)
    hall.wait(14 * DAY)
    hall.booked(105_000 * WAD)
    hall.cover()
    assert hall.guaranty.call("capacity") == (0, 20_000 * WAD)
    hall.leave("member")
    mutual, assessable = hall.guaranty.call("capacity")
    assert mutual == 0
    assert 10_000 * WAD - 10**6 < assessable < 10_000 * WAD + 10**6


def test_the_vaults_stress_holds_nobody_back(hall):
    """The vault is far below its stress: gains stay, this is none."""
    matured(hall)
    hall.fund("trader", 1_000_000 * WAD)
    hall.trade("trader", 15_000 * WAD)
    hall.price(150 * WAD)
    covered, _ = hall.vault.call("covers_stress")
    assert not covered
    assert hall.leave("member").returned == 100_000 * WAD - 1


def test_the_last_one_leaves_dust_for_the_next(hall):
    matured(hall)
    assert hall.leave("member").returned == 100_000 * WAD - 1
    assert hall.guaranty.call("totalSupply") == 0
    assert hall.mutual + hall.pledge == 1
    assert hall.price_of_share == ONE
    shares = hall.contribute("other", 10 * WAD)
    assert shares == 10 * WAD - 1
    matured(hall, "other")
    # what was nobody's is its own
    assert hall.leave("other").returned == 10 * WAD
    assert hall.mutual + hall.pledge == 1
