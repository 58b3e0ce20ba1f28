# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Slices
@license AGPL-3.0-only
@notice What is taken of a position. Glossary:

        E, M   equity and maintenance requirement of the account; N its gross notional
        b      buffer: how much more than maintenance a slice restores
        m      maintenance per notional of the leg, rounded down
        c      quote cost of the whole leg per notional, plus the penalty, rounded up
        n      notional closed

        A slice of notional n leaves E - c n and M - m n, so E' = M' (1 + b) at n = (M (1 + b) - E) / (m (1 + b) - c).
        A part of a leg is never dearer per notional than the whole, as the premium only rises along the way.
"""

from ..libraries import errors
from ..libraries import margin
from ..libraries import quote as quotes
from ..libraries import rounding
from ..libraries import terms

WAD: constant(int256) = 10**18
PPM: constant(int256) = 10**6
# the least reward, so that an account with nothing left for a penalty is closed too: this part of the penalty rate.
# Below a round trip's fees, or it would pay to fail on purpose.
LEAST_REWARD_PART: constant(int256) = 10
# the core rounds notional up twice and dues once; the penalty leaves room for it
SLACK: constant(int256) = 4


struct Market:
    instrument: uint256
    mark: int256  # the price in force
    skew: int256  # with the slices of the batch taken
    room: int256  # what the bucket leaves, the same
    risk: uint256
    limits: uint256
    trade: uint256
    max_premium: int256
    half_spread: int256


struct Slice:
    size: int256  # change of the account's position; 0: nothing is taken
    price: int256
    penalty: int256
    reward: int256  # before its cap
    whole: bool  # the position is gone
    restores: bool  # maintenance and buffer
    reason: uint256  # why nothing is taken


@internal
@pure
def _nothing(reason: uint256) -> Slice:
    slice_: Slice = empty(Slice)
    slice_.reason = reason
    return slice_


@internal
@pure
def _quote(market: Market, size: int256) -> int256:
    return quotes._price(
        size, market.skew, market.mark, terms._skew_scale(market.risk), market.max_premium, market.half_spread
    )


@internal
@pure
def _cost_up(size: int256, price: int256, mark: int256) -> int256:
    """
    @return What a taker of this size pays above the mark; negative when the premium favours it.
    """
    return rounding._mul_div_up(size, price - mark, WAD)


@internal
@pure
def _least_reward(closed: int256, limits: uint256) -> int256:
    """
    @param closed Notional. @return What closing it earns a keeper even when nothing is left for a penalty.
    """
    most: int256 = rounding._mul_div_down(closed, terms._penalty(limits), PPM)
    return rounding._div_down(most, LEAST_REWARD_PART)


@internal
@pure
def _size(
    held: int256, equity: int256, maintenance: int256, cost: int256, penalty: int256, room: int256, market: Market
) -> (int256, bool, bool, uint256):
    """
    @param held Magnitude. @param cost What closing all of it costs beyond the mark. @param penalty ppm.
    @return Magnitude to take, whether it is all, whether it restores the buffer, and why nothing is taken.
    """
    mark: int256 = market.mark
    least: int256 = terms._minimum_notional(market.trade)
    # the size that restores the buffer
    notional: int256 = rounding._mul_div_down(held, mark, WAD)
    buffer: int256 = PPM + terms._buffer(market.limits)
    kept: int256 = rounding._mul_div_down(notional, terms._maintenance_shock(market.risk), PPM) - 1
    kept += margin._contingency_up(held, rounding._mul_div_up(held, mark, WAD), market.risk)
    relief: int256 = (rounding._mul_div_down(kept, buffer, PPM) - cost - rounding._mul_div_up(notional, penalty, PPM))
    missing: int256 = rounding._mul_div_up(maintenance, buffer, PPM) - equity
    size: int256 = held
    restores: bool = False
    if relief > missing:
        size = max(rounding._mul_div_up(held, missing, relief), rounding._mul_div_up(least, WAD, mark))
        restores = True
    if size > room and held > room:
        if rounding._mul_div_down(room, mark, WAD) < least:
            return 0, False, False, errors.BUCKET_EMPTY
        size = room
        restores = False
    # a rest below the minimum would be nobody's business
    if size >= held or rounding._mul_div_down(held - size, mark, WAD) < least:
        return held, True, relief > missing, 0
    return size, False, restores, 0


@internal
@pure
def _of(held: int256, equity: int256, maintenance: int256, gross: int256, market: Market) -> Slice:
    """
    @param held Signed, not zero. @param equity Below maintenance.
    """
    mark: int256 = market.mark
    penalty: int256 = terms._penalty(market.limits)
    whole_price: int256 = self._quote(market, -held)
    size: int256 = 0
    slice_: Slice = empty(Slice)
    size, slice_.whole, slice_.restores, slice_.reason = self._size(
        abs(held), equity, maintenance, self._cost_up(-held, whole_price, mark), penalty, market.room, market
    )
    if size == 0:
        return slice_
    slice_.size = -size if held > 0 else size
    slice_.price = whole_price if slice_.whole else self._quote(market, slice_.size)

    # min(penalty, E / N - quote cost), never negative; none without equity, even where the quote pays for closing
    closed: int256 = rounding._mul_div_down(size, mark, WAD)
    most: int256 = rounding._mul_div_down(closed, penalty, PPM)
    cost: int256 = self._cost_up(slice_.size, slice_.price, mark)
    if equity > 0:
        slice_.penalty = max(0, min(most, rounding._mul_div_down(equity, closed, gross) - cost - SLACK))
    slice_.reward = max(slice_.penalty, self._least_reward(closed, market.limits))
    return slice_
