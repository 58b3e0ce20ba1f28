from dataclasses import replace

import pytest

from tests.harness.reverts import reverts
from tests.harness.system import BTC, ETH, wad


def takeover(floor, instrument: int = BTC, account: int | None = None):
    account = floor.account if account is None else account
    call = ("takeover", account, instrument, floor.keeper_account)
    return floor.system.liquidator.transact(*call, sender=floor.system.actor("keeper"))


def deleverage(floor, instrument: int = BTC):
    call = ("deleverage", floor.account, instrument, floor.keeper_account)
    return floor.system.liquidator.transact(*call, sender=floor.system.actor("keeper"))


@pytest.fixture
def failed(floor):
    """Insolvent by a little, its auction open for T2."""
    floor.system.move(BTC, 55_900)
    floor.open()
    floor.system.chain.set_time(floor.state().opened + floor.t2)
    return floor


def test_before_t2_the_vault_takes_nothing_over(floor):
    floor.system.move(BTC, 55_900)
    for call in (takeover, deleverage):
        with reverts("NoAuction"):
            call(floor)
    floor.open()
    floor.system.chain.set_time(floor.state().opened + floor.t2 - 1)
    for call in (takeover, deleverage):
        with reverts("NoAuction"):
            call(floor)
    floor.system.chain.set_time(floor.state().opened + 4 * floor.t2 + 1)
    with reverts("NoAuction"):
        takeover(floor)


def test_after_it_the_vault_takes_all_at_its_quote(failed):
    system = failed.system
    held = failed.position()
    volatility = system.oracle.call("volatility", 1)
    price = system.vault.call("quote", BTC, -held, wad(55_900), volatility)
    bucket = failed.bucket()
    receipt = takeover(failed)
    fill = receipt.one("Filled").args
    assert (fill.size, fill.price, fill.fee) == (-held, price, 0)
    assert receipt.one("TakenOver").args.size == -held
    assert failed.position() == 0
    # outside the bucket, but counted
    assert failed.bucket() == bucket
    assert system.liquidator.call("liquidated", BTC) == held * 55_900
    # what it lacked is booked and absorbed in the same call
    assert system.cash(failed.account) == system.cash(system.deployment.deficits) == 0
    assert failed.state().opened == 0


def test_its_keeper_is_rewarded_as_for_a_slice(failed):
    system = failed.system
    before = system.cash(failed.keeper_account)
    takeover(failed)
    assert system.cash(failed.keeper_account) == before + wad(5)
    assert failed.state().rewarded == system.now


def test_with_equity_it_pays_a_penalty(floor):
    system = floor.system
    system.move(BTC, 56_900)
    floor.liquidate()
    floor.open()
    system.chain.set_time(floor.state().opened + floor.t2)
    before = floor.standing()
    fill = takeover(floor).one("Filled").args
    after = floor.standing()
    assert 0 < fill.fee <= floor.most_penalty(fill.size)
    assert after.equity * before.notional >= before.equity * after.notional


def test_a_healthy_account_keeps_what_it_has(failed):
    failed.system.move(BTC, 59_900)
    with reverts("NotLiquidatable"):
        takeover(failed)


def test_what_is_not_held_is_not_taken(failed):
    with reverts("NotLiquidatable"):
        takeover(failed, instrument=ETH)


def test_while_the_vault_can_take_it_no_loss_is_shared(failed):
    with reverts("VaultTakes"):
        deleverage(failed)


def crowd(floor, counterparty, size: str):
    """Others are short so much, and the vault's cap has become nothing; T2 has passed."""
    system = floor.system
    short = system.fund(counterparty, 300_000)
    system.trade(short, BTC, size)
    market = system.config.markets[0]
    trade = replace(market.trade, hard=1, soft=1)
    terms = (market.risk.pack(), trade.pack(), market.limits.pack())
    system.govern(system.deployment.configurator, "set_terms", system.core.address, BTC, *terms)
    system.move(BTC, 55_900)
    floor.open()
    system.chain.set_time(floor.state().opened + floor.t2)
    return floor, short


@pytest.fixture
def crowded(floor, counterparty):
    """The vault is long already."""
    return crowd(floor, counterparty, "-9")


def test_beyond_its_cap_the_other_side_takes_it_at_mark(crowded):
    floor, short = crowded
    system, held = floor.system, floor.position()
    with reverts("VaultFull"):
        takeover(floor)
    receipt = deleverage(floor)
    fill = receipt.one("Filled").args
    assert (fill.size, fill.price, fill.fee) == (-held, wad(55_900), 0)
    assert receipt.one("Deleveraged").args.size == -held
    assert floor.position() == 0
    # the shorts lose as much, rounded by at most a unit
    assert 0 <= abs(system.core.call("size_of", short, BTC)) - (wad(9) - held) <= 10
    assert system.cash(floor.account) == 0


def test_the_vault_takes_what_makes_its_position_smaller_and_the_other_side_the_rest(
    floor, counterparty
):
    """The whole of it would turn the vault around, to more than it holds."""
    system, held = floor.system, floor.position()
    floor, short = crowd(floor, counterparty, "-4")
    skew = system.skew(BTC)
    assert wad(4) < held < wad(8)
    assert skew == held - wad(4)
    with reverts("VaultFull"):
        takeover(floor)
    receipt = deleverage(floor)
    assert receipt.one("TakenOver").args.size == -skew
    assert receipt.one("Deleveraged").args.size == -wad(4)
    assert floor.position() == system.skew(BTC) == 0
    assert system.core.call("size_of", short, BTC) == 0
    assert system.cash(floor.account) == 0
