# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Price scale of tests
@license AGPL-3.0-only
@notice The library's functions with an address.
@custom:kill Holds nothing and is never deployed.
"""

from ..libraries import price_scale


@pure
@external
def price_of(mantissa: int256, exponent: int256) -> uint256:
    return price_scale._price_of(mantissa, exponent)
