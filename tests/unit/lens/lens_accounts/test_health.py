import pytest

from tests.harness.system import BTC, COLLATERAL
from tidegate.client.errors import ProtocolError
from tidegate.spec import words

MOST = 64


def test_health_is_the_clearing_houses(view):
    system = view.system
    system.move(BTC, 57_000)
    [found] = view("health", [view.account])
    equity, initial, maintenance, notional = system.health(view.account)
    assert (found.equity, found.initial) == (equity, initial)
    assert (found.maintenance, found.notional) == (maintenance, notional)
    assert found.free == equity - initial
    assert found.account == view.account


def test_cash_and_principal_come_with_it(view):
    [found] = view("health", [view.account])
    word = words.Cash.unpack(view.system.core.call("cash_word", view.account, COLLATERAL))
    assert (found.cash, found.principal) == (word.cash, word.principal)
    assert found.principal > 0


def test_free_margin_is_negative_below_initial(view):
    view.system.move(BTC, 43_000)
    [found] = view("health", [view.account])
    assert found.maintenance < found.equity < found.initial
    assert found.free < 0


def test_many_accounts_keep_their_order(view):
    other = view.system.fund(view.system.actor("counterparty"), 5)
    found = view("health", [other, view.account, 12345])
    assert [item.account for item in found] == [other, view.account, 12345]
    assert found[0].equity == 5 * 10**18
    assert found[2].equity == found[2].notional == 0


def test_up_to_64_accounts_in_a_call(view):
    assert len(view("health", [view.account] * MOST)) == MOST
    with pytest.raises(ProtocolError):
        view("health", [view.account] * (MOST + 1))
