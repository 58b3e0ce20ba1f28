"""A claim epoch around a price move: who comes and who goes gets the price of that moment.

A trader's position makes the vault's equity move with the price. Whatever is known when a request
is made, its epoch is settled at a price published after its close, from the positions of that
moment; what comes later changes no claim.
"""

import pytest

from tests.attacks.conftest import wealth
from tests.harness.reverts import reverts
from tests.harness.system import BTC, FOREVER, System, wad

RAY = 10**27


@pytest.fixture
def exposed(funded: System, trader: str) -> int:
    """The vault is short 100 BTC against a trader; its account."""
    account = funded.fund(trader, 2_000_000)
    for _ in range(2):
        funded.trade(account, BTC, 50)
    return account


def price(system: System) -> int:
    return system.vault.call("share_price")


def join(system: System, owner: str, amount: int) -> int:
    account = system.fund(owner, amount)
    system.core.transact("set_delegate", system.vault.address, 2, FOREVER, sender=owner)
    vault = system.vault
    vault.transact("request_deposit", account, wad(amount), 0, FOREVER, sender=owner)
    return account


def leave(system: System, owner: str, shares: int) -> int:
    account = system.account(owner)
    system.vault.transact("request_redeem", account, shares, 0, FOREVER, sender=owner)
    return account


def close_epoch(system: System) -> int:
    """Past the close with a price published since; the epoch."""
    epoch = system.now // system.config.epoch_seconds
    system.chain.set_time((epoch + 1) * system.config.epoch_seconds + 4)
    system.refresh()
    return epoch


MOVES = [(), (58_000,), (62_500,), (58_000, 56_000), (62_500, 64_000, 61_000)]


@pytest.mark.parametrize("moves", MOVES)
def test_processing_moves_no_value_between_those_who_come_go_and_stay(
    funded: System, exposed: int, attacker: str, counterparty: str, liquidity_provider: str, moves
):
    funded.provide(attacker, 5_000_000)
    shares = funded.vault.call("balanceOf", attacker)
    leave(funded, attacker, shares)
    newcomer = join(funded, counterparty, 3_000_000)
    for move in moves:
        funded.move(BTC, move)
    epoch = close_epoch(funded)
    before = price(funded)
    staying = wealth(funded, liquidity_provider)
    funded.vault.transact("process_epoch", epoch)
    # equal to the share but for the rounding, which is with those who stay
    assert before <= price(funded) <= before + before // 10**15
    for owner in (attacker, counterparty):
        funded.vault.transact("claim", funded.account(owner), sender=owner)
    assert 0 <= wealth(funded, liquidity_provider) - staying <= staying // 10**15
    out = funded.cash(funded.account(attacker))
    assert 0 <= shares * before // RAY - out <= 10**6
    came = funded.vault.call("balanceOf", counterparty) * before // RAY
    assert 0 <= wad(3_000_000) - came <= 10**6
    assert funded.cash(newcomer) == 0


@pytest.mark.parametrize("move", [58_000, 62_500])
def test_a_claim_does_not_follow_the_price(
    funded: System, exposed: int, attacker: str, counterparty: str, move: int
):
    """Processed, not yet claimed: neither waiting nor hurrying is worth anything."""
    funded.provide(attacker, 5_000_000)
    leave(funded, attacker, funded.vault.call("balanceOf", attacker))
    join(funded, counterparty, 3_000_000)
    funded.vault.transact("process_epoch", close_epoch(funded))
    accounts = [funded.account(owner) for owner in (attacker, counterparty)]
    owed = [funded.vault.call("claimable", account) for account in accounts]
    funded.move(BTC, move)
    funded.pass_time(7200)
    assert [funded.vault.call("claimable", account) for account in accounts] == owed
    before = price(funded)
    for account in accounts:
        funded.vault.transact("claim", account)
    assert price(funded) == before
    assert funded.cash(accounts[0]) == owed[0][1]
    assert funded.vault.call("balanceOf", counterparty) == owed[1][2]


def test_no_epoch_is_settled_at_a_price_from_before_its_close(
    funded: System, exposed: int, attacker: str
):
    """The price that was known when the last request came is of no use."""
    funded.provide(attacker, 5_000_000)
    leave(funded, attacker, funded.vault.call("balanceOf", attacker))
    epoch = funded.now // funded.config.epoch_seconds
    close = (epoch + 1) * funded.config.epoch_seconds
    funded.chain.set_time(close - 4)
    funded.refresh()
    with reverts("TooSoon"):
        funded.vault.transact("process_epoch", epoch)
    funded.chain.set_time(close)
    with reverts("TooSoon"):
        funded.vault.transact("process_epoch", epoch)
    funded.chain.set_time(close + 3)
    with reverts("TooSoon"):
        funded.vault.transact("process_epoch", epoch)
    now = funded.now
    for feed, mark in funded.prices.items():
        funded.signers.push(feed, mark, now)
    # from the second that one is posted on: fills may have had it
    funded.vault.transact("process_epoch", epoch)


def test_no_epoch_is_settled_at_a_stale_price(funded: System, exposed: int, attacker: str):
    funded.provide(attacker, 5_000_000)
    leave(funded, attacker, funded.vault.call("balanceOf", attacker))
    epoch = close_epoch(funded)
    funded.chain.advance(120)
    with reverts("StalePrice"):
        funded.vault.transact("process_epoch", epoch)


def test_trading_around_the_processing_gains_nothing(
    funded: System, exposed: int, attacker: str, liquidity_provider: str
):
    """The attacker skews the vault, is paid out, and unwinds, all at one price."""
    funded.provide(attacker, 10_000_000)
    account = funded.fund(attacker, 3_000_000, sub=1)
    other = wealth(funded, liquidity_provider)
    start = wealth(funded, attacker, account, funded.account(attacker))
    leave(funded, attacker, funded.vault.call("balanceOf", attacker) // 2)
    for size in (-50, -50, -50):
        funded.trade(account, BTC, size)
    epoch = close_epoch(funded)
    funded.vault.transact("process_epoch", epoch)
    for size in (50, 50, 50):
        funded.trade(account, BTC, size)
    funded.vault.transact("claim", funded.account(attacker), sender=attacker)
    assert funded.size(account, BTC) == 0
    # longs pay funding while it waits: what the attacker's short earned is not of this test
    funding = wad(2_000)
    assert wealth(funded, attacker, account, funded.account(attacker)) < start + funding
    assert wealth(funded, liquidity_provider) >= other - funding
