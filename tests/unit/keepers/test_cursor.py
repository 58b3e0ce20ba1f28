"""Every event once, in order, over reorganisations, lies and resets."""

import pytest

from tests.harness.fake_node import FakeNode
from tidegate.abi import Abi
from tidegate.chain import Known
from tidegate.keepers.cursor import Cursor, Reset, Unsteady
from tidegate.keepers.endpoints import Endpoints, Guard

CONTRACT = "0x" + "aa" * 20
ABI = Abi(
    "Counter",
    [
        {
            "type": "event",
            "name": "Counted",
            "inputs": [{"name": "number", "type": "uint256", "indexed": False}],
        }
    ],
)
[TOPIC] = ["0x" + topic.hex() for topic in ABI._events]


def count(node, block, *numbers):
    for number in numbers:
        node.log(block, CONTRACT, [TOPIC], f"0x{number:064x}")


def read(cursor):
    """Numbers by block of everything until the head, and what was undone first."""
    undone, found = None, []
    while True:
        step = cursor.step()
        undone = step.undone_to if undone is None else undone
        found += [(at, [event.args.number for event in events]) for at, events in step.events]
        if step.caught_up:
            return undone, found


@pytest.fixture
def node():
    made = FakeNode()
    for _ in range(10):
        made.mine()
    return made


def cursor_of(node, start=1, **changes):
    rpc = Endpoints(["http://a"], 1, Guard(watch=0.0), open=lambda url, timeout: node)
    known = Known()
    known.add(CONTRACT, ABI)
    return Cursor(rpc, known, start, node.blocks[0].hash, **changes)


def test_it_reads_from_the_first_block_in_ranges(node):
    count(node, 1, 11)
    count(node, 4, 41, 42)
    count(node, 10, 101)
    cursor = cursor_of(node, depth=2, span=3)
    assert read(cursor) == (None, [(1, [11]), (4, [41, 42]), (10, [101])])
    assert cursor.at == 10
    assert node.asked.count("eth_getLogs") == 4


def test_it_hands_out_what_is_new_once(node):
    cursor = cursor_of(node)
    read(cursor)
    assert read(cursor) == (None, [])
    node.mine()
    count(node, 11, 1)
    assert read(cursor) == (None, [(11, [1])])


def test_logs_come_in_order_however_the_node_sorts_them(node):
    count(node, 3, 1, 2, 3)
    node.blocks[3].logs.reverse()
    assert read(cursor_of(node)) == (None, [(3, [1, 2, 3])])


def test_a_reorganisation_says_what_still_holds(node):
    count(node, 9, 1)
    cursor = cursor_of(node)
    read(cursor)
    node.reorganise(5, "other")
    node.mine()
    count(node, 8, 2)
    assert read(cursor) == (5, [(8, [2])])


def test_a_head_that_went_back_undoes_blocks(node):
    cursor = cursor_of(node)
    read(cursor)
    del node.blocks[8:]
    assert read(cursor) == (7, [])


def test_a_reorganisation_deeper_than_the_trail_is_a_reset(node):
    cursor = cursor_of(node, depth=3)
    read(cursor)
    node.reorganise(6, "other")
    with pytest.raises(Reset, match="read before, is gone"):
        cursor.step()


def test_another_first_block_is_a_reset(node):
    cursor = cursor_of(node)
    read(cursor)
    fresh = FakeNode(salt="fresh")
    node.blocks, node.salt = fresh.blocks, "fresh"
    with pytest.raises(Reset, match="first block is another"):
        cursor.step()


def test_it_resumes_after_a_saved_block(node):
    count(node, 4, 1)
    count(node, 6, 2)
    cursor = cursor_of(node)
    cursor.resume(5, node.blocks[5].hash)
    assert read(cursor) == (None, [(6, [2])])


def test_resuming_on_another_branch_is_a_reset(node):
    cursor = cursor_of(node)
    cursor.resume(5, "0x" + "00" * 32)
    with pytest.raises(Reset):
        cursor.step()


def test_logs_of_another_branch_are_refused(node):
    count(node, 9, 1)
    node.blocks[9].logs[0]["blockHash"] = "0x" + "ff" * 32
    with pytest.raises(Unsteady, match="another branch"):
        read(cursor_of(node))


def test_logs_that_the_bloom_promises_are_waited_for(node):
    count(node, 9, 1)
    hidden = []

    def hide(method, params):
        if method == "eth_getLogs" and len(hidden) < 2:
            hidden.append(1)
            return []
        return None

    node.before = hide
    cursor = cursor_of(node)
    for _ in range(2):
        with pytest.raises(Unsteady, match="not there yet"):
            cursor.step()
        assert cursor.at == 0
    assert read(cursor) == (None, [(9, [1])])


def test_a_bloom_that_is_wrong_holds_it_up_three_times_at_most(node):
    count(node, 9, 1)
    node.before = lambda method, params: [] if method == "eth_getLogs" else None
    cursor = cursor_of(node)
    for _ in range(2):
        with pytest.raises(Unsteady):
            cursor.step()
    assert cursor.step().caught_up


def test_a_header_that_does_not_follow_is_refused(node):
    real = node.blocks[7].parent
    node.blocks[7].parent = "0x" + "ee" * 32
    cursor = cursor_of(node)
    with pytest.raises(Unsteady, match="block 7 does not follow"):
        cursor.step()
    node.blocks[7].parent = real
    assert read(cursor) == (None, [])


def test_a_node_a_few_blocks_short_undoes_nothing(node):
    cursor = cursor_of(node)
    cursor.rpc.nodes.append(cursor.rpc.nodes[0])
    read(cursor)
    kept = node.blocks[8:]
    del node.blocks[8:]
    cursor.rpc.nodes.pop()
    second = Endpoints(["http://a", "http://b"], 1, Guard(watch=0.0), open=lambda u, t: node)
    cursor.rpc = second
    assert read(cursor) == (None, [])
    assert cursor.at == 10
    node.blocks += kept
    assert read(cursor) == (None, [])
