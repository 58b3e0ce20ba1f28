"""A position on the crowded side: the vault pays premium to whoever closes it."""

import pytest

from tests.harness.system import BTC


@pytest.fixture
def crowded(desk, counterparty):
    account = desk.system.fund(counterparty, 1_000_000)
    desk.system.trade(account, BTC, 40)
    return desk


@pytest.mark.parametrize("price", [56_020, 55_950, 55_800, 55_600, 55_000])
def test_without_equity_there_is_no_penalty_though_closing_pays(crowded, price):
    crowded.system.move(BTC, price)
    before = crowded.standing()
    assert before.equity < 0
    event = crowded.liquidate().one("Sliced").args
    assert event.price > crowded.mark()
    assert event.whole
    assert event.penalty == 0
    assert crowded.position() == 0


def test_with_equity_the_penalty_may_come_out_of_the_premium(crowded):
    crowded.system.move(BTC, 56_100)
    before = crowded.standing()
    event = crowded.liquidate().one("Sliced").args
    assert 0 < before.equity < event.penalty <= crowded.most_penalty(event.size)
    after = crowded.standing()
    assert after.equity >= 0
    assert after.equity * before.notional >= before.equity * after.notional
