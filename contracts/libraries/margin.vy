# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Margin
@license AGPL-3.0-only
@notice The margin rule for accounts without options. Per underlying:

        required(level) = |net delta| * shock(level)
                        + sum over instruments of contingency * |notional|
        contingency     = min(maintenance shock, base + slope * |size| / K)

        A hedge never raises it above that of the leg alone: its contingency is at most what it saves in
        shock. Unit by unit the same holds while |size| <= (maintenance shock - base) * K / (2 * slope).
        Every quotient is rounded up: against the account.
"""

from . import rounding
from . import terms

WAD: constant(int256) = 10**18
PPM: constant(int256) = 10**6


@internal
@pure
def _notional_up(size: int256, mark: int256) -> int256:
    """
    @return |size| * mark in the settlement asset.
    """
    return rounding._mul_div_up(rounding._abs(size), mark, WAD)


@internal
@pure
def _contingency_up(magnitude: int256, notional: int256, risk: uint256) -> int256:
    """
    @param magnitude |size|. @param notional Of it, rounded up.
    @return Settlement asset to hold for one leg, whatever hedges it.
    """
    ratio: int256 = unsafe_add(
        terms._contingency(risk),
        rounding._mul_div_up(terms._size_slope(risk), magnitude, terms._skew_scale(risk)),
    )
    return rounding._mul_div_up(notional, min(terms._maintenance_shock(risk), ratio), PPM)


@internal
@pure
def _shock_up(net_value: int256, shock: int256) -> int256:
    """
    @param net_value Sum of size * mark over the instruments of one underlying, 1e-36.
    @return Loss of the underlying's net delta under a move of shock ppm.
    """
    return rounding._mul_div_up(rounding._abs(net_value), shock, WAD * PPM)


@internal
@pure
def _crowding_up(notional: int256, skew: int256, side: int256, trade: uint256) -> int256:
    """
    @notice What initial margin gains when a fill crowds its side: crowding * notional at a full cap.
    @param skew |skew| after the call. @param side Open interest of the account's side after the call.
    """
    soft_cap: int256 = terms._soft_cap(trade)
    hard_cap: int256 = terms._hard_cap(trade)
    # the fuller of the two caps, each share at most one; a cap of zero is full
    full: int256 = PPM
    if skew < soft_cap and side < hard_cap:
        full = max(rounding._mul_div_up(PPM, skew, soft_cap), rounding._mul_div_up(PPM, side, hard_cap))
    return rounding._mul_div_up(notional, unsafe_mul(terms._crowding(trade), full), PPM * PPM)
