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


@internal
@pure
def _ppm(word: uint256, at: uint256) -> uint256:
    return (word >> at) & (2**20 - 1)


@internal
@pure
def _max_premium(word: uint256) -> int256:
    return convert(self._ppm(word, 0), int256)


@internal
@pure
def _half_spread(word: uint256, volatility: uint256) -> int256:
    """
    @param volatility ppm. @return h.
    """
    moved: uint256 = self._ppm(word, 40) + volatility * self._ppm(word, 60) // 10**6
    return convert(min(self._ppm(word, 20), moved), int256)


@internal
@pure
def _potential_numerator(skew: int256, scale: int256, max_premium: int256) -> int256:
    """
    @return Phi * 2 K * 1e12, exact. |skew| must be below 2**104, the scale below 2**64 * 1e12.
    """
    depth: int256 = abs(skew)
    if depth * PPM <= scale * max_premium:
        return depth * depth * PPM * PPM
    return 2 * scale * max_premium * PPM * depth - scale * scale * max_premium * max_premium


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
    @return The fill's price for a taker of this signed size, rounded against the taker.
    """
    units: int256 = rounding._div_up(
        self._potential_numerator(skew + size, scale, max_premium)
        - self._potential_numerator(skew, scale, max_premium),
        2 * scale * PPM * PPM,
    )
    above: int256 = rounding._div_up(mark * units, WAD) + rounding._div_up(abs(size) * mark * half_spread, WAD * PPM)
    per_unit: int256 = rounding._div_up(above * WAD, abs(size))
    if size > 0:
        return mark + per_unit
    return mark - per_unit
