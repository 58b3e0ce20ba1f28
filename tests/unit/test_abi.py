"""The codec against eth-abi, and what it refuses."""

import pytest
from eth_abi import decode, encode
from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st

from tidegate.abi import Abi

ADDRESS = "0x" + "Ab" * 20
CHECKSUM = "0xABaBaBaBABabABabAbAbABAbABabababaBaBABaB"
ORDER = [
    {"name": "account", "type": "uint256"},
    {"name": "size", "type": "int128"},
    {"name": "tags", "type": "bytes4[2]"},
    {"name": "resting", "type": "bool"},
]
NOTE = [{"name": "text", "type": "string"}, {"name": "blob", "type": "bytes"}]
INPUTS = [
    {"name": "orders", "type": "tuple[]", "components": ORDER},
    {"name": "note", "type": "tuple", "components": NOTE},
    {"name": "owner", "type": "address"},
    {"name": "sizes", "type": "int256[3]"},
]
TYPES = ["(uint256,int128,bytes4[2],bool)[]", "(string,bytes)", "address", "int256[3]"]
ABI = Abi(
    "Sample",
    [
        {
            "type": "function",
            "name": "submit",
            "stateMutability": "nonpayable",
            "inputs": INPUTS,
            "outputs": INPUTS,
        },
        {
            "type": "function",
            "name": "narrow",
            "stateMutability": "view",
            "inputs": [{"name": "x", "type": "uint8"}, {"name": "y", "type": "int8"}],
            "outputs": [{"name": "", "type": "uint256"}],
        },
        {
            "type": "event",
            "name": "Sent",
            "inputs": [
                {"name": "amount", "type": "uint256", "indexed": False},
                {"name": "owner", "type": "address", "indexed": True},
                {"name": "note", "type": "string", "indexed": False},
            ],
        },
    ],
)

orders = st.tuples(
    st.integers(0, 2**256 - 1),
    st.integers(-(2**127), 2**127 - 1),
    st.tuples(st.binary(min_size=4, max_size=4), st.binary(min_size=4, max_size=4)),
    st.booleans(),
)
values = st.tuples(
    st.lists(orders, max_size=4),
    st.tuples(st.text(max_size=40), st.binary(max_size=70)),
    st.just(ADDRESS),
    st.tuples(*[st.integers(-(2**255), 2**255 - 1)] * 3),
)


@given(values)
def test_writes_and_reads_what_eth_abi_does(args):
    function = ABI.functions["submit"]
    body = encode(TYPES, args)
    assert function.encode(args) == keccak(text=f"submit({','.join(TYPES)})")[:4] + body
    found = function.decode(body)
    [wanted_orders, wanted_note, _, wanted_sizes] = decode(TYPES, body)
    assert [(*order[:2], tuple(order.tags), order.resting) for order in found[0]] == [
        tuple(order) for order in wanted_orders
    ]
    assert tuple(found[1]) == wanted_note
    assert found[2] == CHECKSUM
    assert tuple(found[3]) == wanted_sizes


def test_structs_answer_by_name():
    function = ABI.functions["submit"]
    order = {"account": 7, "size": -8, "tags": [b"abcd", b"efgh"], "resting": True}
    body = function.encode([[order], ("note", b"blob"), ADDRESS, [1, 2, 3]])[4:]
    [found] = function.decode(body)[0]
    assert (found.account, found["size"], found[3]) == (7, -8, True)


@pytest.mark.parametrize("args", [(256, 0), (-1, 0), (0, 128), (0, -129)])
def test_refuses_numbers_that_do_not_fit(args):
    with pytest.raises(ValueError, match="does not fit"):
        ABI.functions["narrow"].encode(args)


def test_refuses_a_wrong_number_of_arguments_and_short_results():
    with pytest.raises(TypeError):
        ABI.functions["narrow"].encode([1])
    with pytest.raises(ValueError, match="0 bytes returned"):
        ABI.functions["narrow"].decode(b"")


def test_decodes_events_and_leaves_unknown_ones():
    topics = [keccak(text="Sent(uint256,address,string)"), bytes.fromhex(ADDRESS[2:]).rjust(32)]
    event = ABI.decode_event(ADDRESS, topics, encode(["uint256", "string"], [5, "hello"]))
    assert (event.contract, event.name) == ("Sample", "Sent")
    assert (event.args.amount, event.args.owner, event.args["note"]) == (5, CHECKSUM, "hello")
    assert ABI.decode_event(ADDRESS, [b"\0" * 32], b"") is None
    assert ABI.decode_event(ADDRESS, [], b"") is None
