"""Nobody keeps a shareholder in: not by crowding the queue, not by posting prices.

A request without bounds is one more summand of its epoch, so there is always room for it. Only
requests with a bound take places, of which an epoch has so many; taking all of them shuts out
nobody but others with a bound.
"""

import pytest

from tests.attacks.conftest import trade
from tests.harness.reverts import reverts
from tests.harness.system import FOREVER, MOVE_RIGHT, System, wad
from tidegate.spec.rounding import WAD

IMPOSSIBLE = 2**96 - 1  # more than any price gives: the request comes back and may be renewed
PLACES = 32


def leaves(system: System, owner: str) -> int:
    """All shares of an owner go, within one epoch; the collateral that came."""
    account, shares = system.account(owner), system.vault.call("balanceOf", owner)
    system.vault.transact("request_redeem", account, shares, 0, FOREVER, sender=owner)
    event = system.process_epoch().one("Processed").args
    assert event.filled == 10**9
    assert event.shares_burnt >= shares
    before = system.cash(account)
    system.vault.transact("claim", account, sender=owner)
    assert system.vault.call("balanceOf", owner) == 0
    return system.cash(account) - before


def test_deposits_that_come_back_take_no_redeemers_place(
    funded: System, attacker: str, liquidity_provider: str
):
    """In sub-accounts, at terms that never hold, renewed each hour: it costs only gas."""
    core, vault = funded.core, funded.vault
    core.transact("set_delegate", vault.address, MOVE_RIGHT, FOREVER, sender=attacker)
    funded.mint(attacker, 10 * PLACES)
    accounts = [funded.account(attacker, sub + 1) for sub in range(PLACES)]
    for account in accounts:
        core.transact("deposit", account, 0, 10 * 10**6, sender=attacker)
    for _ in range(2):
        for account in accounts:
            terms = (account, wad(10), IMPOSSIBLE, FOREVER)
            vault.transact("request_deposit", *terms, sender=attacker)
        funded.process_epoch()
        for account in accounts:
            vault.transact("claim", account, sender=attacker)
            assert funded.cash(account) == 10 * WAD
    for account in accounts:
        vault.transact("request_deposit", account, wad(10), IMPOSSIBLE, FOREVER, sender=attacker)
    mine, shares = funded.account(liquidity_provider), wad(1000)
    # with a bound or without
    args = (mine, shares, shares // 2, FOREVER)
    vault.transact("request_redeem", *args, sender=liquidity_provider)
    assert funded.process_epoch().one("Processed").args.shares_burnt == shares
    vault.transact("claim", mine, sender=liquidity_provider)
    assert leaves(funded, liquidity_provider) > 19_990_000 * WAD - 1000 * WAD


@pytest.mark.parametrize("amount", [1, wad(10), wad(100_000)])
def test_redemptions_that_come_back_shut_out_only_others_with_a_bound(
    funded: System, attacker: str, liquidity_provider: str, amount: int
):
    funded.provide(attacker, 4_000_000)
    vault = funded.vault
    for sub in range(PLACES):
        account = funded.account(attacker, sub)
        vault.transact("request_redeem", account, amount, IMPOSSIBLE, FOREVER, sender=attacker)
    mine = funded.account(liquidity_provider)
    with reverts("EpochFull"):
        vault.transact("request_redeem", mine, wad(10), 1, FOREVER, sender=liquidity_provider)
    assert leaves(funded, liquidity_provider) > 19_990_000 * WAD


def test_hundreds_of_small_redemptions_delay_no_other(
    funded: System, attacker: str, liquidity_provider: str
):
    funded.provide(attacker, 1_000_000)
    alone = leaves(funded, liquidity_provider)
    funded.provide(liquidity_provider, 20_000_000)
    for sub in range(300):
        account = funded.account(attacker, sub)
        funded.vault.transact("request_redeem", account, 1, 0, FOREVER, sender=attacker)
    assert leaves(funded, liquidity_provider) == pytest.approx(alone, rel=1e-9)


def test_a_holding_of_one_unit_leaves_as_well(
    funded: System, attacker: str, liquidity_provider: str
):
    vault = funded.vault
    vault.transact("transfer", attacker, 1, sender=liquidity_provider)
    vault.transact("request_redeem", funded.account(attacker), 1, 0, FOREVER, sender=attacker)
    assert funded.process_epoch().one("Processed").args.shares_burnt == 1


@pytest.mark.parametrize("spacing", [4, 12])
def test_a_price_in_every_block_stops_no_epoch(
    funded: System, liquidity_provider: str, trader: str, spacing: int
):
    """The attacker's post comes first in every block, so the newest price is never in force."""
    trade(funded, funded.fund(trader, 100_000), 1)
    vault, seconds = funded.vault, funded.config.epoch_seconds
    mine = funded.account(liquidity_provider)
    vault.transact("request_redeem", mine, wad(1000), 0, FOREVER, sender=liquidity_provider)
    epoch = funded.now // seconds
    close = (epoch + 1) * seconds
    funded.chain.set_time(close - 3 * spacing)
    for block in range(7):
        for feed, price in funded.prices.items():
            funded.signers.push(feed, price * (1_000 + block % 7) // 1_000, funded.now)
        if funded.slot * 4 >= close:
            break
        if funded.now >= close:
            with reverts("TooSoon"):
                vault.transact("process_epoch", epoch)
        funded.chain.set_time(funded.now + spacing)
    # the first block since the close: what is posted there is not in force, and counts all the same
    assert funded.oracle.call("latest", 1)[0] != funded.prices[1] * (1_000 + block % 7) // 1_000
    checkpoint = funded.chain.snapshot()
    funded.chain.advance(1)
    equity = vault.call("equity")
    funded.chain.restore(checkpoint)
    assert vault.transact("process_epoch", epoch).one("Processed").args.equity == equity
    assert vault.call("claimable", mine)[0]
