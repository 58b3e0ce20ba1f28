"""Whoever is trader and liquidity provider at once earns nothing from it."""

import pytest

from tidegate.spec.rounding import WAD

from .conftest import PRICE, quote_word


def wealth(venue, name):
    """In cash, once everything is closed and redeemed."""
    return venue.cash(venue.account(name))


@pytest.mark.parametrize("size", [40 * WAD, -40 * WAD, 900 * WAD])
def test_the_sole_provider_opens_redeems_and_closes(listed, size):
    """Counting the refundable premium as profit would hand it out here."""
    listed.provide("lp", 1_000_000 * WAD)
    listed.fund("lp", 200_000 * WAD)
    began = 1_200_000 * WAD
    listed.trade("lp", size)
    out = listed.redeem("lp", listed.shares("lp"))
    assert out > 900_000 * WAD
    listed.trade("lp", -size)
    listed.redeem("lp", listed.shares("lp"))
    assert began - 10**7 <= wealth(listed, "lp") <= began


@pytest.mark.parametrize("size", [40 * WAD, -40 * WAD])
def test_one_provider_of_two_leaves_the_other_whole(listed, size):
    listed.provide("lp", 500_000 * WAD)
    listed.provide("other lp", 500_000 * WAD)
    listed.fund("lp", 200_000 * WAD)
    listed.trade("lp", size)
    listed.redeem("lp", listed.shares("lp"))
    listed.trade("lp", -size)
    assert wealth(listed, "lp") <= 700_000 * WAD
    listed.redeem("other lp", listed.shares("other lp"))
    assert wealth(listed, "other lp") >= 500_000 * WAD - 10


def test_deposit_before_a_close_that_pays_the_spread(listed):
    """Who closes pays half a spread to the holders; a holder for one epoch gets its share only."""
    listed.provide("other lp", 500_000 * WAD)
    listed.vault.transact("set_quote", 64, quote_word(base=1_000), sender=listed.owner)
    listed.fund("lp", 200_000 * WAD)
    listed.trade("lp", 400 * WAD)
    listed.provide("lp", 500_000 * WAD)
    listed.trade("lp", -400 * WAD)
    listed.redeem("lp", listed.shares("lp"))
    listed.redeem("other lp", listed.shares("other lp"))
    assert wealth(listed, "lp") < 700_000 * WAD
    assert wealth(listed, "other lp") > 500_000 * WAD


def test_a_pump_between_request_and_processing_gains_nothing(listed):
    """Opening and closing around process_epoch moves no share price: both change equity by zero."""
    listed.provide("lp", 500_000 * WAD)
    listed.fund("trader", 500_000 * WAD)
    listed.lp("other lp", 100_000 * WAD)
    listed.request_deposit("other lp", 100_000 * WAD)
    epoch = listed.close_epoch(PRICE)
    listed.trade("trader", 900 * WAD)
    listed.process(epoch)
    listed.trade("trader", -900 * WAD)
    listed.claim("other lp")
    out = listed.redeem("other lp", listed.shares("other lp"))
    assert 100_000 * WAD - 10**4 <= out <= 100_000 * WAD + 10**4
    assert wealth(listed, "trader") <= 500_000 * WAD
