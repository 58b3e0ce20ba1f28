"""The rig does to a node's answers, blocks and pool what it says it does."""

import json
import random
from collections.abc import Iterator
from http.client import HTTPConnection, IncompleteRead, RemoteDisconnected
from types import SimpleNamespace

import pytest
from eth_account import Account
from eth_utils import keccak

from tests.integration.chaos.judge import twice
from tests.integration.chaos.node import Node, number
from tests.integration.chaos.proxy import NEEDS, Fault, Kill, Proxy, Random, Scripted
from tidegate.abi import Event
from tidegate.anvil import free_port
from tidegate.fees import GWEI
from tidegate.web3_chain import HttpRpc, HttpStatus, RpcError

pytestmark = [pytest.mark.anvil, pytest.mark.xdist_group("chaos rig")]
KEY = Account.from_key(keccak(text="of the rig's tests"))
LOGS = {"fromBlock": "0x0", "toBlock": "latest"}


@pytest.fixture(scope="module")
def running() -> Iterator[Node]:
    node = Node(free_port(), 1_700_000_000)
    node.start()
    yield node
    node.stop()


@pytest.fixture
def node(running: Node) -> Iterator[Node]:
    """Five empty blocks after the first, and coins for the key; blocks only when asked for."""
    snapshot = running.rpc("evm_snapshot")
    running.rpc("evm_setAutomine", False)
    running.rpc("anvil_setBalance", KEY.address, hex(10**20))
    for _ in range(5):
        running.mine()
    yield running
    running.drop_pool()
    running.set_base_fee(GWEI)
    running.rpc("evm_revert", snapshot)


@pytest.fixture
def proxy(node: Node) -> Iterator[Proxy]:
    made = Proxy(node, pause=0.2)
    yield made
    made.close()
    assert made.trouble is None


def _signed(nonce: int, most: int = 10 * GWEI, tip: int = GWEI) -> tuple[str, str]:
    """Raw transaction and hash."""
    fields = {"type": 2, "chainId": 31337, "nonce": nonce, "to": "0x" + "11" * 20, "value": 1}
    fees = {"gas": 21_000, "maxFeePerGas": most, "maxPriorityFeePerGas": tip}
    raw = bytes(KEY.sign_transaction({**fields, **fees}).raw_transaction)
    return "0x" + raw.hex(), "0x" + keccak(raw).hex()


def _waiting(node: Node) -> list[str]:
    return [sent.hash for sent in node.waiting()]


def _asked(proxy: Proxy, fault: Fault, method: str, *params: object) -> object:
    """One request that meets the fault."""
    proxy.schedule = Scripted({proxy.count + 1: fault})
    return HttpRpc(proxy.url, timeout=5.0)(method, *params)


def test_without_faults_answers_pass_as_they_are(node, proxy):
    rpc = HttpRpc(proxy.url)
    assert rpc("eth_getBlockByNumber", "latest", False) == node.head()
    assert rpc.many([("eth_blockNumber", []), ("eth_chainId", [])]) == [
        hex(node.height),
        hex(31337),
    ]
    assert (proxy.count, proxy.log) == (2, [])


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.DROP, OSError),
        (Fault.DROP_ANSWER, OSError),
        (Fault.LIMIT, HttpStatus),
        (Fault.BROKEN, HttpStatus),
        (Fault.LIMIT_RPC, RpcError),
        (Fault.GARBAGE, ValueError),
    ],
)
def test_a_broken_answer_is_an_error_of_its_kind(proxy, fault, error):
    # HttpRpc asks once more where a connection ends: that request meets the same.
    proxy.schedule = Scripted({1: fault, 2: fault})
    with pytest.raises(error):
        HttpRpc(proxy.url)("eth_blockNumber")
    assert proxy.log[0] == (1, "eth_blockNumber", fault)


def test_half_an_answer_is_no_answer(proxy):
    with pytest.raises(IncompleteRead):
        _asked(proxy, Fault.TRUNCATED, "eth_getBlockByNumber", "latest", False)


