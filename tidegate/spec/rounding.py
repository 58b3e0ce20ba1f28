"""Division with its direction in the name (contracts/libraries/rounding.vy).

Python's // floors and Vyper's truncates: signed numbers are divided only through these.
"""

WAD = 10**18
PPM = 10**6
INDEX_ONE = 10**27  # carry indices


def div_up(numerator: int, denominator: int) -> int:
    """Toward plus infinity: a payer pays the remainder, a receiver does not get it."""
    return -(-numerator // denominator)


def div_down(numerator: int, denominator: int) -> int:
    """Toward minus infinity."""
    return numerator // denominator


def div_toward_zero(numerator: int, denominator: int) -> int:
    """What the machine's own signed division does."""
    quotient = abs(numerator) // abs(denominator)
    return quotient if (numerator < 0) == (denominator < 0) else -quotient
