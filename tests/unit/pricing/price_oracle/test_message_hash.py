import pytest

from tidegate.artifacts import artifact
from tidegate.client.price_message import Domain, PriceMessage
from tidegate.revm_chain import RevmChain

MESSAGES = [
    PriceMessage(1, 425_000_000, 100 * 10**18, 1_700_000_000),
    PriceMessage(0, 0, 0, 0),
    PriceMessage(*(4 * [2**256 - 1])),
]


@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize("chain_id", [1, 31337])
def test_equals_the_clients(message, chain_id, owner, keys):
    chain = RevmChain(chain_id=chain_id)
    addresses = [signer.account.address for signer in keys[:4]]
    oracle = chain.deploy(artifact("PriceOracle"), owner, 4, addresses, 3, 1)
    got = oracle.call("message_hash", message.feed, message.slot, message.price, message.published)
    assert got == Domain(chain_id, oracle.address).hash(message)
