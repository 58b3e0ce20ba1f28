# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Price scale
@license AGPL-3.0-only
@notice Prices of outside oracles, a mantissa and a power of ten, in our 18 decimals. Exact: with exponents of at least
        -18 nothing is ever divided.
"""

from . import errors

MAX_PRICE: constant(uint256) = 2**90 - 1
EXPONENT: constant(int256) = 18


@internal
@pure
def _price_of(mantissa: int256, exponent: int256) -> uint256:
    """
    @param exponent -18 to 18.
    @return mantissa * 10**exponent, 1e-18; refused where it is not positive or above the oracle's largest price.
    """
    errors._require(exponent >= -EXPONENT and exponent <= EXPONENT, errors.FEED_FAILED)
    # The price is at least the mantissa, and the product below 2**90 * 10**36 < 2**210.
    errors._require(mantissa > 0 and mantissa <= convert(MAX_PRICE, int256), errors.BAD_PRICE)
    price: uint256 = convert(mantissa, uint256) * 10**convert(exponent + EXPONENT, uint256)
    errors._require(price <= MAX_PRICE, errors.BAD_PRICE)
    return price
