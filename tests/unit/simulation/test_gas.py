"""The gas meter: which operation a receipt counts for."""

from types import SimpleNamespace

import pytest

from tidegate.abi import Event
from tidegate.chain import Receipt
from tidegate.client.calls import Outcome, Transaction
from tidegate.client.orders import Order
from tidegate.keepers.actions import Execute
from tidegate.keepers.journal import Journal
from tidegate.simulation.gas import GasMeter

TRADER, POOL, BTC, ETH = 1, 2, 64, 128


class Run:
    """A meter and a journal fed as the scenario feeds them."""

    def __init__(self):
        self.meter = GasMeter()
        self.journal = Journal(deficits=99)

    def note(self, label, gas, events=(), about=None):
        receipt = Receipt(gas, list(events), 1, 1)
        outcome = Outcome(Transaction(None, "", (), "", label, about), receipt)
        self.meter.note(outcome, self.journal)
        self.journal.observe(receipt.events)

    def execute(self, gas, *fills):
        events = [
            Event(
                "ClearingHouse",
                "",
                "Filled",
                SimpleNamespace(taker=taker, maker=POOL, instrument=instrument, size=size),
            )
            for taker, instrument, size in fills
        ]
        orders = tuple(Order(taker, instrument, size, 0) for taker, instrument, size in fills)
        self.note("execute", gas, events, Execute(orders))


@pytest.fixture
def run():
    return Run()


def test_an_account_through_its_life(run):
    run.execute(100, (TRADER, BTC, 5))
    run.execute(90, (TRADER, BTC, 5))
    run.execute(80, (TRADER, BTC, -4))
    run.execute(70, (TRADER, BTC, -6))
    run.execute(60, (TRADER, BTC, -1))
    assert run.meter.medians() == {
        "execute_open_first": 100,
        "execute_increase": 90,
        "execute_reduce": 80,
        "execute_close": 70,
        "execute_open": 60,
    }


def test_extra_position_is_what_an_increase_costs_more_beside_another(run):
    run.execute(100, (TRADER, BTC, 5))
    run.execute(90, (TRADER, BTC, 5))
    run.execute(100, (TRADER, ETH, 5))
    run.execute(102, (TRADER, BTC, 5))
    assert run.meter.medians()["extra_position"] == 12


def test_full_batches_count_by_order_and_smaller_ones_not_at_all(run):
    run.execute(1000, *((account, BTC, 1) for account in range(10, 20)))
    run.execute(500, *((account, BTC, 1) for account in range(20, 23)))
    assert run.meter.medians() == {"execute_batch10_each": 100}


def test_each_more_liquidation_is_the_rest_of_a_batch(run):
    sliced = Event("Liquidator", "", "Sliced", SimpleNamespace())
    run.note("liquidate", 100, [sliced])
    run.note("liquidate", 180, [sliced, sliced, sliced])
    assert run.meter.medians() == {"liquidate_one": 100, "liquidate_each_more": 40}


def test_plain_operations_are_medians(run):
    for gas in (50, 70, 60):
        run.note("deposit", gas)
    run.note("mint", 1)
    assert run.meter.medians() == {"deposit": 60}


def test_refused_transactions_do_not_count(run):
    run.meter.note(Outcome(Transaction(None, "", (), "", "deposit")), run.journal)
    assert run.meter.medians() == {}
