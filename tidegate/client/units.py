"""Decimals for people, 18-decimal integers for the contracts."""

from decimal import ROUND_DOWN, Context, Decimal

from tidegate.spec.rounding import WAD

# Ledger words have up to 128 bits of 1e-18: the default 28 digits would round them silently.
_EXACT = Context(prec=78)


def wad(amount: Decimal | int | str) -> int:
    """An amount, size or price as the contracts hold it; what is finer than 1e-18 is dropped."""
    if isinstance(amount, float):
        raise TypeError("float is never money: give a Decimal, a string or an int")
    scaled = _EXACT.multiply(Decimal(amount), Decimal(WAD))
    return int(scaled.to_integral_value(ROUND_DOWN, _EXACT))


def human(amount: int, decimals: int = 18) -> Decimal:
    """The exact Decimal of an integer of the contracts."""
    return Decimal(amount).scaleb(-decimals, _EXACT)


def text(amount: int, decimals: int = 18) -> str:
    """The exact decimal string, without an exponent and without idle zeros."""
    value = f"{human(amount, decimals):f}"
    return value.rstrip("0").rstrip(".") if "." in value else value
