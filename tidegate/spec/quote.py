"""The vault's price as the derivative of a potential of the skew (contracts/libraries/quote.vy).

    Phi(s) = integral of clamp(x / K, -p, p) from 0 to s
    above  = mark * (Phi(s + size) - Phi(s)) + h * |size| * mark

What the taker pays above size * mark exceeds the exact value by less than
mark + 3 + |size| wei (mark and size in whole units), and is never below it.
"""

from tidegate.spec.rounding import PPM, WAD, div_up


def potential_numerator(skew: int, scale: int, max_premium: int) -> int:
    """Phi * 2 K * 1e12, exact."""
    depth = abs(skew)
    knee = scale * max_premium  # times 1e6
    if depth * PPM <= knee:
        return (depth * PPM) ** 2
    return 2 * knee * PPM * depth - knee**2


def potential_up(skew: int, scale: int, max_premium: int, mark: int) -> int:
    """mark * Phi(skew): premium that closing would refund, settlement asset."""
    units = div_up(potential_numerator(skew, scale, max_premium), 2 * scale * PPM**2)
    return div_up(mark * units, WAD)


def price(size: int, skew: int, mark: int, scale: int, max_premium: int, half_spread: int) -> int:
    """The fill's price for a taker of this signed size, rounded against the taker."""
    units = div_up(
        potential_numerator(skew + size, scale, max_premium)
        - potential_numerator(skew, scale, max_premium),
        2 * scale * PPM**2,
    )
    above = div_up(mark * units, WAD) + div_up(abs(size) * mark * half_spread, WAD * PPM)
    per_unit = div_up(above * WAD, abs(size))
    return mark + per_unit if size > 0 else mark - per_unit
