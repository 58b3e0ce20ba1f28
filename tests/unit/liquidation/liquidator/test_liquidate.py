"""Slices of one account at every equity; batches, rewards, deficits and gas in the files beside."""

import pytest

from tests.harness.reverts import reverts
from tests.harness.system import BTC, ETH, wad
from tidegate.client.errors import name_of
from tidegate.spec.rounding import PPM, div_down, div_up

SLACK = 4
SECOND_BTC = BTC + 1
# Maintenance is reached at 58,085.05, the end of penalties near 56,100, of equity at 56,030.
ABOVE = (60_000, 59_000, 58_086)
BELOW = (58_085, 58_050, 58_000, 57_800, 57_500, 57_000, 56_500, 56_300, 56_200, 56_100, 56_050)
UNDER_WATER = (56_029, 56_000, 55_000, 50_000, 20_000)


@pytest.mark.parametrize("price", ABOVE)
def test_a_healthy_account_is_left_alone(desk, price):
    desk.system.move(BTC, price)
    assert desk.standing().lack <= 0
    with reverts("NotLiquidatable"):
        desk.liquidate()
    assert desk.position() == wad("0.5")


@pytest.mark.parametrize("price", BELOW + UNDER_WATER)
def test_below_maintenance_each_slice_makes_the_lack_smaller(desk, price):
    desk.system.move(BTC, price)
    before = desk.standing()
    assert before.lack > 0
    slices = 0
    while before.lack > 0 and desk.position() != 0:
        held = desk.position()
        desk.liquidate().one("Sliced")
        after = desk.standing()
        assert 0 <= desk.position() < held
        assert after.lack < before.lack or desk.position() == 0
        if before.equity > 0:
            assert after.equity >= 0
            # a penalty never takes a larger share of equity than of the position
            assert after.equity * before.notional >= before.equity * after.notional
        before = after
        slices += 1
    assert slices == 1
    assert before.lack <= 0


@pytest.mark.parametrize("price", BELOW)
def test_a_part_restores_maintenance_and_its_buffer(desk, price):
    desk.system.move(BTC, price)
    event = desk.liquidate().one("Sliced").args
    after = desk.standing()
    if event.whole:
        assert desk.position() == 0
    else:
        target = div_up(after.maintenance * (PPM + desk.limits().buffer), PPM)
        assert after.equity >= target


def test_a_part_is_hardly_more_than_it_takes(desk):
    desk.system.move(BTC, 57_800)
    event = desk.liquidate().one("Sliced").args
    after = desk.standing()
    assert not event.whole
    # cost and relief are taken from the whole leg, where the quote is dearest
    over = after.equity - div_up(after.maintenance * (PPM + desk.limits().buffer), PPM)
    assert 0 <= over < div_down(after.notional, 10_000)


@pytest.mark.parametrize("price", BELOW + UNDER_WATER)
def test_penalty_is_the_rate_or_what_keeps_equity_over_notional(desk, price):
    desk.system.move(BTC, price)
    before, most_size = desk.standing(), desk.position()
    event = desk.liquidate().one("Sliced").args
    assert 0 < -event.size <= most_size
    closed = div_down(-event.size * desk.mark(), 10**18)
    share = div_down(before.equity * closed, before.notional)
    room = share - desk.quote_cost(event.size, event.price) - SLACK
    assert event.penalty == max(0, min(desk.most_penalty(event.size), room))


@pytest.mark.parametrize(
    ("price", "kind"), [(57_800, "rate"), (56_300, "room"), (56_050, "none"), (50_000, "none")]
)
def test_each_branch_of_the_penalty_is_reached(desk, price, kind):
    desk.system.move(BTC, price)
    event = desk.liquidate().one("Sliced").args
    most = desk.most_penalty(event.size)
    found = "rate" if event.penalty == most else "room" if event.penalty > 0 else "none"
    assert found == kind


def test_cash_moves_by_price_and_penalty_to_the_pool(desk):
    system = desk.system
    system.move(BTC, 57_800)
    pool = system.deployment.pool(BTC)
    before, account = system.cash(pool), system.cash(desk.account)
    event = desk.liquidate().one("Sliced").args
    cost = div_up(event.size * event.price, 10**18) + event.penalty
    assert system.cash(desk.account) == account - cost
    assert system.cash(pool) == before + cost - event.reward
    assert desk.position() == wad("0.5") + event.size


def test_numbers_of_one_slice(desk):
    """A change of any of these is a change of the rule."""
    desk.system.move(BTC, 57_800)
    event = desk.liquidate().one("Sliced").args
    assert not event.whole
    assert (event.account, event.instrument) == (desk.account, BTC)
    assert event.size == -177_597_657_357_650_254
    assert event.price == 57_721_232_485_540_472_621_710
    assert event.penalty == 76_988_584_464_541_385_109
    assert event.reward == wad(5)


def test_a_second_slice_at_the_same_price_is_refused(desk):
    desk.system.move(BTC, 57_800)
    desk.liquidate()
    with reverts("NotLiquidatable"):
        desk.liquidate()


def test_a_slice_is_at_least_the_minimum_notional(desk, counterparty):
    """A little below maintenance a little would do; a keeper is not called for less than 100."""
    system = desk.system
    account = system.fund(counterparty, 20)
    system.trade(account, BTC, "0.005")
    system.move(BTC, 58_150)
    assert 0 < desk.standing(account).lack < wad("0.5")
    event = desk.liquidate(account).one("Sliced").args
    assert not event.whole
    assert event.size == -div_up(wad(100) * 10**18, desk.mark())


