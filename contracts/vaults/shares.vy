# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Shares
@license AGPL-3.0-only
@notice The ERC-20 of a vault: 18 decimals. Shares in the vault's own hands are escrowed requests and unclaimed
        mints, so nobody else may send it any.
"""

from ethereum.ercs import IERC20
from ethereum.ercs import IERC20Detailed
from ..libraries import errors

implements: IERC20
implements: IERC20Detailed

decimals: public(constant(uint8)) = 18

name: public(immutable(String[32]))
symbol: public(immutable(String[8]))

totalSupply: reentrant(public(uint256))
balanceOf: reentrant(public(HashMap[address, uint256]))
allowance: reentrant(public(HashMap[address, HashMap[address, uint256]]))


@deploy
def __init__(name_: String[32], symbol_: String[8]):
    name = name_
    symbol = symbol_


@external
def transfer(to: address, amount: uint256) -> bool:
    errors._require(to != self, errors.NOT_PERMITTED)
    self._move(msg.sender, to, amount)
    return True


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    errors._require(to != self, errors.NOT_PERMITTED)
    allowed: uint256 = self.allowance[owner][msg.sender]
    if allowed != max_value(uint256):
        errors._require(allowed >= amount, errors.NOT_PERMITTED)
        self.allowance[owner][msg.sender] = unsafe_sub(allowed, amount)
    self._move(owner, to, amount)
    return True


@external
def approve(spender: address, amount: uint256) -> bool:
    self.allowance[msg.sender][spender] = amount
    log IERC20.Approval(owner=msg.sender, spender=spender, value=amount)
    return True


@internal
def _move(source: address, target: address, amount: uint256):
    errors._require(target != empty(address), errors.NOT_PERMITTED)
    held: uint256 = self.balanceOf[source]
    errors._require(held >= amount, errors.INSUFFICIENT_SHARES)
    self.balanceOf[source] = unsafe_sub(held, amount)
    # the supply bounds every balance
    self.balanceOf[target] = unsafe_add(self.balanceOf[target], amount)
    log IERC20.Transfer(sender=source, receiver=target, value=amount)


@internal
def _mint(target: address, amount: uint256):
    self.totalSupply += amount
    self.balanceOf[target] = unsafe_add(self.balanceOf[target], amount)
    log IERC20.Transfer(sender=empty(address), receiver=target, value=amount)


@internal
def _burn(source: address, amount: uint256):
    held: uint256 = self.balanceOf[source]
    errors._require(held >= amount, errors.INSUFFICIENT_SHARES)
    self.balanceOf[source] = unsafe_sub(held, amount)
    self.totalSupply = unsafe_sub(self.totalSupply, amount)
    log IERC20.Transfer(sender=source, receiver=empty(address), value=amount)
