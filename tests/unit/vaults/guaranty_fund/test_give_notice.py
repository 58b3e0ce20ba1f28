"""GuarantyFund.give_notice: shares wait in the fund's hands, at the price of the day at most."""

from dataclasses import replace

from tidegate.local_accounts import local_address
from tidegate.spec.fund import DAY
from tidegate.spec.rounding import WAD

from .conftest import HALF, NEVER


def test_the_shares_wait_in_the_fund(hall):
    shares = hall.held("member")
    event = hall.notice("member", 40 * WAD).one("NoticeGiven").args
    now = hall.chain.time()
    assert (event.account, event.shares) == (hall.account("member"), 40 * WAD)
    assert (event.price, event.matures) == (hall.price_of_share, now + 14 * DAY)
    assert event.closes == now + 16 * DAY
    assert hall.held("member") == shares - 40 * WAD
    assert hall.guaranty.call("balanceOf", hall.guaranty.address) == 40 * WAD
    word, price = hall.guaranty.call("notice_word", hall.account("member"))
    assert word == 40 * WAD << 128 | event.closes << 64 | event.matures
    assert price == event.price


def test_it_changes_no_price(hall):
    hall.contribute("other", 7 * WAD)
    price = hall.price_of_share
    hall.notice("member")
    assert hall.price_of_share == price


def test_what_is_booked_is_paid_first(hall):
    hall.booked(20_000 * WAD)
    event = hall.notice("member").one("NoticeGiven").args
    assert hall.owed == 0
    assert event.price == hall.price_of_share < 8 * 10**26 + 10**21


def test_one_notice_an_account(hall, refuses):
    hall.notice("member", WAD)
    refuses("RequestPending", hall.notice, "member", WAD)


def test_not_of_nothing_and_not_of_more_than_there_is(hall, refuses):
    refuses("ZeroAmount", hall.notice, "member", 0)
    refuses("InsufficientShares", hall.notice, "member", hall.held("member") + 1)
    refuses("AmountTooLarge", hall.notice, "member", 2**128)


def test_only_into_an_account_with_the_right_lp(hall, refuses):
    stranger = local_address("stranger")
    account = hall.account("member")
    refuses("NotPermitted", hall.guaranty.transact, "give_notice", account, WAD, sender=stranger)
    # whoever holds the right gives their own shares
    hall.core.transact("set_delegate", stranger, 4, NEVER, sender=local_address("member"))
    refuses(
        "InsufficientShares",
        hall.guaranty.transact, "give_notice", account, WAD, sender=stranger,
    )  # fmt: skip


def test_its_times_are_fixed(hall):
    hall.notice("member", WAD)
    before = hall.guaranty.call("notice_word", hall.account("member"))
    longer = replace(HALF, notice=60 * DAY, window=DAY)
    hall.guaranty.transact("set_parameters", longer.pack(), sender=hall.owner)
    assert hall.guaranty.call("notice_word", hall.account("member")) == before
