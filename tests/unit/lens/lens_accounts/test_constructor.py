import pytest

from tests.harness.reverts import reverts
from tidegate.artifacts import artifact

NAMES = ("core", "oracle", "liquidator")


@pytest.fixture
def addresses(system):
    return [getattr(system, name).address for name in NAMES]


def test_reads_the_contracts_it_was_given(system, addresses):
    lens = system.chain.deploy(artifact("LensAccounts"), *addresses)
    assert [lens.call(name.upper()) for name in NAMES] == addresses


@pytest.mark.parametrize("name", ["core", "oracle", "liquidator"])
def test_an_address_without_code_is_refused(system, addresses, attacker, name):
    addresses[NAMES.index(name)] = attacker
    with reverts("OutOfBounds"):
        system.chain.deploy(artifact("LensAccounts"), *addresses)
