"""The sender before a wire: items, batches, profit, dry runs."""

import pytest

from tidegate.chain import Receipt
from tidegate.client.errors import ProtocolError
from tidegate.keepers.budget import Budget
from tidegate.keepers.sender import (
    DRY_RUN,
    GAVE_UP,
    IN_FLIGHT,
    NODE,
    UNPROFITABLE,
    Job,
    Sender,
    cost_of,
)
from tidegate.keepers.wire import Landed


class Contract:
    address = "0x" + "11" * 20

    def prepare(self, fn, *args, sender):
        from tidegate.chain import Call

        return Call(self.address, repr(args).encode(), sender, what=fn)


class FakeWire:
    """Takes everything; `refuse` by data, `results` by data."""

    def __init__(self):
        self.refuse, self.results, self.sent, self.landed = {}, {}, [], []
        self.gas_price = 0

    @property
    def waiting(self):
        return len(self.sent) - len(self.landed)

    def simulate(self, calls):
        return [
            ProtocolError(self.refuse[call.data])
            if call.data in self.refuse
            else self.results.get(call.data, b"")
            for call in calls
        ]

    def dispatch(self, calls, items):
        tickets = []
        for call, about in zip(calls, items, strict=True):
            self.sent.append((call.data, about))
            tickets.append(len(self.sent) - 1)
        return tickets

    def poll(self):
        landed, self.landed = self.landed, []
        for one in landed:
            self.sent[one.ticket] = (None, ())
        return landed

    def busy(self, item):
        return any(item in about for _, about in self.sent)

    def price(self, call):
        return self.gas_price

    def end(self, ticket, error=None):
        receipt = None if error else Receipt(1, [], 1, 1)
        items = self.sent[ticket][1]
        self.landed.append(Landed(ticket, items, receipt, ProtocolError(error) if error else None))


def batch(*names, **changes):
    """A job about several items, whose data says which."""
    from tidegate.client.calls import Transaction

    return Job(
        Transaction(Contract(), "f", names, "0xme"),
        names,
        "role",
        refused=lambda returned: {"b": "TooSoon"} if returned == b"skips b" else {},
        narrow=lambda items: batch(*(name for name in names if name in items), **changes),
        **changes,
    )


def data(*names):
    return repr(names).encode()


class Bench:
    def __init__(self, **options):
        self.now = 0.0
        self.wire = FakeWire()
        self.seen = []
        self.sender = Sender(
            self.wire,
            3,
            lambda outcome: self.seen.append(outcome.error.name if outcome.error else "done"),
            Budget(pause=1.0),
            clock=lambda: self.now,
            **options,
        )


@pytest.fixture
def bench():
    return Bench()


def test_what_is_under_way_is_not_sent_again(bench):
    assert bench.sender.submit([batch("a", "b")]) == []
    [refused] = bench.sender.submit([batch("b", "c")])
    assert refused.error.name == IN_FLIGHT
    assert not bench.sender.free("a")
    assert bench.sender.free("c")
    bench.wire.end(0)
    [done] = bench.sender.poll()
    assert done.done
    assert bench.sender.free("a")


def test_two_jobs_about_one_item_in_one_go_are_one(bench):
    [refused] = bench.sender.submit([batch("a"), batch("a")])
    assert refused.error.name == IN_FLIGHT
    assert len(bench.wire.sent) == 1


def test_a_batch_leaves_out_what_the_simulation_would_skip(bench):
    bench.wire.results[data("a", "b")] = b"skips b"
    assert bench.sender.submit([batch("a", "b")]) == []
    assert bench.wire.sent == [(data("a"), ("a",))]
    assert not bench.sender.free("b")  # it pauses after a failure
    bench.now = 1.0
    assert bench.sender.free("b")


def test_a_batch_that_is_refused_falls_apart(bench):
    bench.wire.refuse[data("a", "b")] = "BadOrder"
    bench.wire.refuse[data("b")] = "BadOrder"
    [whole] = bench.sender.submit([batch("a", "b")])
    assert whole.error.name == "BadOrder"
    assert bench.wire.sent == [(data("a"), ("a",))]


def test_trouble_of_the_node_counts_against_nobody(bench):
    bench.wire.refuse[data("a")] = NODE
    for _ in range(10):
        [outcome] = bench.sender.submit([batch("a")])
        assert outcome.error.name == NODE
    assert bench.sender.free("a")


def test_an_item_dies_after_its_retries_and_is_buried_once():
    buried = []
    bench = Bench(buried=lambda dead: buried.append((dead.item, dead.reason)))
    bench.wire.refuse[data("a")] = "TooSoon"
    for moment in (0.0, 10.0, 20.0, 30.0):
        bench.now = moment
        [outcome] = bench.sender.submit([batch("a")])
    assert outcome.error.name == GAVE_UP
    assert buried == [("a", "TooSoon")]


def test_a_reverted_transaction_counts(bench):
    bench.sender.submit([batch("a")])
    bench.wire.end(0, "TooLate")
    [outcome] = bench.sender.poll()
    assert outcome.error.name == "TooLate"
    assert not bench.sender.free("a")


def test_what_does_not_pay_is_not_sent():
    bench = Bench(coin_price=2_000 * 10**18)
    bench.wire.gas_price = 10**15  # two of the collateral
    reward, loss = 10**18, 10**18
    assert bench.sender.submit([batch("a", reward=reward, loss=loss)]) == []
    [outcome] = bench.sender.submit([batch("b", reward=reward - 1, loss=loss)])
    assert outcome.error.name == UNPROFITABLE
    assert bench.sender.submit([batch("c")]) == []  # no loss is stated: it is not asked


def test_cost_is_rounded_up():
    assert cost_of(1, 10**18) == 1
    assert cost_of(1, 1) == 1
    assert cost_of(10**18, 3) == 3


def test_a_dry_run_sends_nothing_and_shows_each_item_once():
    bench = Bench(dry_run=True)
    [outcome] = bench.sender.submit([batch("a", "b")])
    assert outcome.error.name == DRY_RUN
    assert bench.wire.sent == []
    assert not bench.sender.free("a")
    assert bench.sender.free("c")


def test_every_outcome_is_shown_once(bench):
    bench.wire.refuse[data("a")] = "TooSoon"
    bench.sender.submit([batch("a"), batch("b")])
    bench.wire.end(0)
    bench.sender.poll()
    assert bench.seen == ["TooSoon", "done"]


def test_draining_waits_for_the_end(bench):
    bench.sender.submit([batch("a")])
    bench.wire.end(0)
    assert bench.sender.drain(1.0, pause=0.0) == 0
