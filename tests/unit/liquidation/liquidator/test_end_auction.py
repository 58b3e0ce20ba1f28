import pytest

from tests.harness.reverts import reverts
from tests.harness.system import BTC


def end(floor, account: int | None = None):
    account = floor.account if account is None else account
    return floor.system.liquidator.transact("end_auction", account)


def test_maintenance_and_buffer_end_it(auction):
    system = auction.system
    system.move(BTC, 59_500)
    end(auction).one("AuctionEnded")
    assert auction.state().opened == auction.state().start == 0
    assert auction.state().rewarded != 0


@pytest.mark.parametrize("price", [57_000, 57_750])
def test_less_does_not(auction, price):
    auction.system.move(BTC, price)
    standing = auction.standing()
    assert standing.equity * 5 < standing.maintenance * 6
    with reverts("AuctionRuns"):
        end(auction)


def test_a_top_up_ends_it(auction):
    system = auction.system
    system.fund(system.actor("trader"), 20_000)
    end(auction)
    with reverts("NoAuction"):
        auction.bid()


def test_there_is_none_to_end(floor):
    with reverts("NoAuction"):
        end(floor)


def test_a_slice_that_restores_ends_it(auction):
    auction.system.chain.set_time(auction.state().opened + 60)
    receipt = auction.liquidate()
    receipt.one("AuctionEnded")
    assert auction.state().opened == 0
