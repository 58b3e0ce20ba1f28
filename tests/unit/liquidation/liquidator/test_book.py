from decimal import Decimal

import pytest

from tests.harness.reverts import reverts
from tests.harness.system import BTC, WAD


@pytest.fixture
def broke(desk) -> int:
    """The trader closed below zero: no position, cash below zero, nothing booked."""
    system = desk.system
    system.move(BTC, 50_000)
    size = Decimal(-desk.position()) / WAD
    order = system.order(desk.account, BTC, size, reduce_only=True)
    system.place(order)
    system.execute(order, keeper=system.actor("trader")).one("Executed")
    assert desk.position() == 0
    assert system.cash(desk.account) < 0
    return desk.account


def test_anyone_books_and_the_vault_pays(desk, broke, attacker):
    system = desk.system
    lack = -system.cash(broke)
    equity = system.vault.call("equity")
    receipt = system.liquidator.transact("book", broke, sender=attacker)
    assert system.cash(broke) == 0
    assert system.cash(system.deployment.deficits) == 0
    booked = receipt.named("Moved")[0].args
    assert (booked.source, booked.target, booked.amount) == (
        system.deployment.deficits,
        broke,
        lack,
    )
    paid = sum(
        event.args.amount
        for event in receipt.named("Moved")
        if event.args.target == system.deployment.deficits
    )
    assert paid == lack
    # what insurance had is the fees' share, which was never the vault's
    from_insurance = sum(
        event.args.amount
        for event in receipt.named("Moved")
        if event.args.source == system.deployment.insurance
    )
    assert system.vault.call("equity") == equity - lack + from_insurance


def test_insurance_pays_first(desk, broke):
    system = desk.system
    lack = -system.cash(broke)
    donor = system.actor("donor")
    system.mint(donor, 100_000)
    system.core.transact("deposit", system.deployment.insurance, 0, 100_000 * 10**6, sender=donor)
    insured, equity = system.cash(system.deployment.insurance), system.vault.call("equity")
    receipt = system.liquidator.transact("book", broke)
    swept = sum(
        event.args.amount
        for event in receipt.named("Moved")
        if event.args.target == system.deployment.insurance
    )
    assert system.cash(system.deployment.insurance) == insured - lack + swept
    assert system.vault.call("equity") == equity


def test_an_account_with_cash_has_no_deficit(desk):
    with reverts("NoDeficit"):
        desk.system.liquidator.transact("book", desk.keeper_account)


def test_an_account_with_positions_has_none_yet(desk):
    desk.system.move(BTC, 40_000)
    assert desk.standing().equity < 0
    with reverts("NoDeficit"):
        desk.system.liquidator.transact("book", desk.account)


def test_twice_is_refused(desk, broke):
    desk.system.liquidator.transact("book", broke)
    with reverts("NoDeficit"):
        desk.system.liquidator.transact("book", broke)
