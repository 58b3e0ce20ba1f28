# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Market words
@license AGPL-3.0-only
@notice Three words of state per instrument, written together by a trade.

        indices word
        128..255  long index    int128   1e-27 asset per unit: what one unit of the long side has been charged
        0..127    short index   int128   the same for the short side

        interest word
        240..255  cap scale     uint16   65535 is 1: what the vault leaves of the hard cap
        208..239  time          uint32   of the last accrual
        104..207  short side    uint104  open interest of all but pools, 1e-18 units
        0..103    long side     uint104

        carry word
        144..255  pot           int112   cash of the carry pot, 1e-18 of the asset, may be negative
        90..143   rate          int54    funding per day, 1e-15; positive: longs pay
        0..89     price         uint90   in force since the last accrual
"""

FULL_SCALE: constant(uint256) = 65535
MAX_SIDE: constant(uint256) = 2**104 - 1
MAX_INDEX: constant(int256) = 2**127 - 1


@internal
@pure
def _long_index(indices: uint256) -> int256:
    return convert(convert(indices, bytes32), int256) >> 128


@internal
@pure
def _short_index(indices: uint256) -> int256:
    return convert(convert(indices << 128, bytes32), int256) >> 128


@internal
@pure
def _index(indices: uint256, size: int256) -> int256:
    """
    @return The index of the side a position of this size is on (short for zero).
    """
    if size > 0:
        return convert(convert(indices, bytes32), int256) >> 128
    return convert(convert(indices << 128, bytes32), int256) >> 128


@internal
@pure
def _pack_indices(long_index: int256, short_index: int256) -> uint256:
    """
    @dev Both must lie within MAX_INDEX: _saturated sees to it.
    """
    return (convert(convert(long_index, bytes32), uint256) << 128) | (
        convert(convert(short_index, bytes32), uint256) & (2**128 - 1)
    )


@internal
@pure
def _saturated(index: int256) -> int256:
    """
    @return The index held within int128: beyond it funding stops rather than blocks an exit.
    """
    bound: int256 = MAX_INDEX
    return max(unsafe_sub(0, bound), min(bound, index))


@internal
@pure
def _long_side(interest: uint256) -> int256:
    return convert(convert(interest & MAX_SIDE, bytes32), int256)


@internal
@pure
def _short_side(interest: uint256) -> int256:
    return convert(convert((interest >> 104) & MAX_SIDE, bytes32), int256)


@internal
@pure
def _side(interest: uint256, size: int256) -> int256:
    """
    @return Open interest of the side a position of this size is on.
    """
    return self._long_side(interest) if size > 0 else self._short_side(interest)


@internal
@pure
def _skew(interest: uint256) -> int256:
    """
    @return Long less short side; the pool holds the opposite.
    """
    return unsafe_sub(self._long_side(interest), self._short_side(interest))


@internal
@pure
def _time(interest: uint256) -> uint256:
    return (interest >> 208) & (2**32 - 1)


@internal
@pure
def _scale(interest: uint256) -> uint256:
    return interest >> 240


@internal
@pure
def _moved(interest: uint256, size: int256, change: int256) -> uint256:
    """
    @return The word after a position of this size changed: what it was on each side replaced by what it is. The time
            is the accrual's, left as it is.
    """
    longer: int256 = unsafe_sub(max(unsafe_add(size, change), 0), max(size, 0))
    # long less short moves by the change itself
    shorter: int256 = unsafe_sub(longer, change)
    # the word is the integer long + short * 2**104 + ..., so both fields move by one addition; neither leaves its
    # width, as a side is a sum of sizes of one sign, held under the hard cap when it grows
    return unsafe_add(interest, convert(convert(unsafe_add(longer, unsafe_mul(shorter, 2**104)), bytes32), uint256))


@internal
@pure
def _moved_floored(interest: uint256, size: int256, change: int256) -> (uint256, int256):
    """
    @notice _moved on a market that has shared a loss: each position of a side was rounded and the side was not, so the
            last to close may hold a few units more than the side. A side ends at zero.
    @return The word; and what the longs lacked less what the shorts did, which the backstop takes, so that positions
            still sum to zero.
    """
    longer: int256 = max(size + change, 0) - max(size, 0)
    long_side: int256 = self._long_side(interest) + longer
    short_side: int256 = self._short_side(interest) + longer - change
    lack: int256 = min(short_side, 0) - min(long_side, 0)
    sides: uint256 = convert(max(short_side, 0) << 104 | max(long_side, 0), uint256)
    return interest >> 208 << 208 | sides, lack


@internal
@pure
def _has_grown(before: uint256, after: uint256) -> bool:
    """
    @param before The word when it was last accrued: the fields above the sides are the same in both.
    """
    return after & MAX_SIDE > before & MAX_SIDE or after >> 104 > before >> 104


@internal
@pure
def _scaled_down(interest: uint256, cap: int256) -> int256:
    """
    @return What the vault's scale leaves of a hard cap.
    """
    return unsafe_div(unsafe_mul(cap, convert(convert(self._scale(interest), bytes32), int256)), 65535)


@internal
@pure
def _pot(carry: uint256) -> int256:
    return convert(convert(carry, bytes32), int256) >> 144


@internal
@pure
def _rate(carry: uint256) -> int256:
    return convert(convert(carry << 112, bytes32), int256) >> 202


@internal
@pure
def _price(carry: uint256) -> uint256:
    return carry & (2**90 - 1)


@internal
@pure
def _paid_in(carry: uint256, due: int256) -> uint256:
    """
    @return The word after the pot received what was due. A pot outside int112 reverts.
    """
    pot: int112 = convert(unsafe_add(self._pot(carry), due), int112)
    return (carry & (2**144 - 1)) | (convert(convert(convert(pot, int256), bytes32), uint256) << 144)


@internal
@pure
def _restarted(carry: uint256, rate: int256, price: uint256) -> uint256:
    """
    @return The word at the end of an interval: the pot as it was.
    @dev The rate is within its cap and the price within the oracle's width.
    """
    return (carry >> 144 << 144) | ((convert(convert(rate, bytes32), uint256) & (2**54 - 1)) << 90) | price
