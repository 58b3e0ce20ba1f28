"""Who would take from the guaranty fund, or leave its losses to others.

The fund holds 100,000 of "member", half of it pledged; the vault 1,000,000. Figures that
docs/waterfall.md quotes are measured here.
"""

import pytest

from tests.unit.vaults.guaranty_fund.conftest import ONE, START, Hall, deploy
from tidegate.client.errors import ProtocolError
from tidegate.local_accounts import local_address
from tidegate.revm_chain import RevmChain
from tidegate.spec import words
from tidegate.spec.fund import DAY
from tidegate.spec.rounding import WAD

NOTICE, WINDOW, VESTING, ASSESSMENT = 14 * DAY, 2 * DAY, 7 * DAY, 30 * DAY


@pytest.fixture
def empty() -> Hall:
    """A fund without shareholders."""
    hall = deploy(RevmChain(timestamp=START))
    hall.provide("lp", 1_000_000 * WAD)
    return hall


@pytest.fixture
def hall(empty: Hall) -> Hall:
    """ "member" holds 100,000 of the fund."""
    empty.contribute("member", 100_000 * WAD)
    return empty


def worth(hall: Hall, name: str) -> int:
    """Cash and shares of somebody, those under notice at what they would be paid."""
    account = hall.account(name)
    word, noted = hall.guaranty.call("notice_word", account)
    price = hall.price_of_share
    held = hall.held(name) * price + (word >> 128) * min(price, noted)
    return hall.cash(account) + held // ONE


def collect(hall: Hall) -> None:
    hall.guaranty.transact("collect", sender=hall.keeper)


# Leaving in front of a loss


def test_nobody_leaves_on_the_day_it_is_seen(hall):
    """The account is bankrupt, closed and not yet booked: a notice given now bears it all."""
    hall.contribute("other", 100_000 * WAD)
    name = hall.default(40_000 * WAD)
    with pytest.raises(ProtocolError) as refusal:
        hall.leave("member")
    assert refusal.value.name == "NoRequest"
    hall.notice("member")
    hall.wait(NOTICE)
    hall.book(name)
    hall.leave("member")
    assert abs(worth(hall, "member") - 80_000 * WAD) < 10**7
    assert abs(worth(hall, "member") - worth(hall, "other")) < 10**7


def test_what_is_booked_is_paid_before_anybody_leaves(hall):
    """The claim comes between the booking and the call to cover."""
    hall.contribute("other", 100_000 * WAD)
    hall.notice("member")
    hall.wait(NOTICE)
    hall.booked(40_000 * WAD)
    hall.leave("member")
    assert hall.owed == 0
    assert abs(worth(hall, "member") - 80_000 * WAD) < 10**7


def test_a_transfer_of_shares_does_not_leave(hall):
    """Shares under notice are the fund's to hold; those sold to a friend have no notice."""
    hall.notice("member")
    sender = local_address("member")
    with pytest.raises(ProtocolError) as refusal:
        hall.guaranty.transact("transfer", local_address("friend"), 1, sender=sender)
    assert refusal.value.name == "InsufficientShares"


def test_only_an_open_window_leaves_in_front_of_what_is_not_booked(hall):
    """What remains: whoever gave notice two weeks ago may see the crash and claim at once."""
    for name in ("roller", "other"):
        hall.contribute(name, 100_000 * WAD)
    hall.notice("roller")
    hall.wait(NOTICE)
    name = hall.default(40_000 * WAD)
    hall.leave("roller")
    hall.book(name)
    hall.cover()
    lost = 100_000 * WAD - worth(hall, "member")
    assert worth(hall, "roller") >= 100_000 * WAD - 10
    # two bear what three would have borne
    assert abs(lost - 20_000 * WAD) < 10**7


def test_who_always_has_a_notice_running_earns_nothing(hall):
    """A year of rolling notices against a year of staying, a gift a week."""
    hall.contribute("roller", 100_000 * WAD)
    start = hall.chain.time()
    hall.notice("roller")
    for week in range(1, 53):
        hall.give(200 * WAD)
        collect(hall)
        hall.chain.set_time(start + week * VESTING)
        if week % 2 == 0:
            # the window is open: nothing happened, so on with it
            hall.cancel("roller")
            hall.notice("roller")
    hall.chain.set_time(start + 60 * VESTING)
    collect(hall)
    earned = {name: worth(hall, name) - 100_000 * WAD for name in ("member", "roller")}
    assert -(10**6) < earned["roller"] <= 0
    # of 10,400 given; the rest lies in the shares of the roller's last notice
    assert earned["member"] > 10_200 * WAD


# Coming for a moment


def test_coming_in_front_of_a_gift_earns_nothing(hall):
    hall.contribute("attacker", 900_000 * WAD)
    hall.give(10_000 * WAD)
    collect(hall)
    hall.notice("attacker")
    hall.wait(NOTICE)
    hall.leave("attacker")
    assert worth(hall, "attacker") <= 900_000 * WAD
    hall.wait(VESTING)
    assert worth(hall, "member") >= 109_999 * WAD


def test_a_gift_is_earned_by_the_day(hall):
    """Ninety percent of the fund for one day of seven: nine tenths of a seventh."""
    hall.contribute("attacker", 900_000 * WAD)
    hall.give(7_000 * WAD)
    collect(hall)
    hall.chain.advance(DAY)
    hall.notice("attacker")
    hall.wait(NOTICE)
    hall.leave("attacker")
    earned = worth(hall, "attacker") - 900_000 * WAD
    assert abs(earned - 900 * WAD) < WAD // 10**6


