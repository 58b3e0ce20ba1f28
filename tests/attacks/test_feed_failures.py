"""An outside oracle that is dead, lies or attacks hurts its own market's openings and nothing else.

BTC stays with the signers. ETH's feed goes over to an adapter while a trader holds a position in
each market; then what the adapter reads misbehaves.
"""

from collections.abc import Callable

import pytest

from tests.attacks.conftest import net
from tests.harness.pyth import ETH_ID
from tests.harness.reverts import reverts
from tests.harness.system import BTC, ETH, System, wad
from tidegate.artifacts import artifact
from tidegate.chain import Contract
from tidegate.client.errors import ProtocolError
from tidegate.deployment import COLLATERAL
from tidegate.spec.rounding import WAD

NOBODY = "0x" + "00" * 20
FAILURES = {
    "reverts": (True, False, b""),
    "reverts with a reason": (True, False, b"\x08\xc3\x79\xa0" + (32).to_bytes(32, "big") * 3),
    "answers nothing": (False, False, b""),
    "answers too little": (False, False, bytes(31)),
    "answers zeros": (False, False, bytes(160)),
    "answers zeros to Pyth's question": (False, False, bytes(352)),
    "answers ones": (False, False, b"\xff" * 160),
    "answers ones to Pyth's question": (False, False, b"\xff" * 352),
    "answers far too much": (False, False, b"\x01" * 60_000),
    "burns all gas": (False, True, b""),
}


def post_btc(system: System, price: int) -> None:
    """BTC's signers alone go on, as far as the guard asks."""
    before = system.prices[1]
    steps = abs(wad(price) - before) * 20 // before + 1
    system.next_slot(int(steps))
    system.push(BTC, price)
    system.chain.advance(1)


