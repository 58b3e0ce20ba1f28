"""The sender on the in-process chain, with a contract that refuses on demand."""

import pytest

from tidegate.artifacts import from_source
from tidegate.client.calls import Transaction
from tidegate.client.errors import ProtocolError
from tidegate.keepers.sender import GAVE_UP, Sender
from tidegate.revm_chain import RevmChain

SOURCE = """
# pragma version ==0.4.3

count: public(uint256)
limit: public(uint256)

@deploy
def __init__():
    self.limit = 2

@external
def add(amount: uint256):
    if self.count + amount > self.limit:
        raw_revert(method_id("TooSoon()"))
    self.count += amount

@external
def raise_limit():
    self.limit += 10
"""


@pytest.fixture
def counter():
    chain = RevmChain()
    return chain.deploy(from_source(SOURCE, "Counter"))


@pytest.fixture
def sender(counter):
    return Sender(counter.chain, retries=3)


def add(counter, amount=1):
    return Transaction(counter, "add", (amount,), counter.chain.sender, "add")


def test_what_passes_is_sent_and_counted(counter, sender):
    outcomes = sender.send([add(counter), add(counter)])
    assert [outcome.done for outcome in outcomes] == [True, True]
    assert counter.call("count") == 2
    assert sender.sent == 2


def test_what_simulation_refuses_is_not_sent(counter, sender):
    [outcome] = sender.send([add(counter, 3)])
    assert outcome.error.name == "TooSoon"
    assert sender.sent == 0


def test_what_an_earlier_one_of_the_block_spoils_is_told_with_its_error(counter, sender):
    outcomes = sender.send([add(counter, 2), add(counter, 1)])
    assert outcomes[0].done
    assert outcomes[1].error.name == "TooSoon"
    assert sender.sent == 2


def test_refused_beside_passing_keep_their_places(counter, sender):
    outcomes = sender.send([add(counter, 3), add(counter, 1), add(counter, 4)])
    assert [outcome.done for outcome in outcomes] == [False, True, False]


def test_budget_puts_aside_what_keeps_failing_until_forgiven(counter, sender):
    bad = add(counter, 3)
    for _ in range(3):
        [outcome] = sender.send([bad])
        assert outcome.error.name == "TooSoon"
    assert sender.put_aside == [bad]
    counter.transact("raise_limit")
    [outcome] = sender.send([bad])
    assert outcome.error.name == GAVE_UP
    sender.forgive()
    assert sender.send([bad])[0].done


def test_success_clears_the_budget(counter, sender):
    one = add(counter, 2)
    counter.transact("raise_limit")
    for _ in range(5):
        assert sender.send([one])[0].done
    assert sender.put_aside == []


def test_send_one_raises_the_refusal(counter, sender):
    with pytest.raises(ProtocolError, match="TooSoon"):
        sender.send_one(add(counter, 3))
    assert sender.send_one(add(counter, 1)).gas_used > 0


def test_every_outcome_is_shown_in_order(counter):
    seen = []
    sender = Sender(counter.chain, seen=seen.append)
    outcomes = sender.send([add(counter, 3), add(counter, 1)])
    assert seen == outcomes