def test_an_answer_to_another_request_is_refused(proxy):
    rpc = HttpRpc(proxy.url)
    rpc("eth_chainId")
    proxy.schedule = Scripted({2: Fault.STALE})
    with pytest.raises(ValueError, match="eth_blockNumber: the answer is to another request"):
        rpc("eth_blockNumber")


def test_answers_of_a_batch_may_come_in_any_order(node, proxy):
    proxy.schedule = Scripted({1: Fault.SHUFFLED})
    requests = [("eth_getBlockByNumber", [hex(height), False]) for height in range(6)]
    answers = HttpRpc(proxy.url).many(requests)
    assert [number(answer["number"]) for answer in answers] == list(range(6))


def test_heads_that_are_not_so(node, proxy):
    assert _asked(proxy, Fault.OLD_HEAD, "eth_blockNumber") == hex(node.height - 3)
    old = _asked(proxy, Fault.OLD_HEAD, "eth_getBlockByNumber", "latest", False)
    assert old == node.rpc("eth_getBlockByNumber", hex(node.height - 3), False)
    far = _asked(proxy, Fault.FAR_HEAD, "eth_getBlockByNumber", "latest", False)
    assert number(far["number"]) == node.height + 10_000
    assert _asked(proxy, Fault.WRONG_CHAIN, "eth_chainId") == "0x1"
    assert _asked(proxy, Fault.NULL, "eth_chainId") is None


def test_a_slow_node_knows_nothing_of_the_newest_blocks(node, proxy):
    raw, tx_hash = _signed(0)
    node.rpc("eth_sendRawTransaction", raw)
    node.mine()
    proxy.lag = 2
    rpc = HttpRpc(proxy.url)
    assert rpc("eth_getTransactionReceipt", tx_hash) is None
    assert rpc("eth_getTransactionCount", KEY.address, "latest") == "0x0"
    assert rpc("eth_getBlockByNumber", hex(node.height), False) is None
    proxy.lag = 0
    assert rpc("eth_getTransactionReceipt", tx_hash)["blockNumber"] == hex(node.height)
    assert rpc("eth_getTransactionCount", KEY.address, "latest") == "0x1"


def test_a_transaction_that_is_lost_and_one_that_is_taken_with_an_error(node, proxy):
    raw, tx_hash = _signed(0)
    assert _asked(proxy, Fault.LOST_SEND, "eth_sendRawTransaction", raw) == tx_hash
    assert _waiting(node) == []
    with pytest.raises(RpcError, match="internal error"):
        _asked(proxy, Fault.ERROR_SEND, "eth_sendRawTransaction", raw)
    assert _waiting(node) == [tx_hash]


def test_receipts_that_are_hidden_or_of_a_lost_block(node, proxy):
    raw, tx_hash = _signed(0)
    node.rpc("eth_sendRawTransaction", raw)
    node.mine()
    assert _asked(proxy, Fault.NO_RECEIPT, "eth_getTransactionReceipt", tx_hash) is None
    seen = HttpRpc(proxy.url)("eth_getTransactionReceipt", tx_hash)
    assert node.reorganise(2, 0.0, random.Random(1)) == 1
    assert node.rpc("eth_getTransactionReceipt", tx_hash) is None
    assert _asked(proxy, Fault.OLD_RECEIPT, "eth_getTransactionReceipt", tx_hash) == seen


@pytest.mark.parametrize(
    ("most", "tip", "taken"),
    [(11, 1.1, True), (10.9, 1.1, False), (11, 1.09, False), (12, 1, False)],
)
def test_a_replacement_must_raise_both_prices_by_a_tenth(node, proxy, most, tip, taken):
    rpc = HttpRpc(proxy.url)
    rpc("eth_sendRawTransaction", _signed(0)[0])
    raw, tx_hash = _signed(0, int(most * GWEI), int(tip * GWEI))
    if taken:
        assert rpc("eth_sendRawTransaction", raw) == tx_hash
    else:
        with pytest.raises(RpcError, match="replacement transaction underpriced"):
            rpc("eth_sendRawTransaction", raw)


