import pytest

from tidegate.artifacts import artifact
from tidegate.client.errors import ProtocolError

NOBODY = "0x" + "00" * 20


def deploy(chain, keys, owner, slot_seconds=4, count=4, threshold=3, faulty=1):
    addresses = [signer.account.address for signer in keys[:count]]
    return chain.deploy(artifact("PriceOracle"), owner, slot_seconds, addresses, threshold, faulty)


@pytest.mark.parametrize("slot_seconds", [1, 60])
def test_accepts_slot_length_at_its_bounds(chain, keys, owner, slot_seconds):
    oracle = deploy(chain, keys, owner, slot_seconds)
    assert oracle.call("SLOT_SECONDS") == slot_seconds
    assert oracle.call("OWNER") == owner


@pytest.mark.parametrize("slot_seconds", [0, 61, 2**256 - 1])
def test_refuses_slot_length(chain, keys, owner, slot_seconds):
    with pytest.raises(ProtocolError, match="OutOfBounds"):
        deploy(chain, keys, owner, slot_seconds)


def test_refuses_no_owner(chain, keys):
    with pytest.raises(ProtocolError, match="OutOfBounds"):
        deploy(chain, keys, NOBODY)


@pytest.mark.parametrize(("count", "threshold", "faulty"), [(4, 2, 0), (4, 3, 2), (0, 0, 0)])
def test_refuses_quorums_that_may_not_meet(chain, keys, owner, count, threshold, faulty):
    with pytest.raises(ProtocolError, match="OutOfBounds"):
        deploy(chain, keys, owner, 4, count, threshold, faulty)
