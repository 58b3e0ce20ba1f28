"""Who is trader and liquidity provider at once gains nothing at one price.

The premium a trade pays is refunded when it is closed: were it profit of the vault, its holder
would redeem shares at a price that counts it, close, and be paid twice.
"""

import pytest

from tests.attacks.conftest import trade, wealth
from tests.harness.system import System, wad


@pytest.fixture
def both(funded: System, attacker: str) -> int:
    """The attacker owns half of the vault and 5 million to trade with; its account."""
    funded.provide(attacker, 20_000_000)
    return funded.fund(attacker, 5_000_000)


def redeem(system: System, account: int, attacker: str, shares: int) -> None:
    system.vault.transact("request_redeem", account, shares, 0, 2**32 - 1, sender=attacker)
    system.process_epoch()
    claimable = system.vault.call("claimable", account)[1]
    if claimable:
        system.vault.transact("claim", account, sender=attacker)


def out(system: System, both: int, attacker: str) -> None:
    """Every share back: served in parts while positions need the vault's equity."""
    while shares := system.vault.call("balanceOf", attacker):
        before = shares
        redeem(system, both, attacker, shares)
        system.pass_time(86_400)
        assert system.vault.call("balanceOf", attacker) < before


@pytest.mark.parametrize("size", [50, -50, 245, -245])
def test_redeeming_at_a_skew_of_its_own_making_gains_nothing(
    funded: System, both: int, attacker: str, laws, liquidity_provider: str, keeper: str, size: int
):
    start = wealth(funded, attacker, both)
    honest = wealth(funded, liquidity_provider)
    trade(funded, both, size)
    assert wealth(funded, attacker, both) <= start
    redeem(funded, both, attacker, funded.vault.call("balanceOf", attacker) // 2)
    trade(funded, both, -size)
    out(funded, both, attacker)
    assert wealth(funded, attacker, both) < start
    assert wealth(funded, liquidity_provider) >= honest
    laws(both, funded.account(liquidity_provider), funded.account(keeper))


@pytest.mark.parametrize("size", [245, -245])
def test_entering_at_a_skew_of_its_own_making_gains_nothing(
    funded: System, attacker: str, laws, liquidity_provider: str, keeper: str, size: int
):
    """Shares bought while the premium is in the vault's cash are not cheap for it, nor dear."""
    account = funded.fund(attacker, 25_000_000)
    honest = wealth(funded, liquidity_provider)
    funded.core.transact("set_delegate", funded.vault.address, 2, 2**32 - 1, sender=attacker)
    start = wealth(funded, attacker, account)
    trade(funded, account, size)
    vault = funded.vault
    vault.transact("request_deposit", account, wad(20_000_000), 0, 2**32 - 1, sender=attacker)
    funded.process_epoch()
    vault.transact("claim", account, sender=attacker)
    trade(funded, account, -size)
    out(funded, account, attacker)
    assert wealth(funded, attacker, account) < start
    assert wealth(funded, liquidity_provider) >= honest
    laws(account, funded.account(liquidity_provider), funded.account(keeper))


def test_the_shares_price_does_not_know_the_skew(funded: System, both: int, attacker: str):
    """A round trip leaves fees and spread with the vault; the premium on the way is nobody's."""
    price = funded.vault.call("share_price")
    trade(funded, both, 245)
    opened = funded.vault.call("share_price")
    trade(funded, both, -245)
    closed = funded.vault.call("share_price")
    notional = 245 * 60_000
    # fee and half spread of one way: at most 0.05 % + 0.2 % of the notional, of 40 million
    assert price <= opened <= price * (40_000_000 + notional // 400) // 40_000_000
    assert opened <= closed <= price * (40_000_000 + notional // 200) // 40_000_000
