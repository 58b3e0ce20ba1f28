from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tidegate.keepers.actions import Book, Liquidate
from tidegate.keepers.liquidator import Candidate, decide, may_be_short

SHOCK = 35_000  # ppm, maintenance with contingency


def candidate(account=1, equity=100, maintenance=50, cash=0, notionals=None, marks=None):
    notionals = {64: 1000} if notionals is None else notionals
    return Candidate(
        account, equity, maintenance, cash, notionals, marks or dict.fromkeys(notionals, 1000)
    )


def test_healthy_accounts_are_left_alone():
    assert decide([candidate(), candidate(2, equity=50)]) == []


def test_account_below_maintenance_is_sliced():
    assert decide([candidate(7, equity=49)]) == [Liquidate((7,), (64,))]


def test_the_largest_leg_is_sliced():
    short = candidate(7, equity=49, notionals={64: 1000, 128: 1001})
    assert decide([short]) == [Liquidate((7,), (128,))]


def test_accounts_ascend_in_a_batch_and_the_weakest_come_first():
    weak = [candidate(9, equity=-5), candidate(4, equity=10), candidate(2, equity=40)]
    assert decide(weak, batch=2) == [Liquidate((4, 9), (64, 64)), Liquidate((2,), (64,))]


def test_negative_cash_without_positions_is_booked():
    assert decide([candidate(3, equity=-5, maintenance=0, cash=-5, notionals={})]) == [Book(3)]


def test_negative_cash_with_positions_is_not_booked():
    assert decide([candidate(3, equity=100, cash=-5)]) == []


def test_reading_is_due_after_a_large_move_only():
    far = candidate(equity=200, maintenance=35, marks={64: 1000})
    assert not may_be_short(far, {64: 1000})
    assert not may_be_short(far, {64: 900})
    assert may_be_short(far, {64: 840})
    assert may_be_short(far, {64: 1160})


def test_account_without_positions_is_never_short():
    assert not may_be_short(replace(candidate(), notionals={}), {64: 1})


@given(
    size=st.integers(-(10**6), 10**6).filter(bool),
    leverage=st.integers(1, 18),
    mark=st.integers(1_000, 10**6),
    later=st.integers(500, 2 * 10**6),
)
def test_an_account_that_is_short_is_always_read(size, leverage, mark, later):
    notional = abs(size) * mark
    equity = notional // leverage
    read = Candidate(1, equity, notional * SHOCK // 10**6, 0, {64: notional}, {64: mark})
    now_equity = equity + size * (later - mark)
    now_maintenance = abs(size) * later * SHOCK // 10**6
    if now_equity < now_maintenance:
        assert may_be_short(read, {64: later})
