# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Quote
@license AGPL-3.0-only
@notice The vault's price is the derivative of a potential of the skew alone. Glossary:

        s    skew of the traders before the fill, 1e-18 units; the fill moves it to s + size
        K    skew scale; p the largest premium, ppm; knee = K p: where the premium saturates
        Phi  integral of clamp(x / K, -p, p) from 0 to s, units:
             s^2 / 2K up to the knee, p |s| - K p^2 / 2 beyond
        h    half spread, ppm

        what the taker pays above size * mark = mark * (Phi(s + size) - Phi(s)) + h * |size| * mark

        Splitting a fill changes nothing and a round trip at one mark earns nothing, as Phi depends on the
        skew alone. Quotients are rounded against the taker.

        quote word
        60..79  volatility coefficient  uint20  half spread ppm per volatility ppm, 1e-6
        40..59  base half spread        uint20  ppm
        20..39  max half spread         uint20  ppm, at most the core's
        0..19   max premium             uint20  ppm, at most the core's
"""

from . import rounding

WAD: constant(int256) = 10**18
PPM: constant(int256) = 10**6
PPM_FIELD: constant(uint256) = 2**20 - 1


@internal
@pure
def _ppm(word: uint256, at: uint256) -> uint256:
    return (word >> at) & PPM_FIELD


@internal
@pure
def _max_premium(word: uint256) -> int256:
    return convert(convert(word & PPM_FIELD, bytes32), int256)


@internal
@pure
def _half_spread(word: uint256, volatility: uint256) -> int256:
    """
    @param volatility ppm, below 2**32. @return h.
    """
    spread: uint256 = min(
        (word >> 20) & PPM_FIELD,
        unsafe_add((word >> 40) & PPM_FIELD, unsafe_div(unsafe_mul(volatility, (word >> 60) & PPM_FIELD), 10**6)),
    )
    return convert(convert(spread, bytes32), int256)


@internal
@pure
def _potential_numerator(skew: int256, scale: int256, max_premium: int256) -> int256:
    """
    @return Phi * 2 K * 1e12, exact. |skew| must be below 2**105, the scale below 2**64 * 1e12.
    """
    # widths: 105 bits of depth, 104 of the scale, 20 of each ppm: no product reaches 2**251
    depth: int256 = unsafe_mul(rounding._abs(skew), PPM)
    knee: int256 = unsafe_mul(scale, max_premium)
    if depth <= knee:
        return unsafe_mul(depth, depth)
    return unsafe_mul(knee, unsafe_sub(unsafe_mul(2, depth), knee))


@internal
@pure
def _potential_up(skew: int256, scale: int256, max_premium: int256, mark: int256) -> int256:
    """
    @return mark * Phi(skew): premium that closing would refund, settlement asset.
    """
    units: int256 = rounding._div_up(self._potential_numerator(skew, scale, max_premium), 2 * scale * PPM * PPM)
    return rounding._div_up(mark * units, WAD)


@internal
@pure
def _price(size: int256, skew: int256, mark: int256, scale: int256, max_premium: int256, half_spread: int256) -> int256:
    """
    @return The fill's price for a taker of this signed size, rounded against the taker. |size| and |skew| must be below
            2**104, the mark below 2**90.
    """
    # widths: as above; Phi is at most |skew|, so 105 bits of units and, with mark or half spread, 215 of money
    units: int256 = rounding._div_up(
        unsafe_sub(
            self._potential_numerator(unsafe_add(skew, size), scale, max_premium),
            self._potential_numerator(skew, scale, max_premium),
        ),
        unsafe_mul(scale, 2 * PPM * PPM),
    )
    magnitude: int256 = rounding._abs(size)
    above: int256 = unsafe_add(
        rounding._div_up(unsafe_mul(mark, units), WAD),
        rounding._div_up(unsafe_mul(unsafe_mul(magnitude, mark), half_spread), WAD * PPM),
    )
    per_unit: int256 = rounding._div_up(unsafe_mul(above, WAD), magnitude)
    if size > 0:
        return unsafe_add(mark, per_unit)
    return unsafe_sub(mark, per_unit)
