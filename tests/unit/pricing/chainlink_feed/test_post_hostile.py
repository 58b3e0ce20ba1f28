"""What stands at the aggregator's or the uptime feed's address is dead, lies or attacks."""

import pytest
from eth_abi import encode

from tests.harness.reverts import reverts
from tests.unit.pricing.chainlink_feed.conftest import GRACE, HEARTBEAT
from tidegate.artifacts import artifact
from tidegate.client.errors import selector
from tidegate.spec.rounding import WAD

ROUND = ["uint256", "int256", "uint256", "uint256", "uint256"]


@pytest.fixture(params=["aggregator", "uptime"])
def hostile(chainlink, request):
    """One of the two places taken by what answers as it is told, at first as the true one does."""
    contract = chainlink.chain.deploy(artifact("HostileFeed"))
    if request.param == "aggregator":
        # decimals() is asked once, by the constructor
        contract.transact("behave", False, False, (8).to_bytes(32, "big"))
    places = {
        "aggregator": chainlink.aggregator.address,
        "uptime": chainlink.uptime.address,
        request.param: contract.address,
    }
    oracle = chainlink.feed.oracle
    chainlink.adapter = chainlink.chain.deploy(
        artifact("ChainlinkFeed"),
        *(oracle.address, places["aggregator"], 1, HEARTBEAT, places["uptime"], GRACE),
    )
    oracle.transact("set_source", 1, chainlink.adapter.address, True, sender=chainlink.feed.owner)
    contract.true = true_answer(chainlink, request.param)
    contract.transact("behave", False, False, contract.true)
    return contract


def true_answer(chainlink, place):
    now = chainlink.now
    if place == "uptime":
        return encode(ROUND, [1, 0, now - 86_400, now, 1])
    return encode(ROUND, [1, 100 * 10**8, now, now, 1])


def test_a_true_answer_passes(chainlink, hostile):
    chainlink.post()
    chainlink.chain.advance(1)
    assert chainlink.feed.latest() == (100 * WAD, True)


@pytest.mark.parametrize(
    "data", [b"", b"\x08\xc3\x79\xa0" + bytes(96), selector("NotOwner"), bytes(60_000)]
)
def test_it_reverts(hostile, declines, data):
    hostile.transact("behave", True, False, data)
    declines("FeedFailed")


def test_it_reverts_with_what_would_be_an_answer(hostile, declines):
    hostile.transact("behave", True, False, hostile.true)
    declines("FeedFailed")


def test_it_burns_all_gas(chainlink, hostile, spent):
    hostile.transact("behave", False, True, b"")
    with reverts("FeedFailed"):
        chainlink.adapter.transact("post", gas=300_000)
    assert 200_000 < spent(chainlink.adapter, "post") < 260_000


@pytest.mark.parametrize("size", [0, 1, 32, 159, 161, 192, 60_000])
def test_it_answers_too_short_or_too_long(hostile, declines, size):
    hostile.transact("behave", False, False, (hostile.true + bytes(60_000))[:size])
    declines("FeedFailed")


@pytest.mark.parametrize(
    ("place", "value", "error"),
    [
        (0, 2**80, "FeedFailed"),
        (0, 2**256 - 1, "FeedFailed"),
        (0, 2, "StalePrice"),  # the answer is of round 1
        (3, 0, "FeedFailed"),
        (4, 0, "StalePrice"),
    ],
)
def test_it_answers_garbage(hostile, declines, place, value, error):
    start = 32 * place
    garbage = hostile.true[:start] + value.to_bytes(32, "big") + hostile.true[start + 32 :]
    hostile.transact("behave", False, False, garbage)
    declines(error)


def test_it_may_change_nothing(chainlink, hostile):
    """It is read, not called: a call of its own that would write fails."""
    inner = hostile.encode("behave", True, False, b"")
    hostile.transact("call_back", hostile.address, inner)
    chainlink.post()
    chainlink.chain.advance(1)
    assert chainlink.feed.latest() == (100 * WAD, True)
