"""Nonces, fees, replacement and recovery of one address, before a node in this process."""

import pytest

from tests.harness.fake_node import FakeNode
from tidegate.chain import Call
from tidegate.client.errors import ProtocolError
from tidegate.keepers.endpoints import Endpoints, Guard, NoEndpoint
from tidegate.keepers.lane import Lane, Terms
from tidegate.keepers.sender import CANCELLED, NODE, TAKEN, TOO_DEAR
from tidegate.keepers.store import Store
from tidegate.local_accounts import local_account
from tidegate.web3_chain import RpcError, Web3Chain

KEY = local_account("lane")
TARGET = "0x" + "11" * 20


class World:
    """A node, a clock, and a lane that may be started again."""

    def __init__(self, **terms):
        self.node = FakeNode()
        self.now = 0.0
        self.store = Store(":memory:", "test")
        self.terms = Terms(**{"cap": 1_000, "patience": 10.0, **terms})
        self.said = []
        self.start()

    def start(self):
        self.rpc = Endpoints(
            ["http://node"],
            1,
            Guard(watch=0.0),
            open=lambda url, timeout: self.node,
            clock=lambda: self.now,
        )
        self.rpc.head()
        chain = Web3Chain(self.rpc, "fake", {KEY.address: lambda transaction: b""})
        self.lane = Lane(
            chain,
            self.rpc,
            KEY,
            self.store,
            self.terms,
            clock=lambda: self.now,
            say=lambda event, **facts: self.said.append(event),
        )

    def send(self, *items):
        calls = [Call(TARGET, item.encode(), KEY.address, what=item) for item in items]
        return self.lane.dispatch(calls, [(item,) for item in items])

    def later(self, seconds=11.0):
        self.now += seconds
        self.rpc.head()
        return self.lane.poll()

    def fee(self, base):
        """The next block's base fee, as nodes show it."""
        self.node.base_fee = base
        self.rpc.head()

    def mine(self):
        self.node.mine()
        self.rpc.head()


@pytest.fixture
def world():
    return World()


def offers(world):
    return [(sent.nonce, sent.most, sent.tip) for sent in world.node.by_hash.values()]


def test_nonces_follow_each_other_and_end_with_their_receipts(world):
    assert world.send("a", "b") == [0, 1]
    assert world.send("c") == [2]
    assert world.lane.busy("b")
    world.mine()
    landed = world.lane.poll()
    assert [(one.ticket, one.items, one.receipt.block) for one in landed] == [
        (0, ("a",), 1),
        (1, ("b",), 1),
        (2, ("c",), 1),
    ]
    assert not world.lane.busy("b")
    assert world.lane.waiting == 0


def test_a_reverted_transaction_ends_with_its_error(world):
    world.node.reverting.add(b"a")
    world.node.refuse_calls[b"a"] = "TooSoon"
    world.send("a")
    world.mine()
    [landed] = world.lane.poll()
    assert landed.receipt is None
    assert landed.error.name == "TooSoon"


def test_one_that_waits_is_offered_at_an_eighth_more(world):
    world.send("a")
    assert offers(world) == [(0, 21, 1)]  # twice the base fee and the tip
    assert world.later(10.0) == []
    assert len(world.node.by_hash) == 1
    world.node.base_fee = 30
    world.later(1.0)
    assert offers(world) == [(0, 21, 1), (0, 61, 2)]
    assert world.lane.replaced == 1
    world.mine()
    [landed] = world.lane.poll()
    assert landed.items == ("a",)
    assert landed.receipt is not None


def test_what_the_contracts_refuse_by_now_is_cancelled_not_raised(world):
    world.send("a")
    world.node.base_fee = 30
    world.node.refuse_calls[b"a"] = "TooLate"
    world.later()
    newest = list(world.node.by_hash.values())[-1]
    assert newest.to.lower() == KEY.address.lower()
    assert newest.data == b""
    world.mine()
    [landed] = world.lane.poll()
    assert landed.error.name == CANCELLED
    assert not world.lane.busy("a")


