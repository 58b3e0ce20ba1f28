# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Funding
@license AGPL-3.0-only
@notice The rate and the exact integral of its path over one interval. Glossary:

        s   skew over the skew scale K, clamped to -1..1
        r   rate per day, 1e-15; positive: longs pay
        v   velocity, 1e-15 per day per day: max velocity * s
        I2  twice the integral of the rate, 1e-15 per day * seconds
        dF  what one unit of size is charged, 1e-27 of the settlement asset

        |skew| > calm skew:  r(t) = clamp(r0 + v t, -max rate, max rate), two straight pieces
        else:                r(t) = r0 * 2 ** (-t / half life)
        dF = price at the start of the interval * integral

        Rates and the charge are cut toward zero: both sides are charged by the same index, so neither pays for it. What
        an account owes by the index is rounded against it.

        Velocity funding: Synthetix v3, PerpsMarket.currentFundingVelocity; the cap and the decay are ours.
"""

from . import rounding
from . import market_words
from . import terms

DAY: constant(int256) = 86400
WAD: constant(int256) = 10**18
RATE_PER_PPM: constant(int256) = 10**9
LN2: constant(int256) = 693147180559945309  # 1e-18
# 1e-15 per day * s / day * 1e-18 asset, twice, into 1e-27 asset
INTEGRAL_TO_INDEX: constant(int256) = 2 * DAY * 10**6


@internal
@pure
def _halved(rate: int256, elapsed: int256, half_life: int256) -> int256:
    """
    @return rate * 2 ** (-elapsed / half_life), toward zero.
    """
    halvings: int256 = unsafe_div(elapsed, half_life)
    if halvings >= 64:
        return 0
    # exp(-x), x < ln 2, by its series: 20 terms leave less than 1e-18
    x: int256 = unsafe_div(unsafe_mul(unsafe_sub(elapsed, unsafe_mul(halvings, half_life)), LN2), half_life)
    term: int256 = WAD
    factor: int256 = WAD
    for k: int256 in range(1, 21):
        term = unsafe_div(unsafe_mul(unsafe_sub(0, term), x), unsafe_mul(k, WAD))
        factor = unsafe_add(factor, term)
    whole: int256 = unsafe_div(unsafe_mul(rate, factor), WAD)
    return unsafe_div(
        whole,
        convert(convert(convert(1, uint256) << convert(convert(halvings, bytes32), uint256), bytes32), int256),
    )


@internal
@pure
def _path(skew: int256, risk: uint256, rate: int256, elapsed: int256) -> (int256, int256):
    """
    @return The rate at the end, and I2.
    """
    # widths: elapsed < 2**32, rates < 2**56, skew and scale <= 2**104, so every product is below 2**224
    cap: int256 = unsafe_mul(terms._max_rate(risk), RATE_PER_PPM)
    start: int256 = max(unsafe_sub(0, cap), min(cap, rate))
    scale: int256 = terms._skew_scale(risk)
    end: int256 = 0
    if unsafe_mul(rounding._abs(skew), 10**6) <= unsafe_mul(terms._calm_skew(risk), scale):
        half_life: int256 = terms._half_life(risk)
        end = self._halved(start, elapsed, half_life)
        return end, unsafe_div(unsafe_mul(unsafe_mul(unsafe_sub(start, end), half_life), 2 * WAD), LN2)
    velocity: int256 = unsafe_div(
        unsafe_mul(unsafe_mul(terms._max_velocity(risk), RATE_PER_PPM), max(unsafe_sub(0, scale), min(scale, skew))),
        scale,
    )
    end = unsafe_add(start, unsafe_div(unsafe_mul(velocity, elapsed), DAY))
    drifting: int256 = elapsed
    if rounding._abs(end) > cap:
        end = cap if end > 0 else unsafe_sub(0, cap)
        drifting = min(elapsed, unsafe_div(unsafe_mul(unsafe_sub(end, start), DAY), velocity))
    return end, unsafe_add(
        unsafe_mul(unsafe_add(start, end), drifting),
        unsafe_mul(unsafe_mul(2, end), unsafe_sub(elapsed, drifting)),
    )


@internal
@pure
def _accrued(
    indices: uint256, interest: uint256, carry: uint256, risk: uint256, price: uint256, now: uint256
) -> (uint256, uint256, uint256):
    """
    @notice The market's words brought to now. Idempotent: no time, no change.
    @param price In force from now on; the interval behind is charged at the price it began with.
    @return indices, interest, carry
    """
    time: uint256 = market_words._time(interest)
    if now <= time:
        return indices, interest, carry
    end: int256 = 0
    integral: int256 = 0
    end, integral = self._path(
        market_words._skew(interest),
        risk,
        market_words._rate(carry),
        convert(convert(unsafe_sub(now, time), bytes32), int256),
    )
    charge: int256 = unsafe_div(
        unsafe_mul(integral, convert(convert(market_words._price(carry), bytes32), int256)), INTEGRAL_TO_INDEX
    )
    return (
        market_words._pack_indices(
            market_words._saturated(unsafe_add(market_words._long_index(indices), charge)),
            market_words._saturated(unsafe_add(market_words._short_index(indices), charge)),
        ),
        unsafe_add(interest, unsafe_sub(now, time) << 208),
        market_words._restarted(carry, end, price),
    )


@internal
@pure
def _due_up(size: int256, index: int256, checkpoint: int256) -> int256:
    """
    @return What the position owes the pot (negative: is owed), toward plus infinity, 1e-18 asset.
    """
    return rounding._mul_div_up(size, unsafe_sub(index, checkpoint), 10**27)
