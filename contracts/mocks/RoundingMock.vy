# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Rounding, exposed
@license AGPL-3.0-only
@notice Exposes the library to tests.
@custom:kill Holds nothing and is never deployed.
"""

from ..libraries import rounding


@pure
@external
def div_up(numerator: int256, denominator: int256) -> int256:
    return rounding._div_up(numerator, denominator)


@pure
@external
def div_down(numerator: int256, denominator: int256) -> int256:
    return rounding._div_down(numerator, denominator)


@pure
@external
def mul_div_up(a: int256, b: int256, denominator: int256) -> int256:
    return rounding._mul_div_up(a, b, denominator)


@pure
@external
def mul_div_down(a: int256, b: int256, denominator: int256) -> int256:
    return rounding._mul_div_down(a, b, denominator)