def test_nothing_ever_offers_more_than_the_cap_and_the_last_eighth_is_for_cancelling():
    world = World(cap=90)
    world.fee(40)
    world.send("a")
    assert offers(world) == [(0, 80, 1)]  # 8/9 of the cap
    world.node.base_fee = 85
    world.later()
    assert offers(world)[-1] == (0, 90, 2)
    assert list(world.node.by_hash.values())[-1].data == b""  # an eighth above 80: the cancel
    assert world.lane.stuck() == []
    world.node.base_fee = 200
    world.later()
    assert len(offers(world)) == 2
    [flight] = world.lane.stuck()
    assert flight.nonce == 0
    assert "stuck at the cap" in world.said


def test_gas_above_the_cap_sends_nothing():
    world = World(cap=90)
    world.fee(81)
    [answer] = world.send("a")
    assert answer.name == TOO_DEAR
    assert world.node.by_hash == {}
    assert world.lane.next == 0


def test_a_restart_takes_up_what_is_under_way(world):
    world.send("a", "b")
    world.start()
    assert world.lane.busy("a")
    assert world.lane.busy("b")
    assert world.send("c") == [2]
    world.mine()
    assert [one.items for one in world.lane.poll()] == [("a",), ("b",), ("c",)]


def test_a_restart_before_the_node_heard_sends_the_same_bytes_again(world):
    world.node.deaf = True
    world.send("a")
    world.node.deaf = False
    world.start()
    assert world.lane.busy("a")
    world.later()
    world.mine()
    [landed] = world.lane.poll()
    assert landed.items == ("a",)
    assert landed.receipt is not None


def test_a_nonce_that_nobody_wrote_down_is_filled_after_a_while(world):
    world.send("a", "b")
    world.store.drop([0])
    world.node.pool.clear()
    world.node.by_hash.clear()
    world.start()
    assert world.lane.next == 2
    assert world.later(5.0) == []
    assert world.node.by_hash == {}
    world.later(6.0)  # the nonce is filled, and b is sent again
    world.later(11.0)
    assert sorted(sent.nonce for sent in world.node.pool.values()) == [0, 1]
    world.mine()
    assert ("b",) in [one.items for one in world.lane.poll()]


def test_a_nonce_used_by_somebody_else_loses_the_transaction_not_the_lane(world):
    other = World()
    other.node = world.node
    other.start()
    other.send("theirs")
    world.mine()
    [answer] = world.send("a")
    assert isinstance(answer, ProtocolError)
    assert answer.name == TAKEN
    assert not world.lane.busy("a")
    assert world.send("a") == [1]


def test_a_used_nonce_without_a_receipt_is_given_up_after_ten_seconds(world):
    other = World()
    other.node = world.node
    other.start()
    world.node.deaf = True
    world.send("a")
    world.node.deaf = False
    other.send("theirs")
    world.mine()
    assert world.later(1.0) == []
    [landed] = world.later(11.0)
    assert landed.error.name == TAKEN


def test_one_that_is_mined_while_it_is_sent_again_is_not_lost(world):
    world.send("a")

    def mine_first(method, params):
        if method == "eth_sendRawTransaction":
            world.node.mine()
            raise RpcError("nonce too low", b"", -32000)

    world.node.before = mine_first
    assert world.later() == []
    world.node.before = None
    [landed] = world.lane.poll()
    assert landed.receipt is not None


def test_one_that_a_dying_node_mined_is_not_taken_for_another(world):
    def mine_and_forget(method, params):
        if method == "eth_sendRawTransaction":
            world.node.before = None
            world.node.eth_sendRawTransaction(*params)
            world.node.mine()
            raise RpcError("nonce too low", b"", -32000)

    world.node.before = mine_and_forget
    assert world.send("a") == [0]
    [landed] = world.lane.poll()
    assert landed.receipt is not None


