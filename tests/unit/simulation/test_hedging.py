import math

import pytest

from tidegate.simulation.external_market import ExternalMarket, Impact
from tidegate.simulation.hedging import Appetite, Book, Hedger, Unloader

IMPACT = Impact(permanent=1e-6, temporary=1e-6, half_life=300.0)


def test_a_book_is_worth_its_cash_and_its_position():
    book = Book()
    book.trade(2.0, 100.0)
    book.trade(-1.0, 90.0)
    assert (book.position, book.cash) == (1.0, -110.0)
    assert book.worth(80.0) == -30.0


def test_the_hedge_follows_the_skew_and_sells_the_whole_crowds_share():
    market, hedger = ExternalMarket(IMPACT), Hedger(crowd=10.0)
    hedger.begin(5.0, 100.0)
    assert hedger.book.worth(100.0) == 0
    money = hedger.follow(3.0, market, 100.0)
    assert money == pytest.approx(200.0)
    assert market.sold == pytest.approx(2000.0)
    assert hedger.book.position == 3.0
    # sold two at the mean price of the way down
    assert hedger.book.cash == pytest.approx(-500 + 2 * 100 * math.exp(-0.002))
    assert hedger.follow(3.0, market, 100.0) == 0


def test_a_bidder_sells_half_of_its_inventory_per_half_life():
    market, bidder = ExternalMarket(IMPACT), Unloader(crowd=1.0, half_life=600.0)
    bidder.take(8.0)
    for _ in range(40):
        bidder.unload(15.0, market, 100.0)
    assert bidder.pending == pytest.approx(4.0)
    assert bidder.book.position == pytest.approx(-4.0)
    assert market.sold > 0


def test_a_small_rest_goes_at_once():
    market, bidder = ExternalMarket(IMPACT), Unloader(crowd=1.0, half_life=600.0, least=50.0)
    bidder.take(-0.4)  # a short is bought back
    assert bidder.unload(15.0, market, 100.0) == pytest.approx(-40.0)
    assert bidder.pending == 0
    assert bidder.book.position == pytest.approx(0.4)
    assert bidder.unload(15.0, market, 100.0) == 0


def test_appetite_shrinks_and_asks_more_as_the_book_fills():
    appetite = Appetite(limit=100.0, least=0.01, full=0.03)
    assert (appetite.room(0.0), appetite.wants(0.0)) == (100.0, 0.01)
    assert appetite.room(-40.0) == 60.0
    assert appetite.wants(50.0) == pytest.approx(0.02)
    assert (appetite.room(130.0), appetite.wants(130.0)) == (0.0, 0.03)
