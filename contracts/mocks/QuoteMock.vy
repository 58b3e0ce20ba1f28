# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Quote, exposed
@license AGPL-3.0-only
@notice Exposes the library to tests.
@custom:kill Holds nothing and is never deployed.
"""

from ..libraries import quote


@pure
@external
def potential_numerator(skew: int256, scale: int256, max_premium: int256) -> int256:
    return quote._potential_numerator(skew, scale, max_premium)


@pure
@external
def potential_up(skew: int256, scale: int256, max_premium: int256, mark: int256) -> int256:
    return quote._potential_up(skew, scale, max_premium, mark)


@pure
@external
def price(size: int256, skew: int256, mark: int256, scale: int256, max_premium: int256, half_spread: int256) -> int256:
    return quote._price(size, skew, mark, scale, max_premium, half_spread)
