"""The margin rule for accounts without options (contracts/libraries/margin.vy). Per underlying:

    required(level) = |net delta| * shock(level) + sum of contingency * |notional|
    contingency     = min(maintenance shock, base + slope * |size| / K)

Every quotient is rounded up: against the account.
"""

from tidegate.spec.rounding import PPM, WAD, div_up
from tidegate.spec.words import Risk, Trade


def notional_up(size: int, mark: int) -> int:
    """|size| * mark in the settlement asset."""
    return div_up(abs(size) * mark, WAD)


def contingency_up(size: int, mark: int, risk: Risk) -> int:
    """Settlement asset to hold for one leg, whatever hedges it."""
    ratio = risk.contingency
    if risk.size_slope:
        ratio += div_up(risk.size_slope * abs(size), risk.skew_scale)
    return div_up(notional_up(size, mark) * min(risk.maintenance_shock, ratio), PPM)


def shock_up(net_value: int, shock: int) -> int:
    """Loss of an underlying's net value (sum of size * mark, 1e-36) under a move of `shock` ppm."""
    return div_up(abs(net_value) * shock, WAD * PPM)


def crowding_up(notional: int, skew: int, side: int, trade: Trade) -> int:
    """What initial margin gains when a fill crowds its side: crowding * notional at a full cap.

    skew and side are |skew| and the side's open interest after the call.
    """
    full = PPM  # a cap of zero is full
    if skew < trade.soft_cap and side < trade.hard_cap:
        full = max(div_up(PPM * skew, trade.soft_cap), div_up(PPM * side, trade.hard_cap))
    return div_up(notional * trade.crowding * full, PPM * PPM)
