"""Which node is asked, and which is put aside."""

import pytest

from tests.harness.fake_node import FakeNode
from tidegate.keepers.endpoints import Endpoints, Guard, NoEndpoint
from tidegate.web3_chain import HttpStatus, RpcError


class Pair:
    """Two nodes of one chain, ten blocks high."""

    def __init__(self, count=2, **guard):
        self.nodes = [FakeNode() for _ in range(count)]
        for node in self.nodes:
            for _ in range(10):
                node.mine()
        self.now = 100.0
        by_url = {f"http://n{number}/key": node for number, node in enumerate(self.nodes)}
        self.rpc = Endpoints(
            list(by_url),
            1,
            Guard(**{"watch": 2.0, "blocks": 3, "aside": 2.0, **guard}),
            open=lambda url, timeout: by_url[url],
            clock=lambda: self.now,
        )

    def look(self, seconds=2.0):
        self.now += seconds
        return self.rpc.head().number

    @property
    def asked(self):
        return [node["node"] for node in self.rpc.report() if node["asked"]]


@pytest.fixture
def pair():
    return Pair()


def failing(error):
    def fail(method, params):
        raise error

    return fail


def test_the_first_is_asked_while_it_answers(pair):
    assert pair.look() == 10
    pair.nodes[1].asked.clear()
    assert pair.rpc("eth_blockNumber") == "0xa"
    assert pair.nodes[1].asked == []


@pytest.mark.parametrize(
    "error", [TimeoutError(), ConnectionResetError(), ValueError("no JSON"), HttpStatus(502)]
)
def test_another_answers_when_one_fails(pair, error):
    pair.look()
    pair.nodes[0].before = failing(error)
    assert pair.rpc("eth_blockNumber") == "0xa"
    assert pair.asked == ["n1"]


def test_it_comes_back_after_a_pause_that_doubles(pair):
    pair.look()
    pair.nodes[0].before = failing(TimeoutError())
    pair.rpc("eth_blockNumber")
    pair.now += 1.9
    assert pair.asked == ["n1"]
    pair.now += 0.2
    pair.rpc("eth_blockNumber")  # fails again: four seconds
    pair.now += 3.9
    assert pair.asked == ["n1"]
    pair.nodes[0].before = None
    pair.look(0.2)
    assert pair.asked == ["n0", "n1"]


def test_a_revert_is_no_failure_of_the_node(pair):
    pair.look()
    pair.nodes[0].refuse_calls[b"a"] = "TooSoon"
    with pytest.raises(RpcError):
        pair.rpc("eth_call", {"data": "0x61"}, "latest")
    assert pair.asked == ["n0", "n1"]


@pytest.mark.parametrize(
    "error",
    [RpcError("slow down", b"", -32005), RpcError("Rate limit exceeded"), HttpStatus(429, 30.0)],
)
def test_a_limit_of_the_rate_asks_another(pair, error):
    pair.look()
    pair.nodes[0].before = failing(error)
    assert pair.rpc("eth_blockNumber") == "0xa"
    assert pair.asked == ["n1"]


def test_the_pause_a_server_asks_for_is_kept(pair):
    pair.look()
    pair.nodes[0].before = failing(HttpStatus(429, 30.0))
    pair.rpc("eth_blockNumber")
    pair.nodes[0].before = None
    pair.look(29.0)
    assert pair.asked == ["n1"]
    pair.look(2.0)
    assert pair.asked == ["n0", "n1"]


def test_one_that_falls_behind_is_not_asked(pair):
    for _ in range(3):
        pair.nodes[1].mine()
    assert pair.look() == 10
    assert pair.asked == ["n0", "n1"]  # three blocks are allowed
    pair.nodes[1].mine()
    assert pair.look() == 14
    assert pair.asked == ["n1"]
    pair.nodes[0].mine()
    assert pair.look() == 11
    assert pair.asked == ["n0", "n1"]


def test_one_whose_block_is_old_is_not_asked(pair):
    pair.nodes[1].mine()
    pair.nodes[1].blocks[-1].time += 31
    assert pair.look() == 11
    assert pair.asked == ["n1"]


