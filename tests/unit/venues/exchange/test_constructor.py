"""What the exchange is deployed with, and the bounds of it."""

import pytest

from tidegate.artifacts import artifact
from tidegate.client.errors import ProtocolError
from tidegate.spec.rounding import WAD


def deploy(market, window=30, least=WAD, ratio=500):
    return market.chain.deploy(
        artifact("Exchange"),
        market.core.address,
        market.oracle.address,
        market.vault.address,
        window,
        least,
        ratio,
    )


def test_keeps_its_parameters(market):
    exchange = deploy(market, 30, 3 * WAD, 700)
    assert exchange.call("CORE") == market.core.address
    assert exchange.call("ORACLE") == market.oracle.address
    assert exchange.call("VAULT") == market.vault.address
    assert exchange.call("WINDOW") == 30
    assert exchange.call("MIN_KEEPER_FEE") == 3 * WAD
    assert exchange.call("LAPSE_RATIO") == 700


@pytest.mark.parametrize(
    "bad",
    [
        {"window": 0},
        {"window": 32 * 4 + 1},  # more than a quarter of the ring
        {"least": 0},
        {"least": 100 * WAD + 10**12},
        {"least": WAD + 1},  # stakes are kept in 1e-6
        {"least": WAD + 10**11},
        {"ratio": 10_001},
    ],
)
def test_refuses_parameters_out_of_bounds(market, bad):
    with pytest.raises(ProtocolError) as refusal:
        deploy(market, **bad)
    assert refusal.value.name == "OutOfBounds"


def test_takes_the_edges(market):
    deploy(market, window=1)
    deploy(market, window=32 * 4, least=100 * WAD, ratio=10_000)
    deploy(market, least=10**12, ratio=0)
