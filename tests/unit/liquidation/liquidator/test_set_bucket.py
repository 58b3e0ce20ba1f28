import pytest

from tests.harness.reverts import reverts
from tests.harness.system import BTC, ETH, wad


def test_the_usual_one_is_the_deployments(desk):
    system = desk.system
    share = int(system.config.bucket[2:].ljust(6, "0"))
    assert system.liquidator.call("bucket", BTC) == (wad(5_000) * share // 10**6,) * 2


def test_another_for_one_market(desk):
    system = desk.system
    usual = system.liquidator.call("bucket", ETH)
    receipt = system.govern(system.liquidator, "set_bucket", BTC, 1_000, 600)
    event = receipt.one("BucketSet").args
    assert (event.instrument, event.size, event.window) == (BTC, 1_000, 600)
    assert system.liquidator.call("bucket", BTC) == (wad(5), wad(5))
    assert system.liquidator.call("bucket", ETH) == usual


def test_what_was_drawn_stays_drawn(floor):
    system = floor.system
    system.move(BTC, 56_300)
    floor.liquidate()
    assert floor.bucket()[0] == 0
    # two days of the timelock's delay fill any bucket; what was counted stays
    taken = system.liquidator.call("liquidated", BTC)
    system.govern(system.liquidator, "set_bucket", BTC, 1_000, 3_600)
    assert floor.bucket() == (wad(5), wad(5))
    assert system.liquidator.call("liquidated", BTC) == taken > 0


@pytest.mark.parametrize(
    ("size", "window"), [(499, 60), (10**6 + 1, 60), (500, 9), (500, 3_601), (0, 0), (2**255, 60)]
)
def test_what_is_beyond_its_bounds_is_refused(desk, size, window):
    with reverts("OutOfBounds"):
        desk.system.govern(desk.system.liquidator, "set_bucket", BTC, size, window)


@pytest.mark.parametrize("instrument", [0, 63, BTC + 1, 2**16])
def test_a_market_that_is_none_has_no_bucket(desk, instrument):
    with reverts("NotListed"):
        desk.system.govern(desk.system.liquidator, "set_bucket", instrument, 1_000, 60)


def test_it_is_the_owners(desk, attacker):
    with reverts("NotOwner"):
        desk.system.liquidator.transact("set_bucket", BTC, 1_000, 60, sender=attacker)
