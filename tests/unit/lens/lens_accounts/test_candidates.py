from decimal import Decimal

from tests.harness.system import BTC, ETH, WAD, wad


def broke(view) -> int:
    """The trader's account, closed by the trader and short of cash."""
    system = view.system
    system.move(BTC, 30_000)
    for instrument in (BTC, ETH):
        size = Decimal(-system.size(view.account, instrument)) / WAD
        order = system.order(view.account, instrument, size, reduce_only=True)
        system.place(order)
        system.execute(order, keeper=system.actor("trader")).one("Executed")
    return view.account


def test_healthy_and_empty_accounts_are_no_candidates(view, keeper):
    empty = view.system.account(view.system.actor("nobody"))
    accounts = [view.account, view.system.account(keeper), empty]
    assert view("candidates", accounts) == []


def test_an_account_at_maintenance_is_none_and_below_it_is_one(view):
    view.system.move(BTC, "42396.8")
    assert view("candidates", [view.account]) == []
    view.system.move(BTC, "42396.7")
    [found] = view("candidates", [view.account])
    assert found.account == view.account


def test_the_largest_leg_with_what_the_liquidator_would_do(view, keeper):
    system = view.system
    system.move(BTC, 42_000)
    [found] = view("candidates", [view.account])
    equity, _, maintenance, _ = system.health(view.account)
    assert (found.equity, found.maintenance) == (equity, maintenance)
    assert (found.instrument, found.deficit) == (BTC, 0)
    assert found.size < 0 < found.penalty
    receipt = system.liquidator.transact(
        "liquidate", [view.account], [BTC], system.account(keeper), sender=keeper
    )
    sliced = receipt.one("Sliced").args
    assert (sliced.size, sliced.price) == (found.size, found.price)
    assert (sliced.penalty, sliced.reward) == (found.penalty, found.reward)
    assert found.reward == wad(5)


def test_largest_by_notional_not_by_size(view, counterparty):
    system = view.system
    account = system.fund(counterparty, 1_000)
    system.trade(account, BTC, "0.1")
    system.trade(account, ETH, "2.1")
    system.move(ETH, 2_700)
    [found] = view("candidates", [account])
    assert found.instrument == BTC
    system.move(BTC, 55_000)
    [found] = view("candidates", [account])
    assert found.instrument == ETH


def test_deficit_to_be_booked(view, keeper):
    system = view.system
    broke(view)
    lack = -system.cash(view.account)
    assert lack > 0
    [found] = view("candidates", [view.account, system.account(keeper)])
    assert (found.account, found.instrument, found.size) == (view.account, 0, 0)
    assert (found.deficit, found.equity) == (lack, -lack)
    system.liquidator.transact("book", view.account)
    assert view("candidates", [view.account]) == []


def test_a_pool_short_of_cash_is_no_candidate(view):
    pool = view.system.deployment.pool(ETH)
    # it bought what the trader sold
    assert view.system.cash(pool) < 0
    assert view("candidates", [pool]) == []
