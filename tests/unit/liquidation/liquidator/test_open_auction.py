import pytest

from tests.harness.reverts import reverts
from tests.harness.system import BTC, ETH, wad
from tidegate.spec.rounding import PPM, div_up


def test_while_slices_suffice_there_is_none(floor):
    floor.system.move(BTC, 57_000)
    with reverts("SlicesSuffice"):
        floor.open()


def test_an_empty_bucket_opens_one(floor):
    system = floor.system
    system.move(BTC, 57_000)
    floor.liquidate()
    floor.open().one("AuctionOpened")
    assert (floor.state().opened, floor.state().rewarded) == (system.now, system.now)


def test_negative_equity_opens_one_at_once(floor):
    floor.system.move(BTC, 55_900)
    assert floor.standing().equity < 0
    assert floor.bucket()[0] > 0
    floor.open().one("AuctionOpened")


@pytest.mark.parametrize("price", [60_000, 58_200])
def test_a_healthy_account_has_none(floor, price):
    floor.system.move(BTC, price)
    with reverts("NotLiquidatable"):
        floor.open()


def test_what_is_not_held_opens_none(floor):
    floor.system.move(BTC, 57_000)
    floor.liquidate()
    with reverts("NotLiquidatable"):
        floor.open(instrument=ETH)


def test_it_begins_at_the_vaults_own_quote_cost(floor):
    system = floor.system
    system.move(BTC, 57_000)
    floor.liquidate()
    size = floor.position()
    volatility = system.oracle.call("volatility", 1)
    price = system.vault.call("quote", BTC, -size, wad(57_000), volatility)
    cost, notional = div_up(size * (wad(57_000) - price), 10**18), floor.standing().notional
    event = floor.open().one("AuctionOpened").args
    assert event.discount == div_up(cost * PPM, notional) == floor.state().start > 0


def test_a_premium_that_favours_the_account_begins_at_nothing(floor, counterparty):
    system = floor.system
    crowd = system.fund(counterparty, 1_000_000)
    system.trade(crowd, BTC, "20")
    system.move(BTC, 55_900)
    assert floor.open().one("AuctionOpened").args.discount == 0


def test_one_at_a_time_and_nobody_sets_it_back(auction):
    with reverts("AuctionRuns"):
        auction.open()
    auction.later(4 * auction.t2)
    with reverts("AuctionRuns"):
        auction.open()


def test_after_its_life_it_may_be_opened_again(auction):
    system, opened = auction.system, auction.state().opened
    system.chain.set_time(opened + 4 * auction.t2 + 1)
    with reverts("NoAuction"):
        auction.bid()
    system.move(BTC, 55_500)
    auction.open()
    assert auction.state().opened == system.now


def test_a_hedged_account_need_not_wait_for_the_bucket(floor, counterparty):
    """Closing one leg of two may make the lack larger: only both together help."""
    system = floor.system
    market = system.config.markets[0]
    second = BTC + 1
    terms = (market.risk.pack(), market.trade.pack(), market.limits.pack())
    system.govern(system.deployment.configurator, "set_terms", system.core.address, second, *terms)
    system.govern(system.vault, "set_quote", second, market.quote.pack())
    account = system.fund(counterparty, 5_000)
    system.trade(account, second, "-1")
    system.trade(account, BTC, "1")
    out = system.health(account)[0] // 10**12 - 700 * 10**6
    system.core.transact("withdraw", account, 0, out, counterparty, sender=counterparty)
    # both legs grow with the price, and so does what they need
    system.move(BTC, 75_000)
    assert 0 < floor.standing(account).equity < floor.standing(account).maintenance
    for leg in (BTC, second):
        with reverts("BadLiquidation"):
            floor.liquidate(account, instrument=leg)
    floor.open(account).one("AuctionOpened")
