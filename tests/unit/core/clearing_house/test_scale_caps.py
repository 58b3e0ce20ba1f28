"""The vault scales the hard cap of its instruments."""

import pytest

from tests.unit.core.clearing_house.conftest import BTC, ETH, House
from tidegate.local_accounts import local_address
from tidegate.spec.rounding import WAD


def test_openings_meet_the_scaled_cap(house: House, trader: int, refuses):
    """10,000 units scaled to 13107 / 65535 are 2,000."""
    whale = house.fund("whale", 10**6 * WAD)
    done = house.as_vault("scale_caps", BTC, 13_107)
    event = done.one("CapScaled").args
    assert (event.instrument, event.scale) == (BTC, 13_107)
    refuses("OpenInterestCap", house.trade, whale, 2_000 * WAD + 1)
    house.trade(whale, 2_000 * WAD)
    house.as_vault("scale_caps", BTC, 0)
    refuses("OpenInterestCap", house.trade, trader, -WAD)
    house.trade(whale, -1_000 * WAD)
    house.as_vault("scale_caps", BTC, 65_535)
    house.trade(whale, 4_000 * WAD)


def test_nothing_else_of_the_word_moves(house: House, trader: int):
    house.trade(trader, 10 * WAD)
    before = house.interest()
    house.chain.advance(100)
    house.as_vault("scale_caps", BTC, 1)
    after = house.interest()
    assert (after.long_side, after.short_side, after.time) == (
        before.long_side,
        before.short_side,
        before.time,
    )
    assert after.scale == 1


@pytest.mark.parametrize("scale", [65_536, 2**16, 2**256 - 1])
def test_more_than_whole_is_refused(house: House, refuses, scale: int):
    refuses("OutOfBounds", house.as_vault, "scale_caps", BTC, scale)


def test_only_the_vault_scales_its_own(house: House, refuses):
    for sender in (local_address("attacker"), house.venue, house.configurator):
        refuses("NotOwner", house.core.transact, "scale_caps", BTC, 1, sender=sender)


def test_a_listing_starts_with_the_whole_cap(house: House):
    house.as_vault("scale_caps", ETH, 1)
    house.list(ETH)
    assert house.interest(ETH).scale == 65_535
