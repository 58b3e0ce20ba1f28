"""Old tricks with positions, funding and liquidation that need no mechanism of their own."""

from decimal import Decimal

import pytest

from tests.attacks.conftest import Venue, close, net, trade
from tests.harness.reverts import reverts
from tests.harness.system import BTC, System, wad
from tidegate.spec.rounding import WAD


def test_profit_depends_on_where_the_price_ends_not_on_its_path(funded: System, trader: str):
    """No entry price is stored that a path could move."""
    account = funded.fund(trader, 100_000)
    funded.trade(account, BTC, 5)
    start = funded.now
    ends = []
    for path in ((61_000, 63_000, 59_000), (58_000, 57_500, 59_000), (60_000, 60_000, 59_000)):
        checkpoint = funded.chain.snapshot()
        prices = dict(funded.prices)
        for price in path:
            funded.move(BTC, price)
        funded.chain.set_time(start + 600)
        funded.refresh()
        ends.append(net(funded, account))
        funded.chain.restore(checkpoint)
        funded.prices = prices
        for signer in funded.signers.quorum:
            signer.signed.clear()
    # 5 BTC are below the calm skew: no funding in between
    assert ends[0] == ends[1] == ends[2]


@pytest.mark.parametrize("pieces", [2, 7, 8])
def test_a_position_in_crumbs_costs_no_less(funded: System, venue: Venue, attacker: str, pieces):
    """Rounded per fill against the taker: crumbs only add."""
    one, many = (funded.fund(attacker, 100_000, sub) for sub in (1, 2))
    price = funded.oracle.call("latest", 1)[0] + 7
    size = (WAD + 13) * pieces
    venue.clear(venue.fill(one, BTC, size, price))
    venue.clear(*[venue.fill(many, BTC, size // pieces, price)] * pieces)
    assert funded.size(one, BTC) == funded.size(many, BTC)
    assert 0 <= funded.cash(one) - funded.cash(many) <= pieces


def test_a_round_trip_in_one_second_pays_both_fees(funded: System, attacker: str):
    account = funded.fund(attacker, 100_000)
    funded.trade(account, BTC, 1)
    close(funded, account)
    loss = wad(100_000) - funded.cash(account)
    fees = 2 * 60_000 * WAD * 500 // 10**6
    assert loss > fees


def test_funding_is_not_to_be_had_by_coming_for_a_moment(
    funded: System, trader: str, attacker: str
):
    """A crowded side pays by the second: who takes the other side for a slot earns a slot's."""
    crowd = funded.fund(trader, 4_000_000)
    trade(funded, crowd, 200)
    funded.pass_time(86_400)
    funded.core.transact("poke", BTC)
    account = funded.fund(attacker, 100_000)
    order = funded.order(account, BTC, -10)
    funded.place(order)
    funded.execute(order)
    size = funded.size(account, BTC)
    assert size == -10 * WAD
    order = funded.order(account, BTC, 10, reduce_only=True)
    funded.place(order)
    opened = funded.now
    done = funded.execute(order)
    held = funded.now - opened + 1
    dues = [event.args.taker_due for event in done.named("Filled")]
    # at most the cap of the rate, 10 % a day, of its notional and time
    assert 0 < -sum(dues) <= 10 * wad(60_000) // 10 * held // 86_400


@pytest.mark.parametrize("trick", ["deposit", "reduce", "order", "poke"])
def test_a_victim_that_moves_first_is_liquidated_all_the_same(
    funded: System, trader: str, keeper: str, trick: str
):
    """A wei more, a crumb less, an order or a poke: nothing of it is in the keeper's arguments."""
    account = funded.fund(trader, 40_000)
    funded.trade(account, BTC, 10)
    funded.mint(trader, 1)
    funded.move(BTC, 57_500)
    if trick == "deposit":
        funded.core.transact("deposit", account, 0, 1, sender=trader)
    elif trick == "poke":
        funded.core.transact("poke", BTC)
    else:
        order = funded.order(account, BTC, Decimal("-0.01"), reduce_only=True)
        funded.place(order)
        if trick == "reduce":
            funded.execute(order, keeper=trader)
    before = funded.size(account, BTC)
    call = ("liquidate", [account], [BTC], funded.account(keeper))
    assert funded.liquidator.transact(*call, sender=keeper).returned == 1
    assert funded.size(account, BTC) < before


def test_the_fullest_account_is_liquidated_within_a_block(
    funded: System, venue: Venue, attacker: str, keeper: str
):
    """Fifteen instruments, the last of them sliced: a fraction of half a block of 30 million."""
    market = funded.config.markets[0]
    terms = (market.risk.pack(), market.trade.pack(), market.limits.pack())
    core, configurator = funded.core.address, funded.deployment.configurator
    quote = funded.vault.call("quote_word", BTC)
    for k in range(1, 14):
        funded.govern(configurator, "set_terms", core, BTC + k, *terms)
        if k == 13:
            funded.govern(funded.vault, "set_quote", BTC + k, quote)
    account = funded.fund(attacker, 100_000)
    mark, ether = (funded.oracle.call("latest", feed)[0] for feed in (1, 2))
    for k in range(13):
        venue.clear(venue.fill(account, BTC + k, WAD // 500, mark))
    venue.clear(venue.fill(account, BTC + 64, WAD, ether))
    venue.clear(venue.fill(account, BTC + 13, 24 * WAD, mark))
    funded.move(BTC, 57_200)
    assert funded.health(account)[0] < funded.health(account)[2]
    call = ("liquidate", [account], [BTC + 13], funded.account(keeper))
    done = funded.liquidator.transact(*call, sender=keeper)
    assert done.named("Sliced")
    assert done.gas_used < 3_000_000


def test_an_order_at_the_end_of_its_life_never_fills(funded: System, trader: str, keeper: str):
    account = funded.fund(trader, 50_000)
    slot_opens = (funded.slot + 1) * funded.config.slot_seconds
    order = funded.order(account, BTC, 1, expiry=slot_opens)
    funded.place(order)
    funded.next_slot()
    funded.refresh()
    done = funded.exchange.transact("execute", order, funded.account(keeper), sender=keeper)
    assert done.one("Ended").args.account == account
    assert funded.size(account, BTC) == 0
    with reverts("UnknownOrder"):
        funded.exchange.transact("execute", order, funded.account(keeper), sender=keeper)
