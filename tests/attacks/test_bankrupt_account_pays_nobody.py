"""A bankrupt account has nothing to give: what its keeper got would be the vault's money."""

from tests.harness.system import BTC
from tidegate.spec.rounding import WAD


def test_only_an_unpaid_keeper_closes_a_bankrupt_account(funded, trader, keeper):
    loser = funded.fund(trader, 60_000)
    for _ in range(2):
        funded.trade(loser, BTC, 8)
    price = funded.oracle.call("latest", 1)[0]
    funded.move(BTC, price * 93 // 100 // WAD)
    assert funded.health(loser)[0] < 0
    friend, cash = funded.account(keeper), funded.cash(funded.account(keeper))
    order = funded.order(loser, BTC, -1, reduce_only=True)
    funded.place(order)
    funded.execute(order)
    assert funded.cash(friend) == cash
    assert funded.size(loser, BTC) == 16 * WAD
    order = funded.order(loser, BTC, -1, reduce_only=True)
    funded.place(order)
    funded.execute(order, keeper=trader)
    assert funded.size(loser, BTC) == 15 * WAD
