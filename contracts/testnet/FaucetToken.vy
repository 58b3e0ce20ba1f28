# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Faucet token
@license AGPL-3.0-only
@notice Collateral of test networks: anyone mints any amount. It refuses to exist anywhere else.
@custom:kill Nothing to stop: it is worth nothing.
"""

from snekmate.auth import ownable
from snekmate.tokens import erc20

from ..libraries import errors

initializes: ownable
initializes: erc20[ownable := ownable]

exports: (erc20.IERC20, erc20.name, erc20.symbol, erc20.decimals)

# anvil and hardhat, ganache, eth-tester, Sepolia of Ethereum, Arbitrum, Base
TEST_CHAINS: constant(uint256[6]) = [31337, 1337, 131277322940537, 11155111, 421614, 84532]


@deploy
def __init__(name: String[25], symbol: String[5], decimals: uint8):
    errors._require(chain.id in TEST_CHAINS, errors.TEST_CHAINS_ONLY)
    errors._require(decimals <= 18, errors.OUT_OF_BOUNDS)
    ownable.__init__()
    erc20.__init__(name, symbol, decimals, name, "1")
    # minting is everyone's: no role is left that could suggest otherwise
    ownable._transfer_ownership(empty(address))


@external
def mint(receiver: address, amount: uint256):
    """
    @param amount In the token's own decimals.
    """
    erc20._mint(receiver, amount)
