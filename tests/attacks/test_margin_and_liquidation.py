"""Accounts in trouble: they may get out, they may not dig deeper, and nobody robs them."""

from decimal import Decimal

import pytest

from tests.attacks.conftest import Venue, net
from tests.harness.reverts import reverts
from tests.harness.system import BTC, ETH, System
from tidegate.spec.rounding import WAD


@pytest.fixture
def long(funded: System, trader: str) -> int:
    """10 BTC on 40,000: 6.7 %, where 5.5 % and a little for crowding is the initial margin."""
    account = funded.fund(trader, 40_000)
    funded.trade(account, BTC, 10)
    return account


def lack(system: System, account: int) -> int:
    equity, _, maintenance, _ = system.health(account)
    return maintenance - equity


def reduce(system: System, account: int, size: int):
    order = system.order(account, BTC, size, reduce_only=True)
    system.place(order)
    return system.execute(order)


def test_levering_up_below_margin_is_refused(funded: System, long: int, venue: Venue, attacker):
    funded.move(BTC, 59_000)
    equity, initial, maintenance, _ = funded.health(long)
    assert maintenance < equity < initial
    # the exchange escrows nothing of it, and a venue without scruples gets nowhere
    with reverts("InsufficientMargin"):
        funded.place(funded.order(long, BTC, 1))
    mark = funded.oracle.call("latest", 1)[0]
    for price in (mark, mark * 98 // 100):
        with reverts("InsufficientMargin"):
            venue.clear(venue.fill(long, BTC, WAD // 10, price))
    with reverts("InsufficientMargin"):
        venue.clear(venue.fill(long, ETH, WAD, funded.oracle.call("latest", 2)[0]))


def test_halving_at_the_vaults_price_is_accepted(funded: System, long: int):
    for price in (59_000, 58_500, 58_200):
        funded.move(BTC, price)
    equity, initial, *_ = funded.health(long)
    assert equity < initial
    assert reduce(funded, long, -5).named("Executed")
    assert funded.size(long, BTC) == 5 * WAD


def test_halving_at_the_full_cost_is_accepted_and_beyond_it_refused(
    funded: System, long: int, venue: Venue
):
    funded.move(BTC, 58_700)
    funded.move(BTC, 58_000)
    equity, initial, maintenance, notional = funded.health(long)
    assert equity < initial
    mark = funded.oracle.call("latest", 1)[0]
    full = min(mark * 25 // 1000, equity * mark // notional)
    with reverts("InsufficientMargin"):
        venue.clear(venue.fill(long, BTC, -5 * WAD, mark - full - mark // 500))
    venue.clear(venue.fill(long, BTC, -5 * WAD, mark - full * 99 // 100))
    assert net(funded, long) * maintenance > 0


# 58_300 is just below maintenance, 55_000 far below zero
PRICES = [58_000, 57_900, 57_600, 57_300, 57_000, 56_700, 56_400, 56_000, 55_500, 54_000]


@pytest.mark.parametrize("price", PRICES)
def test_slices_at_every_equity_are_accepted_and_the_lack_falls(
    funded: System, long: int, keeper: str, price: int
):
    """From just below maintenance to negative, until the account is healthy or closed."""
    funded.move(BTC, price)
    start = lack(funded, long)
    assert start > 0
    reward_to = funded.account(keeper)
    slices = 0
    while lack(funded, long) > 0 and funded.size(long, BTC):
        before = lack(funded, long)
        done = funded.liquidator.transact("liquidate", [long], [BTC], reward_to, sender=keeper)
        assert len(done.named("Sliced")) == 1
        if funded.size(long, BTC):
            assert lack(funded, long) < before
        slices += 1
        assert slices < 10
        funded.pass_time(60)
    assert funded.cash(long) >= 0 or funded.size(long, BTC) != 0
    with reverts("NotLiquidatable"):
        funded.liquidator.transact("liquidate", [long], [BTC], reward_to, sender=keeper)


def test_a_comfortable_account_cannot_be_sliced(funded: System, long: int, keeper: str):
    with reverts("NotLiquidatable"):
        funded.liquidator.transact(
            "liquidate", [long], [BTC], funded.account(keeper), sender=keeper
        )


def test_a_deficit_ends_with_the_vault_in_the_same_call(
    funded: System, long: int, keeper: str, laws, liquidity_provider: str
):
    """A gap through zero: insurance first, the vault the rest, nothing stays booked."""
    before = funded.vault.call("equity")
    funded.move(BTC, 54_000)
    owed = -net(funded, long)
    assert owed > 20_000 * WAD
    funded.liquidator.transact("liquidate", [long], [BTC], funded.account(keeper), sender=keeper)
    assert funded.size(long, BTC) == 0
    assert funded.cash(long) == 0
    assert funded.cash(funded.deployment.deficits) == 0
    # it won the margin, and no more
    assert before < funded.vault.call("equity") < before + 40_000 * WAD
    laws(long, funded.account(keeper), funded.account(liquidity_provider))


def test_being_liquidated_is_dearer_than_closing(funded: System, long: int, keeper: str):
    """The same slice: by the liquidator, and by an order at the same price."""
    funded.move(BTC, 58_000)
    size, price, penalty, *_ = funded.liquidator.call("slice_of", long, BTC)
    assert size < 0
    assert penalty > 0
    quote = funded.vault.call(
        "quote",
        BTC,
        size,
        funded.oracle.call("latest", 1)[0],
        funded.oracle.call("volatility", 1),
    )
    fee = -size * quote * 500 // 10**6 // WAD
    assert price <= quote
    assert penalty > fee


def test_a_hedged_clear_of_two_legs_takes_the_margin_of_the_end_state(
    funded: System, venue: Venue, attacker: str
):
    """Two instruments of one underlying, bought and sold in one call on 1.4 % of the notional."""
    market = funded.config.markets[0]
    twin = BTC + 1
    words_ = (market.risk.pack(), market.trade.pack(), market.limits.pack())
    deployment = funded.deployment
    core = funded.core.address
    funded.govern(deployment.configurator, "set_terms", core, twin, *words_)
    account = funded.fund(attacker, 16_000)
    mark = funded.oracle.call("latest", 1)[0]
    first = venue.fill(account, BTC, 20 * WAD, mark)
    second = venue.fill(account, twin, -20 * WAD, mark)
    for alone in (first, second):
        with reverts("InsufficientMargin"):
            venue.clear(alone)
    venue.clear(first, second)
    equity, initial, maintenance, notional = funded.health(account)
    assert notional == 2 * 20 * mark
    # contingency of 0.5 % and 20 / 5,000 of 1 % for each leg, no shock
    assert initial == maintenance
    assert abs(initial - notional * 504 // 100_000) < notional // 10**6
    # neither leg may leave alone
    with reverts("InsufficientMargin"):
        venue.clear(venue.fill(account, twin, 20 * WAD, mark))
    venue.clear(
        venue.fill(account, twin, 20 * WAD, mark), venue.fill(account, BTC, -20 * WAD, mark)
    )
    assert funded.cash(account) == equity


def test_opening_both_sides_and_closing_one_keeps_the_vault_within_the_hard_cap(
    funded: System, trader: str, counterparty: str
):
    """A cap on skew alone would let the vault stand against all that was opened."""
    long, short = funded.fund(trader, 3_000_000), funded.fund(counterparty, 3_000_000)
    hard = funded.config.markets[0].trade.hard_cap
    scale = words_scale(funded)
    cap = hard * scale // 65535
    refused = 0
    for _ in range(12):
        for account, size in ((long, 40), (short, -40)):
            done = funded.trade(account, BTC, size)
            refused += len(done.named("Ended"))
    assert refused > 0
    while held := funded.size(long, BTC):
        reduce(funded, long, -min(50, int(Decimal(held) / WAD)))
        assert abs(funded.size(funded.deployment.pool(BTC), BTC)) <= cap
    assert funded.size(funded.deployment.pool(BTC), BTC) > cap * 8 // 10


def words_scale(system: System) -> int:
    return system.core.call("interest_word", BTC) >> 240


def test_one_side_settles_its_funding_months_later(
    funded: System, trader: str, counterparty: str, keeper: str, liquidity_provider: str, laws
):
    """The early side is paid out of the pot, the late side fills it: each what is its own."""
    late, early = funded.fund(trader, 5_000_000), funded.fund(counterparty, 1_000_000)
    for _ in range(4):
        funded.trade(late, BTC, 50)
    funded.trade(early, BTC, -20)
    owed = net(funded, late)
    for _ in range(120):
        funded.pass_time(86_400)
        funded.core.transact("poke", BTC)
    paid = owed - net(funded, late)
    assert paid > 100_000 * WAD
    cash = funded.cash(early)
    order = funded.order(early, BTC, 20, reduce_only=True)
    funded.place(order)
    filled = next(event.args for event in funded.execute(order).events if event.name == "Filled")
    assert filled.taker_due < 0
    assert funded.cash(early) > cash - 20 * 61_000 * WAD
    people = (late, early, *(funded.account(name) for name in (keeper, liquidity_provider)))
    laws(*people)
    for _ in range(60):
        funded.pass_time(86_400)
    # it owes more than it has by now: nobody can be paid by it, so its owner executes
    assert funded.health(late)[0] < 0
    for _ in range(4):
        order = funded.order(late, BTC, -50, reduce_only=True)
        funded.place(order)
        funded.execute(order, keeper=trader)
    assert funded.size(late, BTC) == 0
    laws(*people)
    pot = funded.core.call("carry_word", BTC) >> 144
    assert pot < 200  # a wei a settlement, of the pool at every poke; never less than nothing