def test_a_refusal_of_the_node_gives_the_nonce_back(world):
    def refuse(method, params):
        if method == "eth_sendRawTransaction":
            raise RpcError("insufficient funds for gas * price + value", b"", -32000)

    world.node.before = refuse
    answers = world.send("a", "b")
    assert [answer.name for answer in answers] == [NODE, NODE]
    assert world.lane.next == 0
    assert world.lane.waiting == 0
    world.node.before = None
    assert world.send("a") == [0]


def test_no_answer_to_a_send_leaves_it_under_way(world):
    def silent(method, params):
        if method == "eth_sendRawTransaction":
            raise TimeoutError

    world.node.before = silent
    assert world.send("a") == [0]
    assert world.lane.busy("a")
    world.node.before = None
    world.later(20.0)
    world.mine()
    [landed] = world.lane.poll()
    assert landed.receipt is not None


def test_undone_blocks_put_their_transactions_under_way_again(world):
    world.send("a")
    world.mine()
    assert len(world.lane.poll()) == 1
    world.node.reorganise(1, "other")
    world.rpc.head()
    world.lane.undo_to(0)
    assert world.lane.busy("a")
    world.mine()
    [landed] = world.lane.poll()
    assert landed.items == ("a",)


def test_settled_transactions_are_forgotten(world):
    world.send("a")
    world.mine()
    world.lane.poll()
    assert [row.nonce for row in world.store.outbox()] == [0]
    world.lane.settle(0)
    assert [row.nonce for row in world.store.outbox()] == [0]
    world.lane.settle(1)
    assert world.store.outbox() == []


def test_a_chain_reset_starts_nonces_anew(world):
    world.send("a")
    world.mine()
    world.lane.poll()
    world.node = FakeNode(salt="new")
    world.store.clear()
    world.start()
    assert world.lane.next == 0
    assert world.send("a") == [0]


def test_what_is_written_is_written_before_it_is_sent(world):
    written = []

    def look(method, params):
        if method == "eth_sendRawTransaction":
            written.append([row.tries[-1][1] for row in world.store.outbox()])

    world.node.before = look
    world.send("a")
    [[raw]] = written
    assert raw in [raw for row in world.store.outbox() for _, raw, _, _ in row.tries]


def test_no_more_than_allowed_are_under_way():
    world = World(most=2)
    answers = world.send("a", "b", "c")
    assert answers[:2] == [0, 1]
    assert answers[2].name == NODE


def test_without_a_node_it_says_so(world):
    def dead(method, params):
        raise ConnectionResetError

    world.send("a")
    world.node.before = dead
    with pytest.raises(NoEndpoint):
        world.lane.poll()


@pytest.mark.parametrize("pending", [3, 4 + 10_001], ids=["fewer than mined", "too many"])
def test_counts_that_no_node_can_have_are_not_believed(world, pending):
    counts = {"latest": hex(4), "pending": hex(pending)}

    def lie(method, params):
        return counts[params[1]] if method == "eth_getTransactionCount" else None

    world.node.before = lie
    with pytest.raises(NoEndpoint, match="a node says 4 transactions"):
        world.start()


def _estimating(world, answer):
    def before(method, params):
        if method != "eth_estimateGas":
            return None
        return answer(params)

    world.node.before = before


@pytest.mark.parametrize("estimate", [20_999, 100_000_001])
def test_an_estimate_that_cannot_be_is_not_kept(world, estimate):
    _estimating(world, lambda params: hex(estimate))
    with pytest.raises(NoEndpoint, match=f"a: a node says that it takes {estimate} gas"):
        world.send("a")
    world.node.before = None
    assert world.send("a") == [0]
    assert world.lane.flights[0].gas == 2 * 50_000


def test_without_a_node_between_two_estimates_no_nonce_is_given_out(world):
    def answer(params):
        if params[0]["data"] == "0x" + b"bb".hex():
            raise TimeoutError
        return hex(50_000)

    _estimating(world, answer)
    with pytest.raises(NoEndpoint):
        world.send("a", "bb")
    assert world.lane.next == 0
    world.node.before = None
    world.now += 60.0
    assert world.send("a", "bb") == [0, 1]
