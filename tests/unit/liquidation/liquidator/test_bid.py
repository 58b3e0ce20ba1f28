import pytest

from tests.harness.reverts import reverts
from tests.harness.system import BTC, ETH, wad
from tidegate.spec.rounding import PPM, WAD, div_down, div_up

MAX_COST = 25_000  # ppm


def limit(auction) -> int:
    """The account's equity by its notional, ppm; a millionth below."""
    standing = auction.standing()
    limit = div_down(standing.equity * PPM, standing.notional) - 1
    assert 0 < limit < MAX_COST
    return limit


def discount_at(auction, seconds: int) -> int:
    start = auction.state().start
    return start + (limit(auction) - start) * seconds // auction.t2


def test_the_bidder_takes_the_fraction_that_restores_buffer(auction):
    system = auction.system
    before, held = auction.standing(), auction.position()
    event = auction.bid().one("Sold").args
    after = auction.standing()
    assert 0 < event.fraction < WAD
    assert auction.position() == held - div_down(held * event.fraction, WAD)
    assert system.size(auction.bidder, BTC) == held - auction.position()
    assert after.equity >= div_up(after.maintenance * (PPM + auction.limits().buffer), PPM)
    assert after.equity >= before.equity - div_up(event.closed * event.discount, PPM)
    assert auction.state().opened == 0


@pytest.mark.parametrize("part", [0, 1, 2, 3, 4])
def test_the_discount_rises_evenly_to_what_the_account_has(auction, part):
    seconds = auction.t2 * part // 4
    auction.at(seconds)
    expected = discount_at(auction, seconds)
    event = auction.bid().one("Sold").args
    assert event.discount == expected
    [fill] = auction_fills(auction)
    assert fill == wad(57_000) - div_down(wad(57_000) * expected, PPM)


def auction_fills(auction) -> list[int]:
    """Prices of the last bid, from what the bidder's cash moved by."""
    system = auction.system
    size, paid = system.size(auction.bidder, BTC), wad(100_000) - system.cash(auction.bidder)
    return [div_up(paid * WAD, size)] if size else []


def test_it_stays_at_its_limit_until_it_ends(auction):
    auction.at(3 * auction.t2)
    most = limit(auction)
    assert auction.bid().one("Sold").args.discount == most
    assert auction.standing().equity >= 0


def test_one_with_hardly_anything_left_ends_at_nothing_not_below(auction):
    """Whoever bids at the end of the time gets what it has, and no deficit is left to others."""
    system = auction.system
    auction.at(auction.t2)
    price = 56_300
    system.move(BTC, price)
    before = auction.standing()
    assert 0 < before.equity < before.notional // 100
    event = auction.bid().one("Sold").args
    assert event.discount <= before.equity * PPM // before.notional
    assert auction.standing().equity >= 0
    assert system.cash(system.deployment.deficits) == 0


def test_the_most_a_bidder_takes(auction):
    receipt = auction.bid(most=wad(10_000))
    event = receipt.one("Sold").args
    assert wad(10_000) - wad("0.01") < event.closed <= wad(10_000)
    assert receipt.returned == (event.closed, 0)
    assert auction.state().opened != 0
    auction.bid()
    assert auction.state().opened == 0


def test_less_than_the_minimum_is_no_bid(auction):
    with reverts("BelowMinimum"):
        auction.bid(most=wad(99))
    auction.bid(most=wad(101))


def test_the_least_discount_a_bidder_wants(auction):
    start = auction.state().start
    with reverts("LimitBroken"):
        auction.bid(least=start + 1_000)
    auction.bid(least=start)


def test_a_deadline_is_kept(auction):
    now = auction.system.now
    with reverts("TooLate"):
        auction.bid(deadline=now - 1)
    auction.bid(deadline=now)


def test_only_who_may_trade_bids(auction, attacker):
    with reverts("NotPermitted"):
        auction.bid(sender=attacker)
    args = (attacker, 1, 2**40)
    auction.system.core.transact("set_delegate", *args, sender=auction.system.actor("bidder"))
    auction.bid(sender=attacker)


def test_the_bidder_is_judged_as_in_any_trade(auction):
    poor = auction.system.fund(auction.system.actor("bidder"), 100, 1)
    with reverts("InsufficientMargin"):
        auction.bid(bidder=poor)


def test_no_account_bids_for_itself(auction, trader):
    with reverts("BadFill"):
        auction.bid(bidder=auction.account, sender=trader)


def test_without_an_auction_there_is_no_bid(floor):
    floor.system.move(BTC, 57_000)
    with reverts("NoAuction"):
        floor.bid()


def test_a_healthy_account_sells_nothing(auction):
    auction.system.move(BTC, 59_500)
    with reverts("NotLiquidatable"):
        auction.bid()


def test_an_insolvent_account_goes_whole_and_its_deficit_is_booked(floor):
    system = floor.system
    system.move(BTC, 55_000)
    floor.open()
    receipt = floor.bid()
    event = receipt.one("Sold").args
    assert event.fraction == WAD
    assert floor.position() == 0
    assert system.cash(floor.account) == 0
    assert system.cash(system.deployment.deficits) == 0
    receipt.one("Absorbed")
    assert floor.state().opened == 0


def test_the_same_part_of_every_position(floor, counterparty):
    system = floor.system
    account = system.fund(counterparty, 24_000)
    system.trade(account, BTC, "3")
    system.trade(account, ETH, "-30")
    system.move(BTC, 54_000)
    floor.liquidate(account)
    while floor.standing(account).equity >= 0:
        system.move(BTC, system.prices[1] // 10**18 - 500)
    floor.open(account)
    held = floor.position(account), floor.position(account, ETH)
    event = floor.bid(account=account, most=wad(50_000)).one("Sold").args
    for before, instrument in zip(held, (BTC, ETH), strict=True):
        part = div_down(abs(before) * event.fraction, WAD)
        assert abs(floor.position(account, instrument)) == abs(before) - part
        sign = 1 if before > 0 else -1
        assert system.size(floor.bidder, instrument) == sign * part


def test_places_are_for_accounts_of_more_than_eight(auction):
    with reverts("OutOfBounds"):
        auction.bid(first=1)
