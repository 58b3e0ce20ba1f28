import pytest

from tests.harness.breaker import Bench
from tests.harness.reverts import reverts
from tidegate.artifacts import artifact

ZERO = "0x" + "00" * 20
NOBODY = "0x" + "00" * 19 + "99"


def test_knows_its_parties(bench: Bench):
    names = "OWNER", "CONFIGURATOR", "CORE", "ORACLE", "LIQUIDATOR", "FUND"
    assert [bench.breaker.call(name).lower() for name in names] == [
        party.lower() for party in bench.parties
    ]


@pytest.mark.parametrize("place", range(6))
def test_refuses_what_is_nobody(bench: Bench, place: int):
    parties = list(bench.parties)
    parties[place] = ZERO if place == 0 else NOBODY
    with reverts("OutOfBounds"):
        bench.chain.deploy(artifact("CircuitBreaker"), *parties)
