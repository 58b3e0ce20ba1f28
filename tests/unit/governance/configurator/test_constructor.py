import pytest

from tests.harness.reverts import reverts
from tidegate.artifacts import artifact

ZERO = "0x" + "00" * 20


def test_keeps_owner_and_guardian(bare_desk):
    assert bare_desk.configurator.call("OWNER") == bare_desk.owner
    assert bare_desk.configurator.call("guardian") == bare_desk.guardian


@pytest.mark.parametrize("missing", [0, 1])
def test_refuses_the_zero_address(bare_desk, missing):
    args = [bare_desk.owner, bare_desk.guardian]
    args[missing] = ZERO
    with reverts("OutOfBounds"):
        bare_desk.chain.deploy(artifact("Configurator"), *args)
