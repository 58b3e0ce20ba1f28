# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Loss word
@license AGPL-3.0-only
@notice One word per market a side of which has shared a loss, and a copy of it for each epoch. Zero is a market that
        has shared none.

        bits      field             type    unit
        160..255  long lost         uint96  1e-27: 1 less the scale, which is what is left of a unit opened when the
        64..159   short lost        uint96  generation began, 1e-9 to 1
        44..63    long generation   uint20  one ends when its scale would fall below 1e-9
        24..43    short generation  uint20
        0..23     losses            uint24  shared so far, by either side; one more is the epoch of a position
"""

from . import errors

WHOLE: constant(int256) = 10**27
LEAST: constant(int256) = 10**18
FIELD: constant(uint256) = 2**96 - 1  # a scale


@internal
@pure
def _scale(word: uint256, long: bool) -> int256:
    if not long:
        word <<= 96
    return WHOLE - convert(convert(word >> 160, bytes32), int256)


@internal
@pure
def _generation(word: uint256, long: bool) -> uint256:
    return (word >> (44 if long else 24)) & (2**20 - 1)


@internal
@pure
def _epoch(word: uint256) -> uint256:
    return (word & (2**24 - 1)) + 1


@internal
@pure
def _next(word: uint256, long: bool, left: int256) -> uint256:
    """
    @param left What is left of the side's scale; 0: its next generation begins, whole.
    @return The word of the next epoch. Reverts once 2**24 losses, or 2**20 generations of a side, were shared.
    """
    place: uint256 = 160 if long else 64
    lost: uint256 = 0
    after: uint256 = word + 1
    if left != 0:
        lost = convert(WHOLE - left, uint256)
    else:
        after += convert(1, uint256) << (44 if long else 24)
        errors._require(self._generation(after, long) != 0, errors.OUT_OF_BOUNDS)
    errors._require(after & (2**24 - 1) != 0, errors.OUT_OF_BOUNDS)
    return (after & ~(FIELD << place)) | (lost << place)
