"""What breakers and auctions are decided from, read off a whole exchange."""

import pytest

from tests.harness.system import BTC, System, wad
from tidegate.client.venue import Venue
from tidegate.keepers import liquidator, readings
from tidegate.keepers.actions import Bid, OpenAuction, TakeOver
from tidegate.keepers.breaker_pokes import BreakerState
from tidegate.keepers.breaker_pokes import decide as pokes
from tidegate.keepers.liquidator import Candidate
from tidegate.keepers.readings import BidderTerms
from tidegate.keepers.registry import call_of
from tidegate.spec.rounding import PPM, WAD, div_up


@pytest.fixture
def venue(funded: System) -> Venue:
    return Venue.of(funded.deployment)


def standing(system: System, account: int, mark: int) -> Candidate:
    equity, _, maintenance, notional = system.health(account)
    return Candidate(account, equity, maintenance, 0, {BTC: notional}, {BTC: mark})


def do(system: System, venue: Venue, action: object, sender: str) -> None:
    call = call_of(action, venue, sender)
    call.contract.transact(call.fn, *call.args, sender=sender)


def test_a_poke_that_is_due_does_what_was_foreseen(funded: System, venue: Venue, keeper: str):
    def due() -> list:
        return pokes(BreakerState(funded.now, readings.watched(readings.asking, venue, funded.now)))

    first = due()
    assert [poke.instrument for poke in first] == [64, 128]
    for poke in first:
        do(funded, venue, poke, keeper)
    assert due() == []
    funded.move(BTC, 57_000)
    [poke] = due()
    [btc, _] = readings.watched(readings.asking, venue, funded.now)
    assert btc.seen.price == wad(57_000)
    assert btc.seen.liquidated == 0
    assert btc.scale == wad(5_000)
    do(funded, venue, poke, keeper)
    marked = readings.watched(readings.asking, venue, funded.now)
    assert readings.levels(marked) == {64: 2, 128: 0}


def test_a_new_price_is_in_force_from_the_second_after(funded: System, venue: Venue):
    funded.next_slot()
    funded.push(BTC, 59_000)
    [btc, _] = readings.watched(readings.asking, venue, funded.now)
    assert (btc.seen.price, btc.seen.price_age) == (wad(60_000), None)
    [btc, _] = readings.watched(readings.asking, venue, funded.now + 1)
    assert (btc.seen.price, btc.seen.price_age) == (wad(59_000), 1)


@pytest.fixture
def short(funded: System, trader: str) -> int:
    """6 BTC on 24,000, insolvent at 55,900."""
    account = funded.fund(trader, 24_000)
    funded.trade(account, BTC, 6)
    funded.move(BTC, 55_900)
    return account


def read(system: System, venue: Venue, account: int, running=(), levels=None, terms=None):
    standings = [standing(system, account, wad(55_900))]
    keeper = system.account(system.actor("keeper"))
    return readings.lots(
        readings.asking, venue, system.now, standings, running, levels or {}, keeper, terms
    )


def test_from_the_opening_of_an_auction_to_the_takeover(
    funded: System, venue: Venue, short: int, keeper: str
):
    funded.fund(keeper, 10)
    found = read(funded, venue, short)
    [lot] = found.lots
    equity, _, maintenance, notional = funded.health(short)
    assert (lot.equity, lot.maintenance) == (equity, maintenance)
    assert lot.positions == {BTC: notional}
    assert (lot.opened, found.t2, found.minimum) == (0, 300, wad(100))
    [opens] = readings.decided(found, funded.now)
    assert opens == OpenAuction(short, BTC)
    do(funded, venue, opens, keeper)
    found = read(funded, venue, short, running=[short])
    [lot] = found.lots
    opened, discount, _, fraction = funded.liquidator.call("auction_of", short)
    assert (lot.opened, lot.discount) == (opened, discount)
    assert lot.needed == div_up(fraction * PPM, WAD)
    assert readings.decided(found, funded.now) == []
    funded.pass_time(300)
    [taken] = readings.decided(read(funded, venue, short, running=[short]), funded.now)
    assert taken == TakeOver(short, BTC)
    do(funded, venue, taken, keeper)
    assert funded.size(short, BTC) == 0


def test_a_bidder_within_its_limits(funded: System, venue: Venue, short: int, keeper: str):
    terms = BidderTerms(funded.fund(keeper, 100_000), {BTC: wad(50_000)}, {BTC: 1})
    do(funded, venue, OpenAuction(short, BTC), keeper)
    funded.pass_time(60)
    found = read(funded, venue, short, running=[short], terms=terms)
    assert found.bidder.free == funded.health(terms.account)[0]
    [bid] = readings.decided(found, funded.now)
    assert (type(bid), bid.bidder, bid.most) == (Bid, terms.account, wad(50_000))
    do(funded, venue, bid, keeper)
    taken = funded.size(terms.account, BTC)
    assert 0 < taken * 55_900 <= wad(50_000)


def test_a_halted_market_is_left_alone(funded: System, venue: Venue, short: int):
    assert read(funded, venue, short, levels={BTC: 3}).lots
    assert read(funded, venue, short, levels={BTC: 4}).lots == ()


def test_without_anybody_short_nothing_is_asked(venue: Venue):
    def refuse(questions):
        raise AssertionError(questions)

    assert readings.lots(refuse, venue, 0, [], [], {}, 1) == readings.Lots()
    assert liquidator.decide([]) == []
