import pytest

from tests.harness.reverts import reverts
from tidegate.artifacts import artifact

NOBODY = "0x" + "00" * 20
NO_CODE = "0x" + "ab" * 20


def deploy(setup, **changes):
    arguments = {
        "oracle": setup.feed.oracle.address,
        "aggregator": setup.aggregator.address,
        "feed": 1,
        "heartbeat": 3600,
        "uptime": setup.uptime.address,
        "grace": 1800,
    }
    return setup.chain.deploy(artifact("ChainlinkFeed"), *{**arguments, **changes}.values())


@pytest.mark.parametrize(
    "change",
    [
        {"heartbeat": 60},
        {"heartbeat": 172_800},
        {"grace": 60},
        {"grace": 21_600},
        {"uptime": NOBODY, "grace": 0},
    ],
)
def test_accepts_parameters_at_their_bounds(chainlink, change):
    adapter = deploy(chainlink, **change)
    for name, value in change.items():
        assert adapter.call(name.upper()) == value
    assert adapter.call("ORACLE") == chainlink.feed.oracle.address
    assert adapter.call("AGGREGATOR") == chainlink.aggregator.address
    assert (adapter.call("FEED"), adapter.call("DECIMALS")) == (1, 8)
    assert adapter.call("answer")[0] == 100 * 10**18


@pytest.mark.parametrize(
    "change",
    [
        {"heartbeat": 0},
        {"heartbeat": 59},
        {"heartbeat": 172_801},
        {"heartbeat": 2**256 - 1},
        {"grace": 0},
        {"grace": 59},
        {"grace": 21_601},
        {"grace": 2**256 - 1},
        {"uptime": NOBODY},
        {"uptime": NO_CODE},
        {"oracle": NOBODY},
        {"aggregator": NOBODY},
        {"aggregator": NO_CODE},
    ],
)
def test_refuses_out_of_bounds(chainlink, change):
    with reverts("OutOfBounds"):
        deploy(chainlink, **change)


@pytest.mark.parametrize("unknown", [0, 2, 2**256 - 1])
def test_refuses_a_feed_that_is_not_listed(chainlink, unknown):
    with reverts("NotListed"):
        deploy(chainlink, feed=unknown)


@pytest.mark.parametrize(("decimals", "mantissa"), [(0, 7), (6, 7 * 10**6), (18, 7 * 10**18)])
def test_takes_any_decimals_up_to_18(chainlink, decimals, mantissa):
    aggregator = chainlink.chain.deploy(artifact("AggregatorDouble"), decimals)
    aggregator.transact("answer_round", mantissa)
    adapter = deploy(chainlink, aggregator=aggregator.address)
    assert adapter.call("answer") == (7 * 10**18, chainlink.now)


@pytest.mark.parametrize("decimals", [19, 255])
def test_refuses_more_decimals(chainlink, decimals):
    aggregator = chainlink.chain.deploy(artifact("AggregatorDouble"), decimals)
    with reverts("OutOfBounds"):
        deploy(chainlink, aggregator=aggregator.address)
