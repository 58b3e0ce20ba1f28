# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Funding, exposed
@license AGPL-3.0-only
@notice Exposes the library to tests.
@custom:kill Holds nothing and is never deployed.
"""

from ..libraries import funding


@pure
@external
def halved(rate: int256, elapsed: int256, half_life: int256) -> int256:
    return funding._halved(rate, elapsed, half_life)


@pure
@external
def path(skew: int256, risk: uint256, rate: int256, elapsed: int256) -> (int256, int256):
    return funding._path(skew, risk, rate, elapsed)


@pure
@external
def accrued(
    indices: uint256, interest: uint256, carry: uint256, risk: uint256, price: uint256, now: uint256
) -> (uint256, uint256, uint256):
    return funding._accrued(indices, interest, carry, risk, price, now)


@pure
@external
def due_up(size: int256, index: int256, checkpoint: int256) -> int256:
    return funding._due_up(size, index, checkpoint)
