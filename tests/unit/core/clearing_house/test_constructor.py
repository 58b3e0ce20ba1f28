"""What a clearing house cannot be without."""

import pytest

from tests.harness.reverts import reverts
from tests.unit.core.clearing_house.conftest import House
from tidegate.artifacts import artifact
from tidegate.local_accounts import local_address

ZERO = "0x" + "00" * 20


@pytest.mark.parametrize(("oracle", "configurator"), [(True, False), (False, True)])
def test_it_needs_an_oracle_and_a_configurator(house: House, oracle, configurator):
    addresses = (
        house.oracle.address if oracle else ZERO,
        local_address("configurator") if configurator else ZERO,
    )
    with reverts("OutOfBounds"):
        house.chain.deploy(artifact("ClearingHouse"), *addresses)
