import pytest

from tests.harness.reverts import reverts
from tidegate.artifacts import artifact

DAY = 86_400


@pytest.fixture
def arguments(system):
    return [system.core.address, system.oracle.address, system.vault.address, 300]


def test_a_window_of_a_day_is_the_longest(system, arguments):
    system.chain.deploy(artifact("Liquidator"), *arguments[:3], DAY)
    with reverts("OutOfBounds"):
        system.chain.deploy(artifact("Liquidator"), *arguments[:3], DAY + 1)


@pytest.mark.parametrize("place", range(3), ids=["core", "oracle", "vault"])
def test_an_address_without_code_is_refused(system, arguments, attacker, place):
    arguments[place] = attacker
    with reverts("OutOfBounds"):
        system.chain.deploy(artifact("Liquidator"), *arguments)


def test_it_does_nothing_until_it_is_a_venue(system, arguments):
    other = system.chain.deploy(artifact("Liquidator"), *arguments)
    with reverts("NotVenue"):
        other.transact("book", 1)