def test_coming_in_front_of_a_leaver_earns_nothing(hall):
    """What a leaver forfeits vests like a gift."""
    hall.contribute("leaver", 100_000 * WAD)
    hall.notice("leaver")
    hall.give(10_000 * WAD)
    collect(hall)
    hall.wait(NOTICE)
    hall.contribute("attacker", 1_000_000 * WAD)
    hall.leave("leaver")
    assert worth(hall, "attacker") <= 1_000_000 * WAD
    hall.notice("attacker")
    hall.wait(NOTICE)
    hall.leave("attacker")
    assert worth(hall, "attacker") <= 1_000_000 * WAD


# Prices of shares


@pytest.mark.parametrize("seed", [1, 10**6 + 2, 10**12])
def test_the_first_cannot_make_the_second_round_down(empty, seed):
    """The first puts in crumbs and gives a hundred thousand; the gift vests, the second comes."""
    empty.member("attacker", 10**12)
    empty.put("attacker", max(seed, 2))
    empty.give(100_000 * WAD, name="attacker")
    collect(empty)
    empty.wait(VESTING)
    empty.contribute("victim", 10_000 * WAD)
    lost = 10_000 * WAD - worth(empty, "victim")
    assert lost < WAD // 10
    # the gift is not the attacker's any more
    assert worth(empty, "attacker") < 100_000 * WAD


@pytest.mark.parametrize("sub", [0, 1, 2, 3])
def test_a_donation_moves_no_price(hall, sub):
    price = hall.price_of_share
    hall.give(50_000 * WAD, words.account(hall.guaranty.address, sub))
    assert hall.price_of_share == price
    collect(hall)
    assert hall.price_of_share == price
    hall.notice("member")
    hall.wait(NOTICE)
    assert hall.leave("member").returned == 100_000 * WAD - 1


def test_in_and_out_never_pays(hall):
    """Whatever the price: after a loss, after a gift."""
    hall.booked(33_333 * WAD + 1)
    hall.cover()
    for amount in (2, 10**12, 7 * WAD + 3, 90_000 * WAD):
        hall.member("attacker", -(-amount // 10**12) * 10**12)
        hall.put("attacker", amount)
        hall.notice("attacker")
        hall.wait(NOTICE)
        assert hall.leave("attacker").returned <= amount


# Keeping others in


def test_dust_keeps_nobody_in(hall):
    """Shares, cash, gifts and deficits of a unit, each just before the claim."""
    hall.notice("member", 40_000 * WAD)
    hall.wait(NOTICE)
    hall.contribute("attacker", WAD)
    hall.guaranty.transact("transfer", local_address("member"), 1, sender=local_address("attacker"))
    hall.give(1, name="attacker")
    hall.give(1, hall.account("member"), name="attacker")
    hall.booked(1)
    hall.insure(1)
    hall.booked(2)
    assert hall.leave("member").returned >= 40_000 * WAD - 10


def test_a_booked_unit_that_nobody_may_pay_costs_a_unit(hall):
    """The pledge has paid what the window takes: dust stays booked, and the claim goes on."""
    hall.booked(62_500 * WAD)
    hall.cover()
    hall.notice("member")
    hall.chain.advance(NOTICE)
    hall.booked(3)
    assert hall.cover().named("Covered") == []
    event = hall.leave("member").one("Claimed").args
    assert (event.charge, event.assets) == (3, 37_500 * WAD - 3)


def test_a_stranger_takes_nobodys_notice(hall):
    hall.contribute("attacker", WAD)
    with pytest.raises(ProtocolError) as refusal:
        hall.guaranty.transact(
            "give_notice", hall.account("member"), 1, sender=local_address("attacker")
        )
    assert refusal.value.name == "NotPermitted"


# Assessments


def test_no_window_takes_more_than_its_share_of_anybody(hall):
    """Defaults without end: a quarter of the pledge, whoever leaves in between."""
    hall.contribute("leaver", 100_000 * WAD)
    hall.notice("leaver")
    hall.wait(NOTICE)
    hall.booked(110_000 * WAD)
    hall.cover()
    hall.leave("leaver")
    for _ in range(3):
        hall.booked(30_000 * WAD)
        hall.cover()
        hall.absorb()
    # 50,000 mutual and a quarter of 50,000 pledged
    assert abs(worth(hall, "member") - 37_500 * WAD) < 10**7


def test_around_its_end_a_window_and_the_next(hall):
    """The most in any thirty days is two windows' shares: of what is left, the second."""
    hall.booked(50_001 * WAD)
    hall.cover()
    hall.chain.advance(ASSESSMENT - 3600)
    hall.booked(60_000 * WAD)
    hall.cover()
    hall.absorb()
    assert hall.pledge == 37_500 * WAD
    hall.chain.advance(3600)
    hall.booked(60_000 * WAD)
    hall.cover()
    assert hall.pledge == 37_500 * WAD * 3 // 4


# The end of a fund


def test_a_fund_that_paid_all_it_may_goes_on(hall):
    """Who comes after the loss owns what they put in, not what others lost."""
    hall.booked(62_500 * WAD)
    hall.cover()
    hall.contribute("other", 50_000 * WAD)
    assert abs(worth(hall, "other") - 50_000 * WAD) < 10**7
    assert abs(worth(hall, "member") - 37_500 * WAD) < 10**7
    hall.booked(1_000 * WAD)
    hall.cover()
    assert hall.owed == 0
    assert abs(worth(hall, "other") + worth(hall, "member") - 86_500 * WAD) < 10**7


def test_when_all_have_left_nothing_is_left(hall):
    hall.notice("member")
    hall.wait(NOTICE)
    hall.leave("member")
    assert hall.cash(hall.purse) == 1
    # a unit of the pledge, of which an assessment may take a quarter
    hall.booked(WAD)
    assert hall.cover().named("Covered") == []
    hall.absorb()
    assert hall.owed == 0
