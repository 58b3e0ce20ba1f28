# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Bucket
@license AGPL-3.0-only
@notice What slices may add to a market's premium in a window of time. The premium is a function of the skew, skew / K,
        so a part of K closed moves it by that part at most, whichever way. A full bucket is empty and full again within
        the window, evenly; a smaller rest that a slice takes whole may draw a little more than there is, and the next
        waits longer.

        word, per market
        144..255  liquidated  uint112  notional closed against the vault since the beginning, 1e-18
        80..143   drawn       uint64   parts of the skew scale, 1e-18
        60..79    window      uint20   seconds; 0: window and size are the default
        40..59    size        uint20   ppm of the skew scale
        0..39     time        uint40   drawn is of
"""

from ..libraries import errors
from ..libraries import rounding

WAD: constant(int256) = 10**18
PART_PER_PPM: constant(int256) = 10**12
PPM_FIELD: constant(uint256) = 2**20 - 1
MOST_DRAWN: constant(int256) = 2**64 - 1
MOST_LIQUIDATED: constant(uint256) = 2**112 - 1
# the smallest bucket and the longest window leave a hundredth of K a day to slices
LEAST_SIZE: constant(uint256) = 500
MOST_SIZE: constant(uint256) = 10**6
SHORTEST_WINDOW: constant(uint256) = 10
LONGEST_WINDOW: constant(uint256) = 3600

USUAL: immutable(uint256)  # size and window, as the word has them

words: HashMap[uint256, uint256]


@deploy
def __init__(size: uint256, window: uint256):
    USUAL = self._terms(size, window)


@internal
@pure
def _terms(size: uint256, window: uint256) -> uint256:
    errors._require(
        size >= LEAST_SIZE and size <= MOST_SIZE and window >= SHORTEST_WINDOW and window <= LONGEST_WINDOW,
        errors.OUT_OF_BOUNDS,
    )
    return (size << 40) | (window << 60)


@internal
@view
def _now(word: uint256) -> (int256, int256):
    """
    @return Drawn by now, rounded up; size. Both in parts of K, 1e-18.
    """
    terms: uint256 = word
    if (word >> 60) & PPM_FIELD == 0:
        terms = USUAL
    size: int256 = convert((terms >> 40) & PPM_FIELD, int256) * PART_PER_PPM
    drawn: int256 = convert((word >> 80) & (2**64 - 1), int256)
    if drawn != 0:
        elapsed: int256 = convert(block.timestamp - (word & (2**40 - 1)), int256)
        drawn = max(0, drawn - rounding._mul_div_down(size, elapsed, convert((terms >> 60) & PPM_FIELD, int256)))
    return drawn, size


@internal
@view
def _room(instrument: uint256, scale: int256) -> (int256, int256):
    """
    @param scale K, 1e-18 units.
    @return What slices may close now, rounded down; and with a full bucket. 1e-18 units.
    """
    drawn: int256 = 0
    size: int256 = 0
    drawn, size = self._now(self.words[instrument])
    return rounding._mul_div_down(max(0, size - drawn), scale, WAD), rounding._mul_div_down(size, scale, WAD)


@internal
def _draw(instrument: uint256, units: int256, notional: int256, scale: int256):
    """
    @notice Slices took these units. @param notional Of them, 1e-18.
    """
    word: uint256 = self.words[instrument]
    drawn: int256 = min(MOST_DRAWN, self._now(word)[0] + rounding._mul_div_up(units, WAD, scale))
    self._write(instrument, word, drawn, notional)


@internal
def _count(instrument: uint256, notional: int256):
    """
    @notice Closed outside the bucket.
    """
    word: uint256 = self.words[instrument]
    self._write(instrument, word, self._now(word)[0], notional)


@internal
def _write(instrument: uint256, word: uint256, drawn: int256, notional: int256):
    liquidated: uint256 = min(MOST_LIQUIDATED, (word >> 144) + convert(notional, uint256))
    self.words[instrument] = (
        (liquidated << 144) | (convert(drawn, uint256) << 80) | (word & (2**80 - 2**40)) | block.timestamp
    )


@internal
def _set(instrument: uint256, size: uint256, window: uint256):
    """
    @notice What was drawn so far stays drawn.
    """
    word: uint256 = self.words[instrument]
    drawn: uint256 = convert(self._now(word)[0], uint256)
    self.words[instrument] = (word >> 144 << 144) | (drawn << 80) | self._terms(size, window) | block.timestamp
