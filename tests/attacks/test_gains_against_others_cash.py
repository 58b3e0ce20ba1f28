"""Gains leave through the bucket or not at all, whatever way they take.

The attacker is long and short at once in two accounts: the price moves, one has lost its deposit
and the other has the same as a gain. Its deposits together may leave, and nothing else at once.
"""

import pytest

from tests.attacks.conftest import Venue, close, net, principal, trade, withdraw
from tests.harness.reverts import reverts
from tests.harness.system import BTC, System, wad
from tidegate.client.errors import ProtocolError
from tidegate.spec.rounding import WAD

MARGIN = 700_000
UNITS = 100


@pytest.fixture
def pair(funded: System, attacker: str) -> tuple[int, int]:
    """Winner and loser, 700,000 each, 100 BTC long and short; the price rises by 10 %."""
    winner = funded.fund(attacker, MARGIN, sub=1)
    loser = funded.fund(attacker, MARGIN, sub=2)
    trade(funded, winner, UNITS)
    trade(funded, loser, -UNITS)
    funded.move(BTC, 66_000)
    assert net(funded, loser) < 150_000 * WAD
    assert principal(funded, loser) > 680_000 * WAD  # the ledger has not looked
    return winner, loser


def bucket(system: System) -> int:
    """Gains that may leave now, 1e-18; what the contract would find."""
    held = system.token.call("balanceOf", system.core.address) * 10**12
    size = held * 2 // 10
    word = system.core.call("outflow_word", 0)
    elapsed = min(system.now - word % 2**40, 86_400)
    return min(size, (word >> 40) + size * elapsed // 86_400)


def test_the_winner_withdraws_its_deposit_and_then_through_the_bucket(funded: System, pair):
    winner, loser = pair
    close(funded, winner)
    gain = funded.cash(winner) - principal(funded, winner)
    assert gain > 530_000 * WAD
    withdraw(funded, winner, MARGIN - 20_000)
    close(funded, loser)
    available = bucket(funded)
    left = funded.cash(winner)
    assert available < left
    with reverts("OutflowLimit"):
        withdraw(funded, winner, left // WAD)
    # by the hour it leaves
    for _ in range(12):
        part = min(bucket(funded) + principal(funded, winner), funded.cash(winner)) // WAD
        if part:
            withdraw(funded, winner, part)
        funded.pass_time(3600)
    assert funded.cash(winner) < WAD


def test_a_dead_account_of_the_owner_launders_nothing(funded: System, pair, attacker: str):
    winner, loser = pair
    close(funded, winner)
    amount = funded.cash(winner)
    own = principal(funded, winner)
    real = net(funded, loser)
    funded.core.transact("transfer", winner, loser, 0, amount, sender=attacker)
    assert principal(funded, loser) <= own + real
    close(funded, loser)
    assert principal(funded, loser) <= own + real
    with reverts("OutflowLimit"):
        withdraw(funded, loser, funded.cash(loser) // WAD)


def test_a_dead_account_of_another_owner_takes_it_through_the_bucket(
    funded: System, pair, attacker: str, counterparty: str
):
    winner, _ = pair
    close(funded, winner)
    friend = funded.account(counterparty)
    with reverts("OutflowLimit"):
        funded.core.transact("transfer", winner, friend, 0, funded.cash(winner), sender=attacker)


def test_shares_of_the_vault_launder_nothing(funded: System, pair, attacker: str):
    """A deposit into the vault is a withdrawal here; what comes back is one there."""
    winner, _ = pair
    close(funded, winner)
    core, vault = funded.core, funded.vault
    core.transact("set_delegate", vault.address, 2, 2**32 - 1, sender=attacker)
    amount = funded.cash(winner)
    with reverts("OutflowLimit"):
        vault.transact("request_deposit", winner, amount, 0, 2**32 - 1, sender=attacker)
    before = bucket(funded)
    gain = 100_000 * WAD
    amount = principal(funded, winner) + gain
    vault.transact("request_deposit", winner, amount, 0, 2**32 - 1, sender=attacker)
    assert bucket(funded) == before - gain
    funded.process_epoch()
    vault.transact("claim", winner, sender=attacker)
    # back again: the vault's own principal pays, what it has not comes out of the bucket
    shares = vault.call("balanceOf", attacker)
    vault.transact("request_redeem", winner, shares, 0, 2**32 - 1, sender=attacker)
    funded.process_epoch()
    owned = principal(funded, winner)
    vault.transact("claim", winner, sender=attacker)
    # what came with it is its share of the vault's income in between
    assert principal(funded, winner) - owned <= amount + 10 * WAD


@pytest.mark.parametrize("loser_takes", [True, False])
def test_a_match_launders_nothing(funded: System, pair, venue: Venue, loser_takes: bool):
    """The winner sells to the loser far below the mark, as far as the band goes."""
    winner, loser = pair
    mark = funded.oracle.call("latest", 1)[0]
    close(funded, winner)
    low = mark * 98 // 100
    before = principal(funded, winner)
    real = net(funded, loser)
    sell = venue.fill(winner, BTC, -50 * WAD, low, maker=loser)
    buy = venue.fill(loser, BTC, 50 * WAD, low, maker=winner)
    venue.clear(buy if loser_takes else sell)
    # 50 of 100 units are covered 2 % below the mark: a gain of 66,000, and none of it principal
    assert net(funded, loser) > real + 65_000 * WAD
    assert principal(funded, loser) <= real
    assert principal(funded, winner) <= before


def test_payments_launder_nothing(funded: System, pair, venue: Venue, attacker: str):
    """Keepers' fees: the order's owner names the keeper, which may be its own dead account."""
    winner, loser = pair
    real = net(funded, loser)
    for _ in range(15):
        venue.clear(venue.payment(winner, loser, 10_000 * WAD))
    assert principal(funded, loser) <= real
    close(funded, loser)
    assert principal(funded, loser) <= real


def test_a_keeper_fee_to_a_dead_account_launders_nothing(funded: System, pair, attacker: str):
    """The same through the exchange as it is."""
    winner, loser = pair
    fee = wad(funded.config.min_keeper_fee) * 100
    order = funded.order(winner, BTC, 1, keeper_fee=fee)
    funded.place(order)
    real = net(funded, loser)
    funded.next_slot()
    funded.refresh()
    funded.exchange.transact("execute", order, loser, sender=attacker)
    close(funded, loser)
    assert principal(funded, loser) <= real


def test_borrowed_tokens_widen_no_bucket(funded: System, pair, attacker: str):
    """A flash loan deposited in the same block lets no more out than before."""
    winner, _ = pair
    close(funded, winner)
    before = bucket(funded)
    funded.fund(funded.actor("whale"), 10**9)
    with reverts("OutflowLimit"):
        withdraw(funded, winner, (principal(funded, winner) + before) // WAD + 1)
    assert before < 300_000 * WAD
    withdraw(funded, winner, (principal(funded, winner) + before) // WAD)


def test_no_gain_leaves_while_the_vault_is_short_of_its_stress(
    system: System, liquidity_provider: str, attacker: str
):
    """4 million behind 50 BTC: the price doubles and the vault covers its positions no more."""
    system.provide(liquidity_provider, 4_000_000)
    winner = system.fund(attacker, 400_000)
    trade(system, winner, 50)
    for price in range(63_000, 130_000, 3_000):
        system.move(BTC, price)
    assert not system.vault.call("covers_stress")[0]
    trade(system, winner, -1)
    with pytest.raises(ProtocolError) as refusal:
        withdraw(system, winner, principal(system, winner) // WAD + 10)
    assert refusal.value.name == "VaultShort"
    withdraw(system, winner, principal(system, winner) // WAD)
