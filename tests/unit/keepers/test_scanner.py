"""Who is read, in which order, and when again."""

from collections import namedtuple

import pytest

from tidegate.client.errors import ProtocolError
from tidegate.keepers.journal import Journal
from tidegate.keepers.scanner import Scanner

Health = namedtuple("Health", "account cash equity maintenance")
INSTRUMENT = 64
MARK = 10**18
NOTIONAL = 1_000 * 10**18


class FakeView:
    """A lens: equity by account, maintenance 35 of a notional of 1,000."""

    def __init__(self, equities):
        self.equities = equities
        self.asked = []
        self.error = None

    def ask(self, questions):
        answers = []
        for _, fn, (accounts,) in questions:
            assert fn == "health"
            assert len(accounts) <= 64
            self.asked += accounts
            answers.append(
                self.error
                or [Health(one, 0, self.equities[one] * 10**18, 35 * 10**18) for one in accounts]
            )
        return answers


def scanner_of(equities, **options):
    journal = Journal(0)
    for account in equities:
        journal.accounts.add(account)
        journal.touched.add(account)
        journal.sizes[account] = {INSTRUMENT: 1_000 * 10**18}
    view = FakeView(equities)
    made = Scanner(view, None, lambda account: account == 0, **{"rescan": 900, **options})
    return made, view, journal


def test_the_first_time_everybody_is_read_but_internal_accounts():
    scanner, view, journal = scanner_of({0: 1, 1: 100, 2: 50})
    found = scanner.standings(journal, {INSTRUMENT: MARK}, 1_000)
    assert [one.account for one in found] == [1, 2]
    assert view.asked == [1, 2]
    assert found[0].notionals == {INSTRUMENT: NOTIONAL}
    assert scanner.scanned == 2


def test_nobody_is_read_while_nothing_moves():
    scanner, view, journal = scanner_of({1: 100})
    scanner.standings(journal, {INSTRUMENT: MARK}, 1_000)
    view.asked.clear()
    assert scanner.standings(journal, {INSTRUMENT: MARK}, 1_899) == []
    assert view.asked == []


def test_a_move_reads_those_it_can_have_sunk_nearest_first():
    scanner, view, journal = scanner_of({1: 60, 2: 500, 3: 45})
    scanner.standings(journal, {INSTRUMENT: MARK}, 1_000)
    view.asked.clear()
    scanner.standings(journal, {INSTRUMENT: MARK * 97 // 100}, 1_001)
    assert view.asked == [3, 1]


def test_a_full_scan_comes_now_and_then_nearest_first():
    scanner, view, journal = scanner_of({1: 60, 2: 500, 3: 45})
    scanner.standings(journal, {INSTRUMENT: MARK}, 1_000)
    view.asked.clear()
    scanner.standings(journal, {INSTRUMENT: MARK}, 1_900)
    assert view.asked == [3, 1, 2]


def test_what_does_not_fit_into_a_pass_stays_due():
    scanner, view, journal = scanner_of({1: 100, 2: 100, 3: 100}, at_once=2)
    scanner.standings(journal, {INSTRUMENT: MARK}, 1_000)
    assert view.asked == [1, 2]
    assert scanner.backlog == 1
    scanner.standings(journal, {INSTRUMENT: MARK}, 1_000)
    assert view.asked == [1, 2, 3]
    assert scanner.backlog == 0


def test_a_touched_account_is_read_again():
    scanner, view, journal = scanner_of({1: 100, 2: 100})
    scanner.standings(journal, {INSTRUMENT: MARK}, 1_000)
    view.asked.clear()
    journal.touched.add(2)
    scanner.standings(journal, {INSTRUMENT: MARK}, 1_001)
    assert view.asked == [2]


def test_an_account_without_positions_and_debts_is_watched_no_more():
    scanner, _, journal = scanner_of({1: 100})
    scanner.standings(journal, {INSTRUMENT: MARK}, 1_000)
    assert list(scanner.readings) == [1]
    journal.sizes[1] = {}
    journal.touched.add(1)
    scanner.standings(journal, {INSTRUMENT: MARK}, 1_001)
    assert scanner.readings == {}


def test_what_cannot_be_read_stays_due():
    scanner, view, journal = scanner_of({1: 100})
    view.error = ProtocolError("NodeTrouble")
    with pytest.raises(ProtocolError):
        scanner.standings(journal, {INSTRUMENT: MARK}, 1_000)
    view.error = None
    assert len(scanner.standings(journal, {INSTRUMENT: MARK}, 1_001)) == 1
