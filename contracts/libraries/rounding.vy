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
    if product > 0 and unsafe_mul(quotient, denominator) != product:
        return unsafe_add(quotient, 1)
    return quotient


@internal
@pure
def _mul_div_down(a: int256, b: int256, denominator: int256) -> int256:
    """
    @return a * b / denominator toward minus infinity.
    @param denominator Must be positive.
    """
    return unsafe_sub(0, self._mul_div_up(unsafe_sub(0, a), b, denominator))


@internal
@pure
def _mul_div_toward_zero(a: int256, b: int256, denominator: int256) -> int256:
    return unsafe_div(unsafe_mul(a, b), denominator)


@internal
@pure
def _div_up(numerator: int256, denominator: int256) -> int256:
    """
    @return Toward plus infinity.
    """
    return self._mul_div_up(numerator, 1, denominator)


@internal
@pure
def _div_down(numerator: int256, denominator: int256) -> int256:
    """
    @return Toward minus infinity.
    """
    return self._mul_div_down(numerator, 1, denominator)


@internal
@pure
def _div_toward_zero(numerator: int256, denominator: int256) -> int256:
    return unsafe_div(numerator, denominator)


@internal
@pure
def _as_signed(word: uint256) -> int256:
    """
    @dev The same 256 bits, read as two's complement.
    """
    return convert(convert(word, bytes32), int256)


@internal
@pure
def _as_word(signed: int256) -> uint256:
    """
    @dev The same 256 bits, read as a word.
    """
    return convert(convert(signed, bytes32), uint256)


@internal
@pure
def _abs(signed: int256) -> int256:
    """
    @return The magnitude; no width of the protocol holds the one number without.
    """
    if signed < 0:
        return unsafe_sub(0, signed)
    return signed
