import pytest

from tests.harness.reverts import reverts
from tidegate.artifacts import artifact
from tidegate.local_accounts import local_address
from tidegate.revm_chain import RevmChain

TRADER, ATTACKER = local_address("trader"), local_address("attacker")
ARGS = ("Test Dollar", "TUSD", 6)


@pytest.fixture
def token():
    return RevmChain().deploy(artifact("FaucetToken"), *ARGS)


def test_anyone_mints(token):
    token.transact("mint", TRADER, 5, sender=ATTACKER)
    token.transact("mint", TRADER, 7, sender=TRADER)
    assert token.call("balanceOf", TRADER) == token.call("totalSupply") == 12


def test_is_an_ordinary_token(token):
    assert (token.call("name"), token.call("symbol")) == ARGS[:2]
    assert token.call("decimals") == 6
    token.transact("mint", TRADER, 10)
    token.transact("transfer", ATTACKER, 4, sender=TRADER)
    token.transact("approve", ATTACKER, 3, sender=TRADER)
    token.transact("transferFrom", TRADER, ATTACKER, 3, sender=ATTACKER)
    assert (token.call("balanceOf", TRADER), token.call("balanceOf", ATTACKER)) == (3, 7)
    with reverts("erc20: insufficient allowance"):
        token.transact("transferFrom", TRADER, ATTACKER, 1, sender=ATTACKER)


@pytest.mark.parametrize("chain_id", [31337, 1337, 131277322940537, 11155111, 421614, 84532])
def test_exists_on_test_networks(chain_id):
    assert RevmChain(chain_id).deploy(artifact("FaucetToken"), *ARGS).call("decimals") == 6


@pytest.mark.parametrize("chain_id", [1, 10, 8453, 42161, 0])
def test_refuses_real_networks(chain_id):
    with reverts("TestChainsOnly"):
        RevmChain(chain_id).deploy(artifact("FaucetToken"), *ARGS)


def test_refuses_more_than_eighteen_decimals():
    RevmChain().deploy(artifact("FaucetToken"), "Test Dollar", "TUSD", 18)
    with reverts("OutOfBounds"):
        RevmChain().deploy(artifact("FaucetToken"), "Test Dollar", "TUSD", 19)
