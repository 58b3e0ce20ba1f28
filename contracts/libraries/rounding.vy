# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Rounding
@license AGPL-3.0-only
@notice Division with its direction in the name; Vyper's own truncates toward zero. Products here are not checked for
        overflow: every caller keeps its factors within the widths of the packed words (docs/units.md has the table:
        size 2**104, price 2**90, index 2**127, ppm 2**20, cash 2**127), so that |a * b| < 2**255.
"""

WAD: constant(int256) = 10**18
PPM: constant(int256) = 10**6


@internal
@pure
def _mul_div_up(a: int256, b: int256, denominator: int256) -> int256:
    """
    @return a * b / denominator toward plus infinity: a payer pays the remainder, a receiver does not get it.
    @param denominator Must be positive.
    """
    product: int256 = unsafe_mul(a, b)
    quotient: int256 = unsafe_div(product, denominator)
    # cut toward zero, the quotient is too small only if the product is positive
    return unsafe_add(quotient, convert(unsafe_mul(quotient, denominator) < product, int256))


@internal
@pure
def _mul_div_down(a: int256, b: int256, denominator: int256) -> int256:
    """
    @return a * b / denominator toward minus infinity.
    @param denominator Must be positive.
    """
    product: int256 = unsafe_mul(a, b)
    quotient: int256 = unsafe_div(product, denominator)
    return unsafe_sub(quotient, convert(unsafe_mul(quotient, denominator) > product, int256))


@internal
@pure
def _div_up(numerator: int256, denominator: int256) -> int256:
    """
    @return Toward plus infinity.
    """
    quotient: int256 = unsafe_div(numerator, denominator)
    return unsafe_add(quotient, convert(unsafe_mul(quotient, denominator) < numerator, int256))


@internal
@pure
def _div_down(numerator: int256, denominator: int256) -> int256:
    """
    @return Toward minus infinity.
    """
    quotient: int256 = unsafe_div(numerator, denominator)
    return unsafe_sub(quotient, convert(unsafe_mul(quotient, denominator) > numerator, int256))


@internal
@pure
def _abs(signed: int256) -> int256:
    """
    @return The magnitude; no width of the protocol holds the one number without.
    """
    if signed < 0:
        return unsafe_sub(0, signed)
    return signed
