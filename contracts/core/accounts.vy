# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Accounts
@license AGPL-3.0-only
@notice Who an account is and who may act on it. An account is owner << 96 | sub-account; what it holds is one
        word (libraries/account_word.vy). Delegates hold rights over all sub-accounts of an owner until they expire.
"""

from ..libraries import errors
from ..interfaces import IClearingHouse

TRADE: constant(uint256) = 1
MOVE: constant(uint256) = 2
LP: constant(uint256) = 4

words: HashMap[uint256, uint256]
# expiry << 8 | permissions
rights: HashMap[address, HashMap[address, uint256]]


@internal
def _set_delegate(owner: address, delegate: address, permissions: uint256, expiry: uint256):
    errors._require((permissions >> 3) | (expiry >> 64) == 0, errors.OUT_OF_BOUNDS)
    self.rights[owner][delegate] = (expiry << 8) | permissions
    log IClearingHouse.DelegateSet(owner=owner, delegate=delegate, permissions=permissions, expiry=expiry)


@internal
@view
def _may(account: uint256, caller: address, permission: uint256) -> bool:
    owner: address = convert(account >> 96, address)
    if owner == caller:
        return True
    right: uint256 = self.rights[owner][caller]
    return right & permission == permission and right >> 8 > block.timestamp and permission != 0