@pytest.mark.parametrize("answered", [False, True])
def test_a_kill_comes_before_or_after_the_node_has_the_request(node, proxy, answered):
    struck: list[int] = []
    raw, tx_hash = _signed(0)
    proxy.kill = Kill(1, answered, lambda: struck.append(proxy.count))
    # As who is killed: asked once, on a connection of its own.
    connection = HTTPConnection(*proxy.address, timeout=5)
    body = {"jsonrpc": "2.0", "id": 1, "method": "eth_sendRawTransaction", "params": [raw]}
    connection.request("POST", "/", json.dumps(body))
    with pytest.raises(RemoteDisconnected):
        connection.getresponse()
    assert struck == [1]
    assert _waiting(node) == ([tx_hash] if answered else [])


def test_a_fork_keeps_what_it_is_told_to(node):
    for nonce in range(4):
        node.rpc("eth_sendRawTransaction", _signed(nonce)[0])
        node.mine()
    before, hashes = (
        node.height,
        [node.rpc("eth_getBlockByNumber", hex(n), False)["hash"] for n in range(node.height + 1)],
    )
    assert node.reorganise(3, 1.0, random.Random(1)) == 0
    assert node.height == before + 1
    assert node.rpc("eth_getTransactionCount", KEY.address, "latest") == "0x4"
    after = [node.rpc("eth_getBlockByNumber", hex(n), False)["hash"] for n in range(before + 1)]
    assert [one == two for one, two in zip(hashes, after, strict=True)] == [True] * (before - 2) + [
        False
    ] * 3
    assert node.reorganise(3, 0.0, random.Random(1)) > 0
    assert number(node.rpc("eth_getTransactionCount", KEY.address, "latest")) < 4


def test_an_empty_block_leaves_the_pool_as_it_was(node):
    raw, tx_hash = _signed(0)
    node.rpc("eth_sendRawTransaction", raw)
    node.mine(full=False)
    assert node.head()["transactions"] == []
    assert _waiting(node) == [tx_hash]
    node.set_base_fee(50 * GWEI)
    node.mine()
    assert _waiting(node) == [tx_hash], "underpriced"
    node.set_base_fee(GWEI)
    node.mine()
    node.mine()
    assert node.head()["transactions"] == [tx_hash]
    assert node.drop_pool() == 0


def test_a_schedule_with_a_seed_is_always_the_same():
    def played(seed: int) -> list[Fault | None]:
        schedule = Random(tuple(Fault), 0.5, seed)
        return [schedule(turn, ["eth_getLogs"]) for turn in range(200)]

    assert played(3) == played(3)
    assert played(3) != played(4)
    met = {fault for fault in played(3) if fault}
    assert met == {one for one, needs in NEEDS.items() if needs is None or "eth_getLogs" in needs}


# The judge


def _event(name: str, **args: object) -> Event:
    return Event("Contract", "0x", name, SimpleNamespace(**args))


KEY_OF = bytes(32)
DONE_TWICE = {
    "an order": [_event("Executed", order_hash=KEY_OF), _event("Ended", order_hash=KEY_OF)],
    "an epoch": [_event("Processed", epoch=7)] * 2,
    "a claim": [_event("Claimed", account=1, epoch=7)] * 2,
    "a slice": [_event("Sliced", account=1, instrument=64)] * 2,
}


@pytest.mark.parametrize("events", DONE_TWICE.values(), ids=DONE_TWICE)
def test_the_judge_sees_what_is_done_twice(events):
    assert len(twice(events)) == 1
    assert twice(events[:1]) == []


def test_a_new_price_may_need_a_new_slice():
    [slice_, again] = DONE_TWICE["a slice"]
    assert twice([slice_, _event("Posted"), again]) == []
