"""What stands at Pyth's address is dead, lies or attacks: the post fails by name, and no more."""

import pytest
from eth_abi import encode

from tests.harness.pyth import BTC_ID, ETH_ID
from tests.harness.reverts import reverts
from tidegate.artifacts import artifact
from tidegate.client.errors import selector
from tidegate.spec.rounding import WAD

PRICE_FEED = "(bytes32,(int64,uint64,int32,uint256),(int64,uint64,int32,uint256))"


@pytest.fixture
def hostile(pyth):
    """Pyth's place taken by what answers as it is told."""
    contract = pyth.chain.deploy(artifact("HostileFeed"))
    pyth.adapter = pyth.chain.deploy(
        artifact("PythFeed"), pyth.feed.oracle.address, contract.address, 1, BTC_ID, 2_000
    )
    pyth.feed.oracle.transact("set_source", 1, pyth.adapter.address, False, sender=pyth.feed.owner)
    pyth.double = contract
    return contract


def answer(pyth, price_id=BTC_ID, price=100 * 10**8, conf=0, expo=-8, published=None, count=1):
    published = pyth.slot * 4 if published is None else published
    one = (price_id, (price, conf, expo, published), (price, conf, expo, published))
    return encode([PRICE_FEED + "[]"], [[one] * count])


def word(data, place, value):
    """With one word replaced."""
    return (
        data[: 32 * place] + value.to_bytes(32, "big", signed=value < 0) + data[32 * place + 32 :]
    )


def test_a_true_answer_passes(pyth, hostile):
    hostile.transact("behave", False, False, answer(pyth))
    pyth.post_bytes(b"")
    assert pyth.feed.slot_price(pyth.slot) == (100 * WAD, 0)


@pytest.mark.parametrize(
    "data", [b"", b"\x08\xc3\x79\xa0" + bytes(96), selector("NotOwner"), bytes(60_000)]
)
def test_it_reverts(pyth, hostile, declines, data):
    hostile.transact("behave", True, False, data)
    declines("FeedFailed", pyth.post_bytes, b"")


def test_it_reverts_with_what_would_be_an_answer(pyth, hostile, declines):
    hostile.transact("behave", True, False, answer(pyth))
    declines("FeedFailed", pyth.post_bytes, b"")


def test_it_burns_all_gas(pyth, hostile, spent):
    hostile.transact("behave", False, True, b"")
    with reverts("FeedFailed"):
        pyth.adapter.transact("post", pyth.slot, b"", sender=pyth.poster, value=7, gas=3_300_000)
    assert 3_000_000 < spent(pyth.adapter, "post", pyth.slot, b"") < 3_100_000


@pytest.mark.parametrize("size", [0, 1, 31, 32, 64, 351, 353, 384, 60_000])
def test_it_answers_too_short_or_too_long(pyth, hostile, declines, size):
    true = answer(pyth)
    hostile.transact("behave", False, False, (true + bytes(60_000))[:size])
    declines("FeedFailed", pyth.post_bytes, b"")


@pytest.mark.parametrize("count", [0, 2])
def test_it_answers_none_or_two(pyth, hostile, declines, count):
    hostile.transact("behave", False, False, answer(pyth, count=count))
    declines("FeedFailed", pyth.post_bytes, b"")


@pytest.mark.parametrize(
    ("place", "value", "error"),
    [
        (0, 0, "FeedFailed"),
        (0, 64, "FeedFailed"),
        (1, 0, "FeedFailed"),
        (1, 2, "FeedFailed"),
        (1, 2**256 - 1, "FeedFailed"),
        (2, int.from_bytes(ETH_ID, "big"), "FeedFailed"),
        (2, 0, "FeedFailed"),
        (3, 0, "BadPrice"),
        (3, -1, "BadPrice"),
        (3, 2**90, "BadPrice"),
        (3, 2**255 - 1, "BadPrice"),
        (3, -(2**255), "BadPrice"),
        (4, 2**64, "UncertainPrice"),
        (4, 2**256 - 1, "UncertainPrice"),
        (5, -19, "FeedFailed"),
        (5, 19, "FeedFailed"),
        (5, 2**32 - 8, "FeedFailed"),  # -8 of 32 bits, the sign not extended
        (5, -(2**255), "FeedFailed"),
        (6, 0, "BadTime"),
        (6, 2**64, "BadTime"),
        (6, 2**256 - 1, "BadTime"),
    ],
)
def test_it_answers_garbage(pyth, hostile, declines, place, value, error):
    hostile.transact("behave", False, False, word(answer(pyth), place, value))
    declines(error, pyth.post_bytes, b"")


@pytest.mark.parametrize("second", [-1, 1, 61, 1024])
def test_it_answers_another_time(pyth, hostile, declines, second):
    published = pyth.slot * 4 + second
    hostile.transact("behave", False, False, answer(pyth, published=published))
    declines("BadTime", pyth.post_bytes, b"")


def test_it_lies_within_the_deviation_guard_only(pyth, hostile, declines):
    hostile.transact("behave", False, False, answer(pyth))
    pyth.post_bytes(b"")
    pyth.feed.next_slot()
    hostile.transact("behave", False, False, answer(pyth, price=101 * 10**8 + 1))
    declines("BadPrice", pyth.post_bytes, b"")
    hostile.transact("behave", False, False, answer(pyth, price=101 * 10**8))
    pyth.post_bytes(b"")
    assert pyth.feed.slot_price(pyth.slot)[0] == 101 * WAD


def test_it_cannot_post_a_second_price_from_inside(pyth, hostile):
    """It calls back into the adapter and the oracle; the slot gets the one price."""
    hostile.transact("behave", False, False, answer(pyth))
    inner = pyth.adapter.encode("post", pyth.slot, b"")
    hostile.transact("call_back", pyth.adapter.address, inner)
    assert len(pyth.post_bytes(b"").named("Posted")) == 1
    pyth.feed.next_slot()
    hostile.transact("behave", False, False, answer(pyth))
    inner = pyth.feed.oracle.encode("store", 1, pyth.slot, 5 * WAD, pyth.slot * 4)
    hostile.transact("call_back", pyth.feed.oracle.address, inner)
    assert pyth.post_bytes(b"").one("Posted").args.price == 100 * WAD
