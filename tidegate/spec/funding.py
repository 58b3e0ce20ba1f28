"""Funding: the rate's path and its integral over one interval (contracts/libraries/funding.vy).

    |skew| > calm skew:  r(t) = clamp(r0 + v t, -max rate, max rate), v = max velocity * s
    else:                r(t) = r0 * 2 ** (-t / half life)
    index charge         = price at the start of the interval * integral of r

Bounds against the exact path of one interval of T seconds, in units of 1e-15 per day:

    drifting   end rate within 1 + T / day; I2 (twice the integral) within (1 + T / day) * T,
               and where the cap is reached |end - start| more: it is met on a whole second
    calm       end rate within 3; I2 within 7 * half life / ln 2 + 1
"""

from dataclasses import replace

from tidegate.spec.rounding import INDEX_ONE, WAD, div_toward_zero, div_up
from tidegate.spec.words import MAX_INDEX, Carry, Indices, Interest, Risk, fits

DAY = 86400
RATE_PER_PPM = 10**9
LN2 = 693147180559945309  # 1e-18
INTEGRAL_TO_INDEX = 2 * DAY * 10**6


def halved(rate: int, elapsed: int, half_life: int) -> int:
    """rate * 2 ** (-elapsed / half life), toward zero."""
    halvings = elapsed // half_life
    if halvings >= 64:
        return 0
    x = elapsed % half_life * LN2 // half_life
    term = factor = WAD
    for k in range(1, 21):
        term = div_toward_zero(-term * x, k * WAD)
        factor += term
    return div_toward_zero(div_toward_zero(rate * factor, WAD), 1 << halvings)


def path(skew: int, risk: Risk, rate: int, elapsed: int) -> tuple[int, int]:
    """The rate after `elapsed` seconds, and twice its integral, 1e-15 per day * seconds."""
    cap = risk.max_rate * RATE_PER_PPM
    start = max(-cap, min(cap, rate))
    scale = risk.skew_scale
    if abs(skew) * 10**6 <= risk.calm_skew * scale:
        calm = halved(start, elapsed, risk.half_life)
        return calm, div_toward_zero(2 * (start - calm) * risk.half_life * WAD, LN2)
    clamped = max(-scale, min(scale, skew))
    velocity = div_toward_zero(risk.max_velocity * RATE_PER_PPM * clamped, scale)
    end = start + div_toward_zero(velocity * elapsed, DAY)
    if abs(end) <= cap:
        return end, (start + end) * elapsed
    end = cap if end > 0 else -cap
    drifting = min(elapsed, div_toward_zero((end - start) * DAY, velocity))
    return end, (start + end) * drifting + 2 * end * (elapsed - drifting)


def saturated(index: int) -> int:
    """The index held within int128: beyond it funding stops rather than blocks an exit."""
    return max(-MAX_INDEX, min(MAX_INDEX, index))


def accrued(
    indices: Indices, interest: Interest, carry: Carry, risk: Risk, price: int, now: int
) -> tuple[Indices, Interest, Carry]:
    """The market's words at `now`; the interval behind is charged at the price it began with."""
    if now <= interest.time:
        return indices, interest, carry
    end, integral = path(interest.skew, risk, carry.rate, now - interest.time)
    charge = div_toward_zero(integral * carry.price, INTEGRAL_TO_INDEX)
    return (
        Indices(saturated(indices.long + charge), saturated(indices.short + charge)),
        replace(interest, time=fits(now, 32)),
        Carry(carry.pot, end, price),
    )


def due_up(size: int, index: int, checkpoint: int) -> int:
    """What the position owes the pot, 1e-18 of the asset; negative: what it is owed."""
    return div_up(size * (index - checkpoint), INDEX_ONE)
