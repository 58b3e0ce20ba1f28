import pytest

from tests.harness.reverts import reverts
from tests.harness.system import BTC


def end(floor, account: int | None = None):
    account = floor.account if account is None else account
    return floor.system.liquidator.transact("end_auction", account)


@pytest.mark.parametrize("price", [57_900, 59_500])
def test_maintenance_ends_it(auction, price):
    """With the buffer or without: nobody may bid, so its discount must not go on rising."""
    system = auction.system
    system.move(BTC, price)
    standing = auction.standing()
    assert standing.equity >= standing.maintenance
    end(auction).one("AuctionEnded")
    assert auction.state().opened == auction.state().start == 0
    assert auction.state().rewarded != 0


def test_less_does_not(auction):
    auction.system.move(BTC, 57_000)
    standing = auction.standing()
    assert standing.equity < standing.maintenance
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
