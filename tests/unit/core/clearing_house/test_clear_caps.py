"""Caps bind what opens: a side under H, |skew| under the soft cap; nothing that reduces."""

import random
from collections import Counter

import pytest

from tests.unit.core.clearing_house.conftest import BTC, PRICE, RISK, House
from tidegate.client.errors import ProtocolError
from tidegate.local_accounts import local_address
from tidegate.spec import words
from tidegate.spec.margin import crowding_up, notional_up
from tidegate.spec.rounding import WAD

HARD, SOFT = 100 * WAD, 60 * WAD
TRADE = words.Trade.human(hard=100, soft=60, minimum=100, band="0.03", taker_fee="0.0005")
CROWDED = words.Trade.human(
    hard=100, soft=60, minimum=100, band="0.03", taker_fee="0.0005", crowding="0.02"
)


@pytest.fixture
def capped(house: House) -> House:
    house.list(BTC, RISK, TRADE)
    return house


@pytest.fixture
def people(capped: House) -> list[int]:
    return [capped.fund(f"trader {i}", 10_000 * WAD) for i in range(4)]


def sides(house: House) -> tuple[int, int]:
    interest = house.interest()
    return interest.long_side, interest.short_side


@pytest.mark.parametrize("sign", [1, -1])
def test_skew_opens_to_the_soft_cap(capped: House, people, refuses, sign: int):
    refuses("SkewCap", capped.trade, people[0], sign * (SOFT + 1))
    capped.trade(people[0], sign * SOFT)
    refuses("SkewCap", capped.trade, people[1], sign * WAD)
    capped.trade(people[1], -sign * WAD)
    capped.trade(people[2], sign * WAD)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_side_opens_to_the_hard_cap(capped: House, people, refuses, sign: int):
    for _ in range(2):
        capped.trade(people[0], sign * HARD // 2)
        capped.trade(people[1], -sign * HARD // 2)
    assert sides(capped) == (HARD, HARD)
    refuses("OpenInterestCap", capped.trade, people[2], sign * WAD)
    refuses("OpenInterestCap", capped.trade, people[2], -sign * WAD)
    refuses("OpenInterestCap", capped.trade, people[2], sign * WAD, maker=people[3])


def test_opening_both_sides_and_closing_one_keeps_the_vault_within_the_hard_cap(
    capped: House, people, refuses
):
    """The way around a cap on skew alone: ten times both sides, then one of them closes."""
    for _ in range(5):
        capped.trade(people[0], 20 * WAD)
        capped.trade(people[1], -20 * WAD)
    refuses("OpenInterestCap", capped.trade, people[0], 20 * WAD)
    assert sides(capped) == (HARD, HARD)
    capped.trade(people[0], -HARD)
    assert capped.size(capped.pool()) == HARD
    # nothing opens the side that is full, and the skew may only fall
    refuses("OpenInterestCap", capped.trade, people[2], -WAD)
    capped.trade(people[2], WAD)
    assert capped.size(capped.pool()) == HARD - WAD
    capped.trade(people[2], -WAD)


def test_whatever_is_done_the_vaults_position_stays_within_the_hard_cap(capped: House, people):
    rng = random.Random(3)
    done, refused = 0, Counter()
    for _ in range(400):
        size = rng.choice([-1, 1]) * rng.randint(1, 60) * WAD
        account = rng.choice(people)
        if rng.random() < 0.5:
            size = -capped.size(account) or size
        try:
            capped.trade(account, size)
            done += 1
        except ProtocolError as refusal:
            refused[refusal.name] += 1
            assert abs(capped.size(account) + size) > abs(capped.size(account))
        assert abs(capped.size(capped.pool())) <= HARD
        assert max(sides(capped)) <= HARD
    assert done > 150
    assert set(refused) == {"OpenInterestCap", "SkewCap"}


def test_a_flip_is_bound_by_the_side_it_opens(capped: House, people, refuses):
    capped.trade(people[0], 50 * WAD)
    capped.trade(people[1], -HARD)
    capped.trade(people[2], 50 * WAD)
    refuses("OpenInterestCap", capped.trade, people[0], -51 * WAD)
    capped.trade(people[0], -50 * WAD)


def test_above_a_lowered_cap_everything_still_reduces(capped: House, people, refuses):
    capped.trade(people[0], 50 * WAD)
    capped.trade(people[1], -50 * WAD)
    capped.list(BTC, RISK, words.Trade.human(hard=10, soft=5, minimum=100, band="0.03"))
    refuses("OpenInterestCap", capped.trade, people[2], WAD)
    capped.trade(people[0], -20 * WAD)
    capped.trade(people[1], 50 * WAD)
    assert sides(capped) == (30 * WAD, 0)


def test_a_match_within_the_side_is_not_bound(capped: House, people):
    capped.trade(people[0], 60 * WAD)
    capped.list(BTC, RISK, words.Trade.human(minimum=100, band="0.03"))
    capped.trade(people[0], -60 * WAD, maker=people[1])
    assert sides(capped) == (60 * WAD, 0)


def test_caps_of_zero_open_nothing(capped: House, people, refuses):
    capped.list(BTC, RISK, words.Trade.human(minimum=100, band="0.03"))
    refuses("OpenInterestCap", capped.trade, people[0], WAD)


# The crowding add-on of initial margin


def need(size: int, skew: int, side: int) -> int:
    """Initial margin of a position that grew while |skew| did."""
    plain = 5 * notional_up(size, PRICE) // 100
    return plain + crowding_up(notional_up(size, PRICE), skew, side, CROWDED)


@pytest.mark.parametrize("sign", [1, -1])
def test_who_crowds_a_side_needs_more_margin(capped: House, refuses, sign: int):
    capped.list(BTC, RISK, CROWDED)
    # 2,000 of notional, a third of the soft cap: 5 % and a third of 2 %
    exact = need(20 * WAD, 20 * WAD, 20 * WAD)
    assert exact == 100 * WAD + 2_000 * WAD * 20_000 * 333_334 // 10**12
    account = capped.fund("trader", exact - 10**12)
    refuses("InsufficientMargin", capped.trade, account, sign * 20 * WAD)
    capped.deposit(account, 10**12, local_address("trader"))
    capped.trade(account, sign * 20 * WAD)


def test_who_takes_the_other_side_needs_no_more(capped: House, people):
    capped.list(BTC, RISK, CROWDED)
    capped.trade(people[0], 40 * WAD)
    account = capped.fund("trader", 100 * WAD)
    capped.trade(account, -20 * WAD)
    assert capped.health(account)[0] == capped.health(account)[1]


def test_crowding_is_measured_once_after_the_last_fill(capped: House, people):
    """A package that leaves |skew| where it was crowds nobody."""
    capped.list(BTC, RISK, CROWDED)
    long, short = capped.fund("long", 100 * WAD), capped.fund("short", 100 * WAD)
    capped.clear(capped.fill(long, 20 * WAD), capped.fill(short, -20 * WAD))


def test_crowding_does_not_hold_what_is_withdrawn_later(capped: House):
    """It is asked when a position grows; holding it takes the plain initial margin."""
    capped.list(BTC, RISK, CROWDED)
    account = capped.fund("trader", 200 * WAD)
    capped.trade(account, 20 * WAD)
    capped.withdraw(account, 100 * WAD)
    assert capped.health(account)[0] == capped.health(account)[1] == 100 * WAD
