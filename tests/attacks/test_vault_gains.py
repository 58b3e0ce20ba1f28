"""What shareholders won leaves as a gain, whoever comes first; and what is lost is lost for all."""

import pytest

from tests.attacks.conftest import close, net, principal, trade, wealth
from tests.harness.reverts import reverts
from tests.harness.system import BTC, FOREVER, System
from tidegate.chain import Receipt
from tidegate.spec import words
from tidegate.spec.rounding import WAD

RAY = 10**27
SHARE_STEP = 10**7  # principal of a redemption is counted in these


def redeem(system: System, owner: str, shares: int | None = None) -> Receipt:
    """All shares or some; processed, not yet claimed."""
    shares = system.vault.call("balanceOf", owner) if shares is None else shares
    args = (system.account(owner), shares, 0, FOREVER)
    system.vault.transact("request_redeem", *args, sender=owner)
    return system.process_epoch()


def claim(system: System, owner: str, most: int = 2**256 - 1) -> None:
    system.vault.transact("claim_part", system.account(owner), most, sender=owner)


def bucket(system: System) -> int:
    """The most gain that may leave at one time, 1e-18."""
    held = system.token.call("balanceOf", system.core.address) * 10**12
    return held * words.Asset.unpack(system.core.call("asset_word", 0)).share // 10**6


def vault_account(system: System, sub: int) -> int:
    return words.account(int(system.vault), sub)


@pytest.fixture
def won(funded: System, attacker: str, trader: str) -> int:
    """The attacker owns half of 40 million; a trader lost some 3 million to the vault: its gain."""
    funded.provide(attacker, 20_000_000)
    account = funded.fund(trader, 5_000_000)
    trade(funded, account, 200)
    for price in range(58_000, 44_000, -2_000):
        funded.move(BTC, price)
    trade(funded, account, -200)
    gain = funded.vault.call("equity") - 40_000_000 * WAD
    assert gain > 2_500_000 * WAD
    return gain


def test_who_redeems_first_takes_no_gain_out_at_once(
    funded: System,
    won: int,
    attacker: str,
    liquidity_provider: str,
    trader: str,
    keeper: str,
    laws,
):
    """Half of the shares, half of the principal; the rest is a gain and passes the bucket."""
    redeem(funded, attacker)
    owed = funded.vault.call("claimable", funded.account(attacker))[1]
    assert owed > 21_200_000 * WAD
    payouts, gains = vault_account(funded, 2), vault_account(funded, 3)
    assert principal(funded, payouts) == funded.cash(payouts)
    assert 0 <= 20_000_000 * WAD - principal(funded, payouts) <= 3 * owed // SHARE_STEP
    assert principal(funded, gains) == 0
    untouched = funded.core.call("outflow_word", 0)
    claim(funded, attacker, funded.cash(payouts))
    assert funded.core.call("outflow_word", 0) == untouched
    with reverts("OutflowLimit"):
        claim(funded, attacker)
    # a day later the bucket is full
    funded.pass_time(86_400)
    gain = funded.vault.call("claimable", funded.account(attacker))[1]
    claim(funded, attacker)
    assert funded.core.call("outflow_word", 0) >> 40 == bucket(funded) - gain
    assert funded.cash(funded.account(attacker)) == owed
    # those who stay find theirs
    assert principal(funded, vault_account(funded, 0)) >= 20_000_000 * WAD
    laws(*(funded.account(owner) for owner in (attacker, liquidity_provider, trader, keeper)))


def test_who_claims_first_takes_no_gain_out_at_once(
    funded: System, won: int, attacker: str, liquidity_provider: str
):
    """Both halves in one epoch: each claim has its own principal and its own gain."""
    vault = funded.vault
    shares = vault.call("balanceOf", liquidity_provider)
    args = (funded.account(liquidity_provider), shares, 0, FOREVER)
    vault.transact("request_redeem", *args, sender=liquidity_provider)
    redeem(funded, attacker)
    claim(funded, attacker, 20_000_000 * WAD - WAD * 10)
    with reverts("OutflowLimit"):
        claim(funded, attacker)
    assert funded.cash(vault_account(funded, 2)) >= 19_999_990 * WAD
    untouched = funded.core.call("outflow_word", 0)
    claim(funded, liquidity_provider, 20_000_000 * WAD - WAD * 10)
    assert funded.core.call("outflow_word", 0) == untouched
    assert funded.cash(funded.account(liquidity_provider)) >= 19_999_990 * WAD


