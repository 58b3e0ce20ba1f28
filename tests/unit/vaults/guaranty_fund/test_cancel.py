"""GuarantyFund.cancel: the shares come back, without what they won."""

from tidegate.spec.fund import DAY
from tidegate.spec.rounding import WAD


def test_the_shares_come_back(hall):
    shares = hall.held("member")
    hall.notice("member", WAD)
    event = hall.cancel("member").one("NoticeCancelled").args
    assert (event.account, event.shares, event.forfeited) == (hall.account("member"), WAD, 0)
    assert hall.held("member") == shares
    assert hall.guaranty.call("notice_word", hall.account("member"))[0] == 0


def test_without_what_they_won(hall):
    hall.contribute("other", 100_000 * WAD)
    hall.notice("member", 100_000 * WAD - 1)
    noted = hall.price_of_share
    hall.give(2_000 * WAD)
    hall.guaranty.transact("collect", sender=hall.keeper)
    hall.wait(14 * DAY)
    price = hall.price_of_share
    event = hall.cancel("member").one("NoticeCancelled").args
    assert event.shares == (100_000 * WAD - 1) * noted // price
    assert event.forfeited == 100_000 * WAD - 1 - event.shares
    # what they are worth now is what they were worth then
    worth = event.shares * hall.price_of_share // 10**27
    assert abs(worth - 100_000 * WAD) < 10**6
    assert 999 * WAD < hall.guaranty.call("vesting_word") >> 128 <= 1_000 * WAD
    assert hall.sound("other")


def test_a_loss_stays_in_them(hall):
    hall.notice("member", 50_000 * WAD)
    hall.booked(10_000 * WAD)
    event = hall.cancel("member").one("NoticeCancelled").args
    assert hall.owed == 0
    assert (event.shares, event.forfeited) == (50_000 * WAD, 0)


def test_nothing_to_cancel(hall, refuses):
    refuses("NoRequest", hall.cancel, "member")


def test_a_stranger_only_once_it_is_too_late_to_claim(hall, refuses):
    hall.notice("member", WAD)
    start = hall.chain.time()
    hall.chain.set_time(start + 16 * DAY - 1)
    refuses("NotPermitted", hall.cancel, "member", "stranger")
    hall.chain.set_time(start + 16 * DAY)
    hall.cancel("member", "stranger")
    assert hall.held("stranger") == 0
    assert hall.held("member") == 100_000 * WAD - 1
