import pytest

from tests.harness.reverts import reverts
from tidegate.artifacts import artifact

DAY = 86_400


@pytest.fixture
def arguments(system):
    trio = system.core.address, system.oracle.address, system.vault.address
    return [*trio, system.deployment.timelock.address, 300, 2_000, 60, 300, 0]


BOUNDS = {
    4: (0, DAY),  # reward window, s
    5: (500, 10**6),  # bucket, ppm of the skew scale
    6: (10, 3600),  # s in which it fills
    7: (60, 3600),  # s after which an auction has failed
    8: (0, 1023),  # feed
}


@pytest.mark.parametrize("place", BOUNDS)
def test_what_is_beyond_its_bounds_is_refused(system, arguments, place):
    for good in BOUNDS[place]:
        arguments[place] = good
        system.chain.deploy(artifact("Liquidator"), *arguments)
    least, most = BOUNDS[place]
    for bad in (most + 1, *([least - 1] if least else [])):
        arguments[place] = bad
        with reverts("OutOfBounds"):
            system.chain.deploy(artifact("Liquidator"), *arguments)


def test_it_has_an_owner(system, arguments):
    arguments[3] = "0x" + "00" * 20
    with reverts("OutOfBounds"):
        system.chain.deploy(artifact("Liquidator"), *arguments)


@pytest.mark.parametrize("place", range(3), ids=["core", "oracle", "vault"])
def test_an_address_without_code_is_refused(system, arguments, attacker, place):
    arguments[place] = attacker
    with reverts("OutOfBounds"):
        system.chain.deploy(artifact("Liquidator"), *arguments)


def test_it_does_nothing_until_it_is_a_venue(system, arguments):
    other = system.chain.deploy(artifact("Liquidator"), *arguments)
    with reverts("NotVenue"):
        other.transact("book", 1)
