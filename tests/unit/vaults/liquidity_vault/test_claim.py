"""LiquidityVault.claim and claim_part: distribute, never price."""

import pytest

from tidegate.local_accounts import local_address
from tidegate.spec.rounding import WAD

from .conftest import CLOSED, NEVER, TOKEN_UNIT

ONE = 10**27


def test_hands_shares_to_the_owner_of_the_account(listed):
    listed.lp("lp", 1_000 * WAD)
    listed.request_deposit("lp", 1_000 * WAD)
    epoch = listed.epoch
    listed.settle()
    assert listed.vault.call("claimable", listed.account("lp")) == (True, 0, 1_000 * WAD - 1)
    event = listed.claim("lp").one("Claimed").args
    assert (event.account, event.epoch) == (listed.account("lp"), epoch)
    assert (event.assets, event.shares) == (0, 1_000 * WAD - 1)
    assert listed.shares("lp") == 1_000 * WAD - 1
    assert listed.vault.call("balanceOf", listed.vault.address) == 0
    assert listed.vault.call("request_word", listed.account("lp")) == CLOSED
    assert listed.vault.call("claimable", listed.account("lp")) == (False, 0, 0)


def test_pays_collateral_to_the_account(venue):
    venue.request_redeem("lp", 1_000 * WAD)
    venue.settle()
    event = venue.claim("lp").one("Claimed").args
    paid = venue.cash(venue.account("lp"))
    assert (event.assets, event.shares) == (paid, 0)
    assert paid == 1_000 * WAD
    # principal comes out as it went in
    assert venue.principal(venue.account("lp")) == paid
    assert venue.cash(venue.payouts) == 0


def test_returns_what_missed_its_bound(venue):
    venue.lp("other lp", 1_000 * WAD)
    venue.request_deposit("other lp", 1_000 * WAD, 2_000 * WAD)
    venue.request_redeem("lp", 500 * WAD, 501 * WAD)
    held = venue.shares("lp")
    venue.settle()
    venue.claim("lp")
    venue.claim("other lp")
    assert venue.shares("lp") == held + 500 * WAD
    assert venue.shares("other lp") == 0
    account = venue.account("other lp")
    assert venue.cash(account) == venue.principal(account) == 1_000 * WAD


def test_not_before_the_epoch_is_processed(venue, refuses):
    venue.request_redeem("lp", 500 * WAD)
    assert venue.vault.call("claimable", venue.account("lp")) == (False, 0, 0)
    refuses("NotProcessed", venue.claim, "lp")
    epoch = venue.close_epoch()
    refuses("NotProcessed", venue.claim, "lp")
    venue.process(epoch)
    venue.claim("lp")


def test_once(venue, refuses):
    venue.request_redeem("lp", 500 * WAD)
    venue.settle()
    venue.claim("lp")
    paid = venue.cash(venue.account("lp"))
    refuses("NoRequest", venue.claim, "lp")
    assert venue.cash(venue.account("lp")) == paid


def test_never_requested(venue, refuses):
    refuses("NoRequest", venue.claim, "trader")


def test_the_price_of_the_epoch_holds_however_late_the_claim(venue):
    venue.fund("trader", 100_000 * WAD)
    venue.request_redeem("lp", 1_000 * WAD)
    venue.settle()
    venue.trade("trader", 1_000 * WAD)
    venue.price(150 * WAD)
    assert venue.vault.call("share_price") < 96 * ONE // 100
    venue.claim("lp")
    assert venue.cash(venue.account("lp")) == 1_000 * WAD


def test_claims_of_an_epoch_sum_to_what_was_settled(venue):
    """Odd amounts at an odd price: nothing is missing, and less than a unit a request is left."""
    names = [f"lp {n}" for n in range(5)]
    for place, name in enumerate(names):
        venue.provide(name, (1_000 + 37 * place) * WAD + 1 * TOKEN_UNIT * place)
    venue.fund("trader", 1_000_000 * WAD)
    venue.trade("trader", 777 * WAD)
    venue.price(103 * WAD + 12_345)
    for place, name in enumerate(names[:3]):
        venue.request_redeem(name, venue.shares(name) - place)
    venue.core.transact(
        "set_delegate", venue.vault.address, 2, NEVER, sender=local_address("trader")
    )
    venue.request_deposit("trader", 333 * WAD + 7)
    venue.settle()
    for name in [*names[:3], "trader"]:
        venue.claim(name)
    assert 0 <= venue.cash(venue.payouts) < 3
    assert venue.cash(venue.gains) == 0
    assert venue.cash(venue.escrow) == 0
    assert venue.vault.call("balanceOf", venue.vault.address) == 0


