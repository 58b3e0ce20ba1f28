"""A price slot posted late is the price of its slot, and nothing else."""

import pytest

from tests.attacks.conftest import net
from tests.harness.reverts import reverts
from tests.harness.system import BTC, System, wad
from tidegate.spec.rounding import WAD


@pytest.fixture
def placed(funded: System, trader: str):
    """An order to buy 10 BTC and the second in which its slot opens."""
    account = funded.fund(trader, 100_000)
    order = funded.order(account, BTC, 10)
    funded.place(order)
    return order, (funded.slot + 1) * funded.config.slot_seconds


def test_it_fills_the_order_of_its_slot_and_moves_nothing(funded: System, placed, keeper: str):
    order, opened = placed
    oracle, reward = funded.oracle, funded.account(keeper)
    # slots after it are published first
    for later, price in ((8, 59_700), (16, 59_400)):
        funded.chain.set_time(opened + later)
        funded.signers.push(1, wad(price))
        funded.chain.advance(1)
    with reverts("NoPrice"):
        funded.exchange.transact("execute", order, reward, sender=keeper)
    latest, word = oracle.call("latest", 1), oracle.call("latest_word", 1)
    health = funded.health(order.account)
    funded.chain.set_time(opened + 28)
    funded.signers.push(1, wad(60_050), opened + 2)
    assert oracle.call("latest", 1) == latest == (wad(59_400), True)
    assert oracle.call("latest_word", 1) == word
    assert funded.health(order.account) == health
    funded.signers.push(1, wad(59_400))  # it is late: the open slot has a say
    done = funded.exchange.transact("execute", order, reward, sender=keeper)
    price = done.one("Filled").args.price
    assert wad(60_050) < price < wad(60_250)
    # what it is worth is of the price in force
    gain = 10 * (wad(59_400) - price)
    fee = next(event.args.fee for event in done.events if event.name == "Filled")
    keepers = wad(funded.config.min_keeper_fee)
    staked = funded.stake(order)
    assert staked == 10 * 60_000 * 3 // 1000 * WAD + keepers
    assert net(funded, order.account) == 100_000 * WAD + gain - fee - keepers - staked


def test_only_the_first_price_of_a_slot_counts(funded: System, placed):
    """Immutable, even if every signer signs a second one."""
    _, opened = placed
    funded.chain.set_time(opened + 1)
    funded.signers.push(1, wad(60_050))
    slot = funded.slot
    word = funded.oracle.call("slot_word", 1, slot)
    for signer in funded.signers.quorum:
        signer.signed.clear()
    funded.chain.advance(1)
    arguments = funded.signers.arguments(1, wad(59_000), opened + 1)
    assert funded.oracle.transact("push", *arguments).events == []
    assert funded.oracle.call("slot_word", 1, slot) == word
    assert funded.oracle.call("slot_price", 1, slot)[0] == wad(60_050)


def test_beyond_the_window_it_fills_nothing_and_the_lapse_fee_is_due(
    funded: System, placed, keeper: str
):
    order, opened = placed
    funded.chain.set_time(opened + 8)
    funded.signers.push(1, wad(60_300))
    funded.chain.set_time(opened + funded.config.window + 1)
    funded.signers.push(1, wad(59_900), opened + 2)
    treasury = funded.cash(funded.deployment.treasury)
    done = funded.exchange.transact("execute", order, funded.account(keeper), sender=keeper)
    ended = done.one("Ended").args
    lapse = 10 * 60_000 * 3 // 1000 * WAD
    assert ended.lapse_fee == lapse
    assert funded.cash(funded.deployment.treasury) == treasury + lapse
    assert funded.size(order.account, BTC) == 0


def test_beyond_the_ring_it_is_refused(funded: System, placed):
    _, opened = placed
    arguments = funded.signers.arguments(1, wad(60_050), opened + 1)
    funded.chain.set_time(opened + 128 * funded.config.slot_seconds)
    with reverts("SlotGone"):
        funded.oracle.transact("push", *arguments)


def test_a_late_price_may_not_leave_the_guard(funded: System, placed):
    """Late or in time, a price moves at most its step per slot from the one in force."""
    _, opened = placed
    funded.chain.set_time(opened + 8)
    funded.signers.push(1, wad(60_000))
    with reverts("BadPrice"):
        funded.signers.push(1, wad(70_000), opened + 1)