def trade_btc(system: System, account: int, size: int, **changes) -> None:
    """As System.trade, with prices of BTC only."""
    order = system.order(account, BTC, size, **changes)
    system.place(order)
    system.next_slot()
    system.push(BTC, system.prices[1] // WAD)
    system.chain.advance(1)
    keeper = system.actor("keeper")
    done = system.exchange.transact("execute", order, system.account(keeper), sender=keeper)
    assert done.named("Executed")


@pytest.fixture
def holder(funded: System, trader: str) -> int:
    """Long 5 BTC and 100 ETH on 50,000: 600,000 of notional, twice what maintenance asks."""
    account = funded.fund(trader, 50_000)
    funded.trade(account, BTC, 5)
    funded.trade(account, ETH, 100)
    return account


@pytest.fixture(params=["Pyth", "Chainlink"])
def broken(funded: System, holder: int, request) -> tuple[Contract, Callable[[], object]]:
    """What stands in the outside oracle's place, and how somebody tries to post from it."""
    system = funded
    outside = system.chain.deploy(artifact("HostileFeed"))
    oracle = system.oracle.address
    if request.param == "Pyth":
        adapter = system.chain.deploy(
            artifact("PythFeed"), oracle, outside.address, 2, ETH_ID, 2_000
        )
        post = lambda: adapter.transact("post", system.slot, b"", gas=8_000_000)  # noqa: E731
    else:
        outside.transact("behave", False, False, (8).to_bytes(32, "big"))
        adapter = system.chain.deploy(
            artifact("ChainlinkFeed"), oracle, outside.address, 2, 3600, NOBODY, 0
        )
        post = lambda: adapter.transact("post", gas=8_000_000)  # noqa: E731
    reads = request.param == "Chainlink"
    system.govern(system.oracle, "set_source", 2, adapter.address, reads)
    return outside, post


@pytest.fixture
def failing(funded: System, broken) -> System:
    """ETH's source fails in every way, each by name and without effect; its price is stale."""
    outside, post = broken
    funded.next_slot()
    before = funded.oracle.call("latest_word", 2)
    for failure in FAILURES.values():
        outside.transact("behave", *failure)
        with pytest.raises(ProtocolError) as refusal:
            post()
        assert refusal.value.name == "FeedFailed"
        assert funded.oracle.call("latest_word", 2) == before
    funded.chain.advance(61)
    post_btc(funded, 60_000)
    assert not funded.oracle.call("latest", 2)[1]
    return funded


def test_trading_elsewhere_goes_on(failing: System, counterparty: str):
    account = failing.fund(counterparty, 100_000)
    trade_btc(failing, account, 5)
    trade_btc(failing, account, 2)
    trade_btc(failing, account, -7, reduce_only=True)
    assert failing.size(account, BTC) == 0
    tokens = net(failing, account) // 10**12
    failing.core.transact(
        "withdraw", account, COLLATERAL, tokens, counterparty, sender=counterparty
    )


def test_liquidation_elsewhere_goes_on(failing: System, counterparty: str, keeper: str):
    account = failing.fund(counterparty, 40_000)
    trade_btc(failing, account, 10)
    post_btc(failing, 57_500)
    equity, _, maintenance, _ = failing.health(account)
    assert equity < maintenance
    done = failing.liquidator.transact(
        "liquidate", [account], [BTC], failing.account(keeper), sender=keeper
    )
    assert len(done.named("Sliced")) == 1
    equity, _, maintenance, _ = failing.health(account)
    assert equity >= maintenance


def test_who_holds_both_tops_up_and_reduces_the_other(failing: System, holder: int, trader: str):
    tokens = failing.mint(trader, 1_000)
    before = failing.cash(holder)
    failing.core.transact("deposit", holder, COLLATERAL, tokens, sender=trader)
    assert failing.cash(holder) == before + 1_000 * WAD
    trade_btc(failing, holder, -2, reduce_only=True)
    trade_btc(failing, holder, -3, reduce_only=True)
    assert (failing.size(holder, BTC), failing.size(holder, ETH)) == (0, 100 * WAD)
    with reverts("StalePrice"):
        failing.place(failing.order(holder, ETH, 1))


def test_who_holds_both_is_liquidated_in_both(failing: System, holder: int, keeper: str):
    """The dead feed's part at its last price, which it keeps."""
    post_btc(failing, 52_500)
    equity, _, maintenance, _ = failing.health(holder)
    assert equity < maintenance
    last = failing.oracle.call("latest", 2)[0]
    for instrument, size in ((ETH, failing.size(holder, ETH)), (BTC, failing.size(holder, BTC))):
        done = failing.liquidator.transact(
            "liquidate", [holder], [instrument], failing.account(keeper), sender=keeper
        )
        [piece] = done.named("Sliced")
        assert failing.size(holder, instrument) < size
        if instrument == ETH:
            assert last * 98 // 100 < piece.args.price < last * 102 // 100
        equity, _, maintenance, _ = failing.health(holder)
        if equity >= maintenance:
            break
    assert equity >= maintenance


# Markets of a feed that is only read


@pytest.fixture
def chainlink(funded: System, holder: int) -> Contract:
    """ETH's aggregator, which answers; its adapter is the feed's source."""
    system = funded
    aggregator = system.chain.deploy(artifact("AggregatorDouble"), 8)
    adapter = system.chain.deploy(
        artifact("ChainlinkFeed"), system.oracle.address, aggregator.address, 2, 3600, NOBODY, 0
    )
    system.govern(system.oracle, "set_source", 2, adapter.address, True)
    aggregator.post = lambda price: read(system, aggregator, adapter, price)
    aggregator.post(3_000)
    return aggregator


def read(system: System, aggregator: Contract, adapter: Contract, price: int) -> None:
    """An answer in force, and BTC fresh beside it."""
    system.next_slot(2)
    aggregator.transact("answer_round", price * 10**8)
    adapter.transact("post")
    system.push(BTC, system.prices[1] // WAD)
    system.chain.advance(1)


def test_margin_follows_what_is_read(funded: System, holder: int, chainlink: Contract):
    before, *_ = funded.health(holder)
    chainlink.post(2_850)
    after, *_ = funded.health(holder)
    funding = before - 100 * 150 * WAD - after
    assert 0 <= funding < 5 * WAD


def test_liquidation_follows_what_is_read(
    funded: System, holder: int, chainlink: Contract, keeper: str
):
    for price in (2_850, 2_700):
        chainlink.post(price)
    equity, _, maintenance, _ = funded.health(holder)
    assert equity < maintenance
    done = funded.liquidator.transact(
        "liquidate", [holder], [ETH], funded.account(keeper), sender=keeper
    )
    [piece] = done.named("Sliced")
    assert wad(2_700) * 98 // 100 < piece.args.price < wad(2_700) * 102 // 100


def test_no_order_fills_and_its_lapse_fee_comes_back(
    funded: System, chainlink: Contract, counterparty: str, keeper: str
):
    """The reader chose the moment, so nothing may be filled; who waited in vain did no harm."""
    account = funded.fund(counterparty, 10_000)
    order = funded.order(account, ETH, 2)
    escrowed = funded.place(order).one("Placed").args.lapse_fee
    assert escrowed > 0
    reward = funded.account(keeper)
    for _ in range(4):
        chainlink.post(3_000)
        if funded.now <= funded.config.window + order.expiry - 3600:
            with reverts("NoPrice"):
                funded.exchange.transact("execute", order, reward, sender=keeper)
    funded.chain.advance(funded.config.window)
    chainlink.post(3_000)
    ended = funded.exchange.transact("execute", order, reward, sender=keeper).one("Ended").args
    assert ended.lapse_fee == 0
    assert funded.size(account, ETH) == 0
    least = wad(funded.config.min_keeper_fee)
    assert (net(funded, account), funded.stake(order)) == (
        10_000 * WAD - least - escrowed,
        escrowed,
    )
    funded.release(order)
    assert net(funded, account) == 10_000 * WAD - least


def test_who_cancels_there_gets_it_back_too(funded: System, chainlink: Contract, counterparty: str):
    account = funded.fund(counterparty, 10_000)
    order = funded.order(account, ETH, 2)
    funded.place(order)
    funded.chain.advance(funded.config.window + 5)
    chainlink.post(3_000)
    funded.exchange.transact("cancel", order, sender=counterparty)
    funded.release(order)
    assert net(funded, account) == 10_000 * WAD


def test_a_slot_of_the_signers_keeps_its_rule(funded: System, counterparty: str, keeper: str):
    """A price that was there before the feed was only read: who lets it lapse pays."""
    account = funded.fund(counterparty, 10_000)
    aggregator = funded.chain.deploy(artifact("AggregatorDouble"), 8)
    adapter = funded.chain.deploy(
        artifact("ChainlinkFeed"), funded.oracle.address, aggregator.address, 2, 3600, NOBODY, 0
    )
    timelock, governor = funded.deployment.timelock, funded.actor("governor")
    payload = funded.oracle.encode("set_source", 2, adapter.address, True)
    operation = (funded.oracle.address, 0, payload, b"\0" * 32, b"\1" * 32)
    timelock.transact("schedule", *operation, funded.config.delay, sender=governor)
    funded.pass_time(funded.config.delay)
    order = funded.order(account, ETH, 2)
    lapse_fee = funded.place(order).one("Placed").args.lapse_fee
    funded.next_slot()
    funded.refresh()
    timelock.transact("execute", *operation, sender=governor)
    funded.chain.advance(funded.config.window + 5)
    done = funded.exchange.transact("execute", order, funded.account(keeper), sender=keeper)
    assert done.one("Ended").args.lapse_fee == lapse_fee