@pytest.fixture
def won(listed):
    """The vault of 10,000 won 8,550 of 50,000: a claim holds gains beyond the outflow bucket."""
    listed.provide("lp", 10_000 * WAD)
    listed.fund("trader", 50_000 * WAD)
    listed.trade("trader", 190 * WAD)
    listed.price(55 * WAD)
    listed.trade("trader", -190 * WAD)
    listed.request_redeem("lp", listed.shares("lp"))
    listed.settle()
    return listed


def test_gains_wait_for_the_outflow_bucket(won, refuses):
    refuses("OutflowLimit", won.claim, "lp")
    # nothing is lost by it
    done, owed, shares = won.vault.call("claimable", won.account("lp"))
    assert (done, shares) == (True, 0)
    assert owed > 18_500 * WAD


def claim_part(venue, most):
    return venue.vault.transact("claim_part", venue.account("lp"), most, sender=venue.keeper)


def test_a_claim_may_go_in_parts(won, refuses):
    owed = won.vault.call("claimable", won.account("lp"))[1]
    # all of its principal, as far as the 1e-7 of its share reach
    principal = won.principal(won.payouts)
    assert 10_000 * WAD - owed // 10**7 <= principal <= 10_000 * WAD
    event = claim_part(won, principal).one("Claimed").args
    assert (event.assets, won.cash(won.account("lp"))) == (principal, principal)
    assert won.vault.call("claimable", won.account("lp")) == (True, owed - principal, 0)
    assert won.cash(won.payouts) == 0
    # a tenth of 60,000 an hour
    claim_part(won, 6_000 * WAD)
    refuses("OutflowLimit", claim_part, won, WAD)
    won.chain.advance(3600)
    claim_part(won, 2**256 - 1)
    assert won.cash(won.account("lp")) == owed
    assert won.set_aside <= 1
    assert won.vault.call("request_word", won.account("lp")) == CLOSED
    refuses("NoRequest", claim_part, won, WAD)


def test_a_part_of_nothing_is_refused(won, refuses):
    refuses("ZeroAmount", claim_part, won, 0)


def test_shares_come_with_the_first_part_only(venue):
    """A redemption served in part: what was not served comes back once."""
    venue.fund("trader", 1_000_000 * WAD)
    venue.fund("other trader", 1_000_000 * WAD)
    for _ in range(16):
        venue.trade("trader", 1_000 * WAD)
        venue.trade("other trader", -1_000 * WAD)
        if venue.vault.call("stress")[0] >= 200_000 * WAD:
            break
    venue.request_redeem("lp", 900_000 * WAD)
    assert venue.settle().one("Processed").args.filled < 10**9
    _, owed, back = venue.vault.call("claimable", venue.account("lp"))
    held = venue.shares("lp")
    claim_part(venue, owed // 3)
    claim_part(venue, owed)
    assert venue.shares("lp") == held + back
    assert venue.cash(venue.account("lp")) == owed
    assert venue.vault.call("balanceOf", venue.vault.address) == 0


def test_a_returned_deposit_waits_for_no_bucket(won):
    """Payouts are an account of their own: redeemers cannot use up the principal of others."""
    won.lp("other lp", 30_000 * WAD)
    won.request_deposit("other lp", 30_000 * WAD, 2**96 - 1)
    won.settle()
    claim_part(won, 16_000 * WAD)
    assert won.principal(won.escrow) == won.cash(won.escrow) == 30_000 * WAD
    won.claim("other lp")
    assert won.cash(won.account("other lp")) == 30_000 * WAD


def test_a_returned_deposit_may_go_in_parts(venue):
    venue.lp("other lp", 900 * WAD)
    venue.request_deposit("other lp", 900 * WAD, 2**96 - 1)
    venue.settle()
    account = venue.account("other lp")
    venue.vault.transact("claim_part", account, 300 * WAD)
    assert venue.vault.call("claimable", account) == (True, 600 * WAD, 0)
    venue.claim("other lp")
    assert venue.cash(account) == 900 * WAD
    assert venue.cash(venue.escrow) == 0


def test_gains_wait_while_the_vault_is_short(listed, refuses):
    listed.provide("lp", 30_000 * WAD)
    listed.provide("other lp", 20_000 * WAD)
    listed.fund("trader", 500_000 * WAD)
    listed.trade("trader", 200 * WAD)
    listed.price(80 * WAD)
    listed.trade("trader", -200 * WAD)
    listed.request_redeem("lp", listed.shares("lp"))
    listed.request_redeem("other lp", listed.shares("other lp") * 9 // 10)
    listed.settle()
    # lp takes principal first; the gain is in what is left
    listed.claim("lp")
    listed.trade("trader", 50 * WAD)
    listed.price(140 * WAD)
    assert listed.vault.call("covers_stress")[0] is False
    refuses("VaultShort", listed.claim, "other lp")
    listed.price(80 * WAD)
    listed.claim("other lp")
