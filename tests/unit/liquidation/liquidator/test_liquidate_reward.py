import pytest

from tests.harness.system import BTC, wad
from tidegate.spec.liquidator import State

WINDOW = 300


def rewarded(system, account: int) -> int:
    """When a keeper was last rewarded for the account."""
    return State.unpack(system.liquidator.call("state_word", account)).rewarded


def paid(desk, account: int | None = None) -> tuple[int, int]:
    """Slice the account: what the keeper's cash gained, what the event says."""
    before = desk.system.cash(desk.keeper_account)
    event = desk.liquidate(*([] if account is None else [account])).one("Sliced").args
    return desk.system.cash(desk.keeper_account) - before, event.reward


def test_the_cap_holds(desk):
    desk.system.move(BTC, 57_500)
    _, _, penalty, reward = desk.slice_of()
    assert penalty > wad(5)
    assert reward == wad(5)
    assert paid(desk) == (reward, reward)


def test_below_the_cap_it_is_the_penalty(desk, counterparty):
    account = desk.system.fund(counterparty, 40)
    desk.system.trade(account, BTC, "0.01")
    desk.system.move(BTC, 57_800)
    _, _, penalty, _ = desk.slice_of(account)
    assert 0 < penalty < wad(5)
    assert paid(desk, account) == (penalty, penalty)


def test_with_nothing_left_for_a_penalty_it_is_a_tenth_of_its_rate(desk, counterparty):
    account = desk.system.fund(counterparty, 40)
    desk.system.trade(account, BTC, "0.01")
    desk.system.move(BTC, 50_000)
    size, _, penalty, _ = desk.slice_of(account)
    assert (size, penalty) == (-wad("0.01"), 0)
    # 500 closed, 0.75 %, a tenth
    assert paid(desk, account) == (wad("0.375"), wad("0.375"))


def test_the_pool_pays_it(desk):
    desk.system.move(BTC, 57_500)
    receipt = desk.liquidate()
    event = receipt.one("Moved").args
    assert event.source == desk.system.deployment.pool(BTC)
    assert (event.target, event.amount) == (desk.keeper_account, wad(5))


def test_one_reward_for_an_account_and_window(desk):
    system = desk.system
    system.move(BTC, 57_500)
    assert paid(desk)[0] == wad(5)
    at = system.now
    assert rewarded(system, desk.account) == at
    system.move(BTC, 56_200)
    system.chain.set_time(at + WINDOW - 1)
    assert paid(desk) == (0, 0)
    # a slice without a reward does not start the window anew
    assert rewarded(system, desk.account) == at
    system.move(BTC, 54_900)
    assert system.now >= at + WINDOW
    assert paid(desk)[0] > 0


def test_the_window_ends_to_the_second(desk):
    system = desk.system
    system.move(BTC, 57_500)
    desk.liquidate()
    at = system.now
    system.move(BTC, 56_200)
    for seconds, reward in ((WINDOW - 1, 0), (WINDOW, wad(5))):
        system.chain.set_time(at + seconds)
        assert desk.slice_of()[3] == reward


def test_another_accounts_window_is_its_own(desk, counterparty):
    system = desk.system
    other = system.fund(counterparty, 2_000)
    system.trade(other, BTC, "0.5")
    system.move(BTC, 57_500)
    receipt = desk.liquidate(desk.account, other)
    assert [event.args.reward for event in receipt.named("Sliced")] == [wad(5), wad(5)]


def test_a_skipped_account_pays_nothing_and_keeps_its_window(desk):
    system = desk.system
    healthy = system.fund(system.actor("healthy"), 20_000)
    system.trade(healthy, BTC, "0.5")
    system.move(BTC, 57_500)
    before = system.cash(desk.keeper_account)
    desk.liquidate(healthy, desk.account)
    assert system.cash(desk.keeper_account) == before + wad(5)
    assert rewarded(system, healthy) == 0


def test_failing_on_purpose_does_not_pay(desk, attacker):
    """Who liquidates an account of one's own has less than who never opened it."""
    system = desk.system
    account, purse = system.fund(attacker, 150, 0), system.account(attacker, 1)
    system.trade(account, BTC, "0.04")
    system.move(BTC, 58_250)
    at_most = wad(150) - wad(1_750) * 4 // 100
    size, _, _, reward = desk.slice_of(account)
    assert size != 0
    assert reward > 0
    desk.liquidate(account, keeper_account=purse)
    assert system.health(account)[0] + system.cash(purse) < at_most


@pytest.mark.parametrize("sub", [0, 1])
def test_a_reward_to_the_liquidated_owner_is_no_way_out(desk, trader, sub):
    """Into the account itself it counts as its equity: the verdict is the same."""
    system = desk.system
    system.move(BTC, 57_500)
    before = desk.standing()
    desk.liquidate(keeper_account=system.account(trader, sub))
    assert desk.standing().lack < before.lack
