import pytest

from tests.harness.reverts import reverts
from tests.harness.system import BTC, ETH, wad
from tidegate.client.errors import name_of
from tidegate.spec.rounding import WAD, div_down

FULL = wad("2.5")  # 500 ppm of 5,000 BTC


def test_a_slice_takes_what_the_bucket_holds_and_no_more(floor):
    floor.system.move(BTC, 56_300)
    assert floor.bucket() == (FULL, FULL)
    event = floor.liquidate().one("Sliced").args
    assert (event.size, event.whole) == (-FULL, False)
    assert floor.bucket() == (0, FULL)
    with reverts("BucketEmpty"):
        floor.liquidate()
    assert floor.slice_of() == (0, 0, 0, 0)


def test_it_fills_evenly_and_to_its_brim(floor):
    floor.system.move(BTC, 56_300)
    floor.liquidate()
    at = floor.system.now
    for seconds, part in ((15, 4), (30, 2), (60, 1), (3_600, 1)):
        floor.system.chain.set_time(at + seconds)
        assert floor.bucket() == (FULL // part, FULL)


def test_less_than_the_minimum_counts_as_empty(floor):
    system = floor.system
    system.govern(system.liquidator, "set_bucket", BTC, 500, 3_600)
    system.move(BTC, 56_300)
    floor.liquidate()
    at = system.now
    # 0.000694 BTC a second; 100 in collateral are 0.001776
    system.chain.set_time(at + 2)
    with reverts("BucketEmpty"):
        floor.liquidate()
    system.chain.set_time(at + 3)
    assert floor.liquidate().one("Sliced").args.size == -floor_of(3)


def floor_of(seconds: int) -> int:
    """Units that come back in so many seconds of an hour: rounded down by what was drawn."""
    part = 500 * 10**12
    drawn = part - div_down(part * seconds, 3_600)
    return div_down((part - drawn) * wad(5_000), WAD)


def test_a_small_slice_needs_no_full_bucket(floor, counterparty):
    system = floor.system
    small = system.fund(counterparty, 2_000)
    system.trade(small, BTC, "0.5")
    system.move(BTC, 57_800)
    before = floor.bucket()[0]
    event = floor.liquidate(small).one("Sliced").args
    assert 0 < -event.size < wad("0.5")
    # a millionth of a millionth of the skew scale is what it is counted in
    assert 0 <= before + event.size - floor.bucket()[0] <= 5_000


def test_a_rest_below_the_minimum_goes_along(floor, counterparty):
    system = floor.system
    account = system.fund(counterparty, 10_100)
    system.trade(account, BTC, "2.501")
    system.move(BTC, 56_000)
    event = floor.liquidate(account).one("Sliced").args
    assert (event.size, event.whole) == (-wad("2.501"), True)
    assert floor.bucket() == (0, FULL)
    # and the next waits for it
    system.chain.advance(1)
    assert 0 < floor.bucket()[0] < FULL // 60


def test_a_batch_draws_for_all_of_it(floor, counterparty):
    system = floor.system
    accounts = [system.fund(counterparty, 4_000, sub) for sub in range(2)]
    for account in accounts:
        system.trade(account, BTC, "1")
    system.move(BTC, 57_500)
    receipt = floor.liquidate(*accounts)
    taken = -sum(event.args.size for event in receipt.named("Sliced"))
    assert receipt.returned == 2
    assert 0 <= FULL - taken - floor.bucket()[0] <= 5_000


def test_an_empty_bucket_skips_with_its_name(floor, counterparty):
    system = floor.system
    weak = system.fund(counterparty, 2_000)
    system.trade(weak, ETH, "11")
    system.move(ETH, 2_850)
    system.move(BTC, 56_300)
    floor.liquidate()
    receipt = floor.liquidate_each([(floor.account, BTC), (weak, ETH)])
    assert receipt.returned == 1
    skipped = receipt.one("Skipped").args
    assert (skipped.account, name_of(skipped.reason)) == (floor.account, "BucketEmpty")


@pytest.mark.parametrize("instrument", [BTC, ETH])
def test_another_market_has_its_own(floor, instrument):
    system = floor.system
    system.move(BTC, 56_300)
    floor.liquidate()
    left, full = floor.bucket(instrument)
    assert (left == 0) == (instrument == BTC)
    assert full == (FULL if instrument == BTC else left)


def test_notional_taken_is_counted(floor):
    system = floor.system
    system.move(BTC, 56_300)
    floor.liquidate()
    first = div_down(FULL * wad(56_300), WAD)
    assert system.liquidator.call("liquidated", BTC) == first
    system.chain.advance(60)
    floor.liquidate()
    assert system.liquidator.call("liquidated", BTC) == 2 * first
    assert system.liquidator.call("liquidated", ETH) == 0