def test_gains_wait_while_the_vault_is_short_and_principal_does_not(
    funded: System, won: int, attacker: str, trader: str, counterparty: str
):
    """A claim is judged as every gain that leaves: by the present positions of the vault."""
    redeem(funded, attacker)
    account = funded.fund(counterparty, 30_000_000)
    funded.pass_time(86_400)
    trade(funded, account, 240)
    price = 46_000
    while funded.vault.call("covers_stress")[0]:
        price += 2_000
        funded.move(BTC, price)
    kept = funded.cash(vault_account(funded, 2))
    claim(funded, attacker, kept)
    assert principal(funded, funded.account(attacker)) == kept
    with reverts("VaultShort"):
        claim(funded, attacker, WAD)
    gain = funded.cash(vault_account(funded, 3))
    assert gain - funded.vault.call("claimable", funded.account(attacker))[1] in (0, 1)


def test_who_leaves_at_a_loss_takes_its_lost_principal_along(
    funded: System, attacker: str, liquidity_provider: str, trader: str
):
    """The vault loses and wins it back: for who stayed, that is no principal of others."""
    funded.provide(attacker, 20_000_000)
    account = funded.fund(trader, 5_000_000)
    trade(funded, account, 200)
    for price in (62_000, 66_000, 70_000):
        funded.move(BTC, price)
    close(funded, account)
    assert funded.vault.call("equity") < 38_500_000 * WAD
    redeem(funded, liquidity_provider)
    mine = funded.account(liquidity_provider)
    claim(funded, liquidity_provider)
    assert principal(funded, mine) == funded.cash(mine) < 19_300_000 * WAD
    assert principal(funded, vault_account(funded, 0)) <= 20_000_000 * WAD + 2


def test_a_deficit_not_yet_booked_is_shared_as_far_as_shares_left(
    funded: System, attacker: str, liquidity_provider: str, trader: str, keeper: str
):
    """A redemption between a gap and the booking leaves its part of the deficit to the others.

    The vault counts what a bankrupt account owes it as if it could pay; nobody can list such
    accounts for it. What that costs those who stay: the deficit times the share that left.
    """
    funded.widen_bucket(BTC)
    funded.provide(attacker, 5_000_000)
    account = funded.fund(trader, 700_000)
    trade(funded, account, 200)
    vault, seconds = funded.vault, funded.config.epoch_seconds
    supply, shares = vault.call("totalSupply"), vault.call("balanceOf", attacker) // 10
    mine = funded.account(attacker)
    vault.transact("request_redeem", mine, shares, 0, FOREVER, sender=attacker)
    epoch = funded.now // seconds
    funded.chain.set_time((epoch + 1) * seconds - 8)
    funded.refresh()
    funded.move(BTC, 54_000)
    if funded.now < (epoch + 1) * seconds + 4:
        funded.chain.set_time((epoch + 1) * seconds + 4)
        funded.refresh()
    lack = -net(funded, account)
    assert lack > 250_000 * WAD
    staying = wealth(funded, liquidity_provider)
    vault.transact("process_epoch", epoch)
    paid = vault.call("claimable", mine)[1]
    while funded.size(account, BTC):
        funded.liquidator.transact(
            "liquidate", [account], [BTC], funded.account(keeper), sender=keeper
        )
    fair = shares * vault.call("share_price") // RAY
    assert paid > fair
    # insurance, fees and penalties of the liquidation only help
    assert paid - fair <= lack * shares // (supply - shares)
    lost = staying - wealth(funded, liquidity_provider)
    assert lost <= lack * vault.call("balanceOf", liquidity_provider) // (supply - shares)
