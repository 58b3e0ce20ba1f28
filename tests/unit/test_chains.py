"""One behaviour on three chains: pyrevm, eth-tester, anvil."""

import time
from collections.abc import Iterator

import pytest

from tests.harness.reverts import reverts
from tidegate.anvil import find_anvil
from tidegate.artifacts import from_source
from tidegate.chain import Call, Chain, Contract, Receipt
from tidegate.client.errors import ProtocolError
from tidegate.revm_chain import RevmChain
from tidegate.web3_chain import embedded_chain, local_node

START = 1_621_382_400  # 2021-05-19, seconds: long before the machine's clock
SOURCE = """
# pragma version ==0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
from contracts.libraries import errors

event Set:
    caller: indexed(address)
    number: uint256

number: public(uint256)
used: transient(bool)

@external
def set(number: uint256) -> uint256:
    errors._require(number != 7, errors.OUT_OF_BOUNDS)
    assert number != 8, "eight"
    assert number != 9
    self.number = number
    log Set(caller=msg.sender, number=number)
    return number + 1

@external
def once():
    errors._require(not self.used, errors.ALREADY_SET)
    self.used = True

@external
def bump():
    self.number += 1

@view
@external
def now() -> uint256:
    return block.timestamp
"""


@pytest.fixture(
    scope="module",
    params=["pyrevm", "eth-tester", pytest.param("anvil", marks=pytest.mark.anvil)],
)
def chain(request: pytest.FixtureRequest) -> Iterator[Chain]:
    if request.param == "pyrevm":
        yield RevmChain(timestamp=START)
    elif request.param == "eth-tester":
        yield embedded_chain(START)
    elif find_anvil() is None:
        pytest.skip("anvil was not found: run `make setup`")
    else:
        with local_node(START, say=lambda text: None) as node:
            yield node


@pytest.fixture
def numbers(chain: Chain) -> Contract:
    return chain.deploy(from_source(SOURCE, "Numbers"))


def test_transact_waits_and_decodes(chain, numbers):
    trader = chain.account("trader")
    receipt = numbers.transact("set", 5, sender=trader)
    assert numbers.call("number") == 5
    event = receipt.one("Set")
    assert (event.contract, event.args.caller, event.args.number) == ("Numbers", trader, 5)
    assert receipt.gas_used > 21_000
    assert receipt.block == chain.block()
    assert receipt.timestamp == chain.time()


def test_call_changes_nothing(numbers):
    numbers.transact("set", 5)
    assert numbers.call("set", 6) == 7
    assert numbers.call("number") == 5


@pytest.mark.parametrize("how", ["call", "transact"])
def test_refusals_have_their_names(numbers, how):
    do = getattr(numbers, how)
    with reverts("OutOfBounds"):
        do("set", 7)
    with reverts("eight"):
        do("set", 8)
    with reverts("Unknown"):
        do("set", 9)
    numbers.transact("set", 10)  # a refused transaction used its nonce, and the next one knows


def test_send_all_keeps_order_and_outcomes(chain, numbers):
    senders = [chain.account(f"trader {i}") for i in range(3)]
    calls = [numbers.prepare("set", n, sender=senders[n % 3]) for n in range(1, 11)]
    outcomes = chain.send_all(calls)
    refused = {
        n: outcome.name
        for n, outcome in enumerate(outcomes, 1)
        if isinstance(outcome, ProtocolError)
    }
    assert refused == {7: "OutOfBounds", 8: "eight", 9: "Unknown"}
    done = [outcome for outcome in outcomes if isinstance(outcome, Receipt)]
    assert [receipt.one("Set").args.number for receipt in done] == [1, 2, 3, 4, 5, 6, 10]
    assert len({receipt.block for receipt in done}) == 1
    assert numbers.call("number") == 10


def test_send_all_takes_more_than_a_block_of_the_embedded_chain(chain, numbers):
    numbers.transact("set", 100)
    outcomes = chain.send_all([numbers.prepare("bump") for _ in range(40)])
    assert all(isinstance(outcome, Receipt) for outcome in outcomes)
    assert numbers.call("number") == 140


def test_transient_storage_ends_with_the_transaction(numbers):
    numbers.transact("once")
    numbers.transact("once")
    numbers.call("once")


def test_time_is_set_and_stands(chain, numbers):
    target = chain.time() + 1_000
    chain.set_time(target)
    assert numbers.call("now") == chain.time() == target
    apart = 1 if chain.name == "eth-tester" else 0  # seconds between its blocks
    assert numbers.transact("set", 1).timestamp == target + apart
    before = chain.time()
    chain.advance(500)
    assert numbers.call("now") == before + 500


def test_snapshot_and_restore(chain, numbers):
    numbers.transact("set", 1)
    now = chain.time()
    snapshot = chain.snapshot()
    chain.advance(100)
    numbers.transact("set", 2)
    chain.restore(snapshot)
    assert numbers.call("number") == 1
    assert chain.time() == now
    numbers.transact("set", 3)
    assert numbers.call("number") == 3


def test_reads_state(chain, numbers):
    numbers.transact("set", 77)
    assert chain.storage(numbers.address, 0) == 77
    artifact = from_source(SOURCE, "Numbers")
    assert chain.code(numbers.address) == artifact.runtime
    assert len(artifact.runtime) == artifact.runtime_size
    nobody = "0x" + "12" * 20
    chain.fund(nobody, 10**18)
    assert chain.balance(nobody) == 10**18


def test_a_contract_found_again_decodes(chain, numbers):
    again = chain.contract(numbers.abi, numbers.address)
    assert again.transact("set", 4).one("Set").args.number == 4
    assert int(again) == int(numbers.address, 16)


def test_an_unknown_sender_is_refused():
    chain = embedded_chain(START)
    numbers = chain.deploy(from_source(SOURCE, "Numbers"))
    with pytest.raises(KeyError):
        numbers.transact("set", 1, sender="0x" + "11" * 20)


def settled(chain: Chain, tx_hash: str, call: Call | None = None) -> Receipt:
    """A node may need a moment after it took a transaction."""
    for _ in range(200):
        if receipt := chain.outcome(tx_hash, call):
            return receipt
        time.sleep(0.05)
    raise AssertionError(f"{tx_hash} has no outcome")


def test_a_transaction_in_parts_has_its_hash_before_it_is_sent(chain, numbers):
    before = numbers.call("number")
    count = chain.count(chain.sender)
    sealed = chain.seal(numbers.prepare("bump"), count)
    assert not chain.knows(sealed.tx_hash)
    assert chain.outcome(sealed.tx_hash) is None
    assert numbers.call("number") == before
    chain.publish(sealed)
    chain.publish(sealed)  # again is no error and no second transaction
    assert chain.knows(sealed.tx_hash)
    receipt = settled(chain, sealed.tx_hash)
    assert receipt.gas_used > 21_000
    assert numbers.call("number") == before + 1
    assert chain.block_hash(receipt.block)
    assert chain.block_hash(receipt.block + 1000) == ""
    numbers.transact("bump")
    assert numbers.call("number") == before + 2


def test_a_transaction_in_parts_may_create_or_be_refused(chain, numbers):
    code = from_source(SOURCE).bytecode
    made = chain.seal(Call("", code), chain.count(chain.sender))
    chain.publish(made)
    assert chain.code(settled(chain, made.tx_hash).address) == chain.code(numbers.address)
    bad = chain.seal(numbers.prepare("set", 7), chain.count(chain.sender))
    chain.publish(bad)
    with reverts("OutOfBounds"):
        settled(chain, bad.tx_hash, bad.call)
