"""GuarantyFund.contribute: shares at the price, half of the money pledged."""

from tidegate.local_accounts import local_address
from tidegate.spec.fund import DAY
from tidegate.spec.rounding import WAD

from .conftest import HALF, NEVER, ONE, START, deploy


def test_the_first_gets_a_share_a_token(empty):
    shares = empty.contribute("member", 100 * WAD)
    # the price is rounded down, and one unit of it more is paid
    assert shares == 100 * WAD * ONE // (ONE + 1) == 100 * WAD - 1
    assert (empty.mutual, empty.pledge) == (50 * WAD, 50 * WAD)


def test_says_what_happened(empty):
    empty.member("member", 3 * WAD)
    event = empty.put("member", 2 * WAD + 1).one("Contributed").args
    assert (event.account, event.assets) == (empty.account("member"), 2 * WAD + 1)
    assert (event.pledged, event.shares) == (WAD, 2 * WAD)


def test_the_odd_unit_is_mutual(empty):
    empty.member("member", WAD)
    empty.put("member", 10**9 + 1)
    assert (empty.mutual, empty.pledge) == (5 * 10**8 + 1, 5 * 10**8)


def test_all_of_it_is_principal_of_the_fund(hall):
    assert hall.principal(hall.purse) == hall.cash(hall.purse) == 100_000 * WAD


def test_after_a_loss_a_token_buys_more(hall):
    hall.booked(20_000 * WAD)
    hall.cover()
    price = hall.price_of_share
    virtual = 10**6
    assert price == (80_000 * WAD + virtual) * ONE // (hall.held("member") + virtual)
    assert hall.contribute("other", 8 * WAD) == 8 * WAD * ONE // (price + 1)


def test_what_is_booked_is_paid_by_those_who_were_there(hall):
    hall.booked(20_000 * WAD)
    shares = hall.contribute("other", 80_000 * WAD)
    assert hall.owed == 0
    assert 100_000 * WAD - 10**6 < shares <= 100_000 * WAD


def test_nothing_comes_in_while_the_fund_owes(hall, refuses):
    hall.booked(63_000 * WAD)
    hall.member("other", WAD)
    refuses("DeficitBooked", hall.put, "other", WAD)
    hall.absorb()
    hall.put("other", WAD)


def test_only_who_holds_the_right_lp(hall, refuses):
    account = hall.member("other", WAD)
    stranger = local_address("stranger")
    refuses(
        "NotPermitted",
        hall.guaranty.transact, "contribute", account, WAD, 0, sender=stranger,
    )  # fmt: skip
    hall.core.transact("set_delegate", stranger, 4, NEVER, sender=local_address("other"))
    hall.guaranty.transact("contribute", account, WAD, 0, sender=stranger)
    # the shares are the owner's
    assert hall.held("stranger") == 0
    assert hall.held("other") == WAD - 1


def test_the_fund_needs_the_right_move(hall, refuses):
    hall.fund("other", WAD)
    refuses("NotPermitted", hall.put, "other", WAD)


def test_fewer_shares_than_asked_for(hall, refuses):
    hall.member("other", WAD)
    refuses("LimitBroken", hall.put, "other", WAD, WAD)
    hall.put("other", WAD, WAD - 1)


def test_nothing_for_nothing(hall, refuses):
    hall.member("other", WAD)
    refuses("ZeroAmount", hall.put, "other", 0)
    refuses("ZeroAmount", hall.put, "other", 1)
    refuses("InsufficientCash", hall.put, "other", WAD + 1)


def test_no_more_than_the_fields_hold(hall, refuses):
    for turn in range(4):
        hall.fund("other", 2**110 // 10**12 * 10**12)
        hall.core.transact(
            "set_delegate", hall.guaranty.address, 2, NEVER, sender=local_address("other")
        )
        if turn < 3:
            hall.put("other", 2**110 - 10**12)
    refuses("AmountTooLarge", hall.put, "other", 2**110)


def test_not_before_its_account_is_out_of_reach(hall, refuses):
    """A fund whose account venues could charge takes no money."""
    from tidegate.artifacts import artifact

    other = hall.chain.deploy(artifact("GuarantyFund"), hall.core.address, hall.owner, HALF.pack())
    account = hall.fund("other", WAD)
    sender = local_address("other")
    hall.core.transact("set_delegate", other.address, 2, NEVER, sender=sender)
    refuses("NotReserved", other.transact, "contribute", account, WAD, 0, sender=sender)


def test_the_pledged_part_is_the_owners_to_set(empty):
    from dataclasses import replace

    word = replace(HALF, pledged=100_000).pack()
    empty.guaranty.transact("set_parameters", word, sender=empty.owner)
    empty.contribute("member", 100 * WAD)
    assert (empty.mutual, empty.pledge) == (90 * WAD, 10 * WAD)


def test_shares_worth_next_to_nothing_are_not_sold(empty, refuses):
    """Ninety percent mutual and half of the rest a week: worn down to a millionth."""
    from dataclasses import replace

    worn = replace(HALF, pledged=100_000, assessed=500_000, assessment=7 * DAY)
    empty.guaranty.transact("set_parameters", worn.pack(), sender=empty.owner)
    empty.provide("lp", 1_000_000 * WAD)
    empty.contribute("member", 10 * WAD)
    empty.booked(10 * WAD)
    for _ in range(17):
        empty.cover()
        empty.wait(7 * DAY)
    empty.give(empty.owed, empty.deficit)
    assert empty.price_of_share < 10**21
    empty.member("other", WAD)
    refuses("NoSharePrice", empty.put, "other", WAD)
    # a gift brings it back to life
    empty.give(WAD // 10)
    empty.guaranty.transact("collect", sender=empty.keeper)
    empty.wait(7 * DAY)
    empty.put("other", WAD)


def test_start_is_a_day(empty):
    """The days of the draws begin where the tests begin."""
    assert START % DAY == 0
    assert deploy  # the same deployment for all