def test_one_of_another_chain_is_put_aside(pair):
    pair.nodes[0].chain_id = 5
    assert pair.look() == 10
    assert pair.rpc.report()[0]["why"] == "is of chain 5"
    assert pair.asked == ["n1"]


def test_a_head_far_ahead_is_not_believed(pair):
    pair.look()
    for _ in range(100):
        pair.nodes[1].mine()
    pair.look(0.0)
    pair.look(2.0)
    assert pair.asked == ["n0"]
    assert pair.rpc.best.number == 10


def test_a_head_that_went_back_is_put_aside(pair):
    pair.look()
    del pair.nodes[0].blocks[5:]
    assert pair.look() == 10
    assert pair.asked == ["n1"]
    assert pair.rpc.report()[0]["why"] == "went back to block 4"


def test_the_last_one_left_is_asked_even_if_its_head_went_back():
    alone = Pair(1)
    alone.look()
    del alone.nodes[0].blocks[5:]
    assert alone.look() == 4


def test_no_node_left_is_said(pair):
    for node in pair.nodes:
        node.before = failing(TimeoutError())
    with pytest.raises(NoEndpoint, match="n0: TimeoutError; n1: TimeoutError"):
        pair.look()


def test_keys_in_urls_are_not_shown(pair):
    pair.nodes[0].chain_id = 5
    pair.look()
    assert "key" not in str(pair.rpc.report())


def test_a_batch_is_cut_to_what_nodes_take(pair):
    pair.look()
    sizes = []
    many = pair.nodes[0].many
    pair.nodes[0].many = lambda requests: (sizes.append(len(requests)), many(requests))[1]
    answers = pair.rpc.many([("eth_blockNumber", [])] * 250)
    assert sizes == [100, 100, 50]
    assert answers == ["0xa"] * 250


def test_everywhere_asks_all_and_takes_the_first_that_is_no_error(pair):
    pair.look()
    pair.nodes[0].before = lambda method, params: failing(RpcError("known"))(method, params)
    assert pair.rpc.everywhere([("eth_blockNumber", [])]) == ["0xa"]


def test_the_next_block_comes_a_second_later_or_as_late_as_it_is_by_now(pair):
    pair.look()
    time = pair.nodes[0].blocks[-1].time
    assert pair.rpc.next_time() == time + 1
    pair.now += 7.5
    assert pair.rpc.next_time() == time + 7


@pytest.mark.parametrize(
    ("method", "nonsense"),
    [
        ("eth_blockNumber", ["0x1"]),
        ("eth_call", {"result": "0x"}),
        ("eth_getLogs", "0x1"),
        ("eth_getTransactionCount", "0x" + "ff" * 32),
        ("eth_getTransactionCount", "12"),
    ],
)
def test_an_answer_of_another_kind_is_a_failure_of_the_node(pair, method, nonsense):
    pair.look()
    pair.nodes[0].before = lambda asked, params: nonsense
    pair.nodes[1].before = lambda asked, params: [] if method == "eth_getLogs" else "0x5"
    expected = [] if method == "eth_getLogs" else "0x5"
    assert pair.rpc(method) == expected
    assert pair.asked == ["n1"]


def test_an_answer_of_another_kind_spoils_its_batch(pair):
    pair.look()
    pair.nodes[0].before = lambda asked, params: None if asked == "eth_blockNumber" else ["0x5"]
    assert pair.rpc.many([("eth_blockNumber", []), ("eth_chainId", [])]) == ["0xa", "0x1"]
    assert pair.asked == ["n1"]


def test_the_next_block_s_time_is_known_while_nobody_answers(pair):
    pair.look()
    expected = pair.rpc.next_time()
    for node in pair.nodes:
        node.before = failing(TimeoutError())
    with pytest.raises(NoEndpoint):
        pair.rpc("eth_blockNumber")
    assert pair.asked == []
    assert pair.rpc.next_time() == expected
