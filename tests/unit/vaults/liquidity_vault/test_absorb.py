"""LiquidityVault.absorb: booked deficits are paid by the vault, up to its equity."""

from dataclasses import replace

from tidegate.local_accounts import local_address
from tidegate.spec.rounding import PPM, WAD

from .conftest import BTC, RISK, TRADE, quote_word


def absorb(venue):
    return venue.vault.transact("absorb", sender=venue.keeper)


def test_without_a_deficit_nothing_happens(venue):
    before = venue.equity
    assert absorb(venue).named("Absorbed") == []
    assert venue.equity == before


def test_pays_a_booked_deficit(venue):
    lack = venue.lose("loser", 1_000 * WAD, 100 * WAD, 80 * WAD)
    venue.book("loser")
    before = venue.equity
    event = absorb(venue).one("Absorbed").args
    assert (event.asset, event.amount) == (0, lack)
    assert venue.cash(venue.deficit) == 0
    # it was no equity any more
    assert venue.equity == before
    assert venue.conserved()


def test_sweeps_fees_and_insurance_pays_first(venue):
    venue.list(BTC, RISK, replace(TRADE, taker_fee=500, insurance_share=PPM), quote_word())
    venue.fund("trader", 100_000 * WAD)
    venue.trade("trader", 100 * WAD, fee=5 * WAD)
    lack = venue.lose("loser", 1_000 * WAD, 100 * WAD, 80 * WAD)
    venue.book("loser")
    event = absorb(venue).one("Absorbed").args
    assert event.amount == lack - 5 * WAD
    assert venue.cash(venue.insurance) == 0
    assert venue.cash(venue.deficit) == 0


def test_draws_on_the_pools_and_stops_at_its_equity(listed):
    """The vault is gone: what exceeds it stays booked."""
    listed.provide("lp", 12_500 * WAD)
    listed.fund("trader", 100_000 * WAD)
    listed.fund("other trader", 100_000 * WAD)
    listed.trade("trader", 240 * WAD)
    account = listed.fund("loser", 2_000 * WAD)
    listed.trade("loser", -240 * WAD)
    listed.price(180 * WAD)
    listed.trade("loser", 240 * WAD, by=listed.liquidator)
    lack = -listed.cash(account)
    listed.book("loser")
    owned = listed.equity + lack
    assert 0 < owned < lack
    event = absorb(listed).one("Absorbed").args
    assert event.amount == owned
    assert listed.cash(listed.deficit) == owned - lack
    assert listed.equity == owned - lack
    # nothing more to give
    assert absorb(listed).named("Absorbed") == []
    assert listed.vault.call("share_price") == 0
    assert listed.conserved()


def test_processing_absorbs_first(venue):
    lack = venue.lose("loser", 1_000 * WAD, 100 * WAD, 80 * WAD)
    venue.book("loser")
    venue.request_redeem("lp", 10 * WAD)
    receipt = venue.settle()
    assert receipt.one("Absorbed").args.amount == lack
    assert receipt.one("Processed").args.equity == venue.equity + venue.set_aside


def test_anyone_may(venue):
    venue.vault.transact("absorb", sender=local_address("attacker"))
