import pytest

from tests.harness.pyth import BTC_ID
from tests.harness.reverts import reverts
from tidegate.artifacts import artifact

NOBODY = "0x" + "00" * 20


def deploy(setup, **changes):
    arguments = {
        "oracle": setup.feed.oracle.address,
        "pyth": setup.double.address,
        "feed": 1,
        "price_id": BTC_ID,
        "max_confidence": 2_000,
    }
    return setup.chain.deploy(artifact("PythFeed"), *{**arguments, **changes}.values())


@pytest.mark.parametrize("max_confidence", [100, 50_000])
def test_accepts_a_confidence_at_its_bounds(pyth, max_confidence):
    adapter = deploy(pyth, max_confidence=max_confidence)
    assert adapter.call("MAX_CONFIDENCE") == max_confidence
    assert (adapter.call("ORACLE"), adapter.call("PYTH"), adapter.call("FEED")) == (
        pyth.feed.oracle.address,
        pyth.double.address,
        1,
    )
    assert adapter.call("PRICE_ID") == BTC_ID


@pytest.mark.parametrize(
    "change",
    [
        {"max_confidence": 0},
        {"max_confidence": 99},
        {"max_confidence": 50_001},
        {"max_confidence": 2**256 - 1},
        {"oracle": NOBODY},
        {"pyth": NOBODY},
        {"pyth": "0x" + "ab" * 20},
        {"price_id": bytes(32)},
    ],
)
def test_refuses_out_of_bounds(pyth, change):
    with reverts("OutOfBounds"):
        deploy(pyth, **change)


@pytest.mark.parametrize("unknown", [0, 2, 2**256 - 1])
def test_refuses_a_feed_that_is_not_listed(pyth, unknown):
    with reverts("NotListed"):
        deploy(pyth, feed=unknown)
