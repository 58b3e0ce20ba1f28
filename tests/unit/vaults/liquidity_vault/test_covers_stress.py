"""LiquidityVault.covers_stress: what the core asks before it lets gains out."""

from tidegate.spec.rounding import WAD

from .conftest import PRICE, TOKEN_UNIT


def test_an_empty_vault_without_positions_covers(listed):
    assert listed.vault.call("covers_stress")[0] is True


def test_compares_equity_with_the_stress_of_present_positions(listed):
    # 25 a unit: 400 units are stress of 10,000
    listed.provide("lp", 25_000 * WAD)
    listed.fund("trader", 100_000 * WAD)
    listed.trade("trader", 400 * WAD)
    assert listed.equity >= 25_000 * WAD
    assert listed.vault.call("covers_stress")[0] is True
    # 40 up a unit: the vault lost 16,000 and stress is 14,000
    listed.price(140 * WAD)
    assert listed.vault.call("covers_stress")[0] is False
    listed.price(PRICE)
    assert listed.vault.call("covers_stress")[0] is True


def test_gains_wait_while_it_does_not(listed, refuses):
    listed.provide("lp", 25_000 * WAD)
    account = listed.fund("trader", 100_000 * WAD)
    listed.fund("other trader", 100_000 * WAD)
    listed.trade("trader", 100 * WAD)
    listed.trade("other trader", 300 * WAD)
    # the bucket fills
    listed.chain.advance(3600)
    listed.price(140 * WAD)
    listed.trade("trader", -100 * WAD)
    assert listed.vault.call("covers_stress")[0] is False
    owner = "0x" + hex(account >> 96)[2:].zfill(40)
    principal = listed.principal(account)
    gain = listed.cash(account) - principal
    assert gain > 3_900 * WAD
    withdraw = (listed.core.transact, "withdraw", account, 0)
    listed.core.transact("withdraw", account, 0, principal // TOKEN_UNIT, owner, sender=owner)
    refuses("VaultShort", *withdraw, gain // TOKEN_UNIT, owner, sender=owner)
    listed.price(PRICE)
    listed.core.transact("withdraw", account, 0, gain // TOKEN_UNIT, owner, sender=owner)


def test_no_position_no_stress_whatever_the_vault_owes(listed):
    listed.provide("lp", 1_000 * WAD)
    listed.fund("trader", 50_000 * WAD)
    listed.trade("trader", 19 * WAD)
    listed.price(160 * WAD)
    assert listed.vault.call("covers_stress")[0] is False
    listed.trade("trader", -19 * WAD)
    assert listed.equity < 0
    assert listed.vault.call("covers_stress")[0] is True
