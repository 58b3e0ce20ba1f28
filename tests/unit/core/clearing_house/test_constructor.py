"""What a clearing house cannot be without."""

import pytest

from tests.harness.reverts import reverts
from tests.unit.core.clearing_house.conftest import House
from tidegate.artifacts import artifact
from tidegate.local_accounts import local_address

ZERO = "0x" + "00" * 20


@pytest.mark.parametrize("missing", ["oracle", "configurator", "losses"])
def test_it_needs_an_oracle_a_configurator_and_books_of_losses(house: House, missing):
    addresses = (
        ZERO if missing == "oracle" else house.oracle.address,
        ZERO if missing == "configurator" else local_address("configurator"),
        ZERO if missing == "losses" else house.chain.deploy(artifact("SharedLosses")).address,
    )
    with reverts("OutOfBounds"):
        house.chain.deploy(artifact("ClearingHouse"), *addresses)