def test_a_rest_below_the_minimum_notional_is_taken_whole(desk, counterparty):
    system = desk.system
    account = system.fund(counterparty, 15)
    system.trade(account, BTC, "0.0032")
    system.move(BTC, 57_000)
    size, *_ = desk.slice_of(account)
    assert size == -wad("0.0032")
    assert desk.standing(account).equity > 0
    assert desk.liquidate(account).one("Sliced").args.whole
    assert desk.position(account) == 0


def test_a_short_is_sliced_on_the_way_up(desk, counterparty):
    system = desk.system
    account = system.fund(counterparty, 2_000)
    system.trade(account, BTC, "-0.5")
    system.move(BTC, 61_900)
    before = desk.standing(account)
    assert before.lack > 0
    event = desk.liquidate(account).one("Sliced").args
    after = desk.standing(account)
    assert event.size > 0 > desk.position(account)
    assert after.equity >= div_up(after.maintenance * (PPM + desk.limits().buffer), PPM)


def test_a_stale_price_stops_no_slice(desk):
    desk.system.move(BTC, 57_800)
    desk.system.chain.advance(3_600)
    assert not desk.system.oracle.call("latest", 1)[1]
    desk.liquidate().one("Sliced")


def test_a_pause_of_openings_stops_no_slice(desk, guardian):
    system = desk.system
    configurator = system.deployment.configurator
    system.govern(configurator, "set_guardian", guardian)
    pause = ("pause_openings", system.core.address)
    configurator.transact(*pause, system.exchange.address, 86_400, sender=guardian)
    with reverts("OutOfBounds"):
        configurator.transact(*pause, system.liquidator.address, 86_400, sender=guardian)
    system.move(BTC, 57_800)
    desk.liquidate().one("Sliced")


def test_without_its_role_it_slices_nothing_and_says_so(desk):
    system = desk.system
    configurator = system.deployment.configurator
    system.govern(configurator, "set_venue", system.core.address, system.liquidator.address, 0)
    system.move(BTC, 57_800)
    with reverts("NotVenue"):
        desk.liquidate()


# Two legs of one underlying


@pytest.fixture
def hedged(desk, counterparty) -> int:
    """0.5 BTC long against 0.2 short in a second instrument, on 1,000."""
    system = desk.system
    market = system.config.markets[0]
    terms = (market.risk.pack(), market.trade.pack(), market.limits.pack())
    system.govern(
        system.deployment.configurator, "set_terms", system.core.address, SECOND_BTC, *terms
    )
    system.govern(system.vault, "set_quote", SECOND_BTC, market.quote.pack())
    account = system.fund(counterparty, 1_400)
    system.trade(account, SECOND_BTC, "-0.2")
    system.trade(account, BTC, "0.5")
    return account


def test_the_hedge_is_not_for_slicing(desk, hedged):
    system = desk.system
    system.move(BTC, 57_000)
    assert desk.standing(hedged).lack > 0
    with reverts("BadLiquidation"):
        desk.liquidate(hedged, instrument=SECOND_BTC)
    receipt = desk.liquidate_each([(hedged, SECOND_BTC), (hedged, BTC)])
    assert name_of(receipt.one("Skipped").args.reason) == "BadLiquidation"
    assert receipt.one("Sliced").args.instrument == BTC
    assert desk.position(hedged, SECOND_BTC) == wad("-0.2")


# Two markets in one account


@pytest.fixture
def crossed(desk, counterparty) -> int:
    """0.3 BTC and 6 ETH long, 18,000 each, on 2,400."""
    system = desk.system
    account = system.fund(counterparty, 2_400)
    system.trade(account, BTC, "0.3")
    system.trade(account, ETH, 6)
    return account


@pytest.mark.parametrize("instrument", [BTC, ETH])
def test_either_leg_restores_the_whole_account(desk, crossed, instrument):
    desk.system.move(BTC, 56_000)
    desk.system.move(ETH, 2_960)
    before = desk.standing(crossed)
    assert before.lack > 0
    event = desk.liquidate(crossed, instrument=instrument).one("Sliced").args
    after = desk.standing(crossed)
    assert event.instrument == instrument
    assert not event.whole
    assert after.equity >= div_up(after.maintenance * (PPM + desk.limits().buffer), PPM)
    other = ETH if instrument == BTC else BTC
    assert desk.position(crossed, other) == {BTC: wad("0.3"), ETH: wad(6)}[other]


def test_when_one_leg_does_not_do_the_next_call_takes_the_other(desk, crossed):
    desk.system.move(BTC, 52_900)
    first = desk.liquidate(crossed, instrument=ETH).one("Sliced").args
    assert first.whole
    assert desk.standing(crossed).lack > 0
    second = desk.liquidate(crossed, instrument=BTC).one("Sliced").args
    assert second.instrument == BTC
    assert desk.standing(crossed).lack <= 0


def test_a_gain_on_one_leg_carries_the_other(desk, crossed):
    desk.system.move(BTC, 56_000)
    desk.system.move(ETH, 3_200)
    with reverts("NotLiquidatable"):
        desk.liquidate(crossed)


def test_an_insolvent_account_is_booked_only_with_its_last_leg(desk, crossed):
    system = desk.system
    system.move(BTC, 40_000)
    assert desk.standing(crossed).equity < 0
    desk.liquidate(crossed, instrument=BTC)
    assert system.cash(crossed) < 0
    assert desk.position(crossed, ETH) == wad(6)
    receipt = desk.liquidate(crossed, instrument=ETH)
    assert receipt.named("Moved")
    assert system.cash(crossed) == 0
