# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Notices
@license AGPL-3.0-only
@notice Who leaves the guaranty fund, with how many shares, and when. One open notice an account; the shares wait in the
        fund's own hands.

        notice word
        128..255  shares   uint128  1e-18; 0: none
        64..127   closes   uint64   first second in which it is too late to claim
        0..63     matures  uint64   first second in which it can be claimed
"""

from ..libraries import errors

MAX_SHARES: constant(uint256) = 2**128 - 1
MAX_TIME: constant(uint256) = 2**64 - 1

words: HashMap[uint256, uint256]
# of a share when notice was given, 1e-27: the most that it will be paid
prices: HashMap[uint256, uint256]


@internal
def _open(account: uint256, shares: uint256, price: uint256, notice: uint256, window: uint256) -> (uint256, uint256):
    """
    @return When it matures, and when it is too late.
    """
    errors._require(shares != 0, errors.ZERO_AMOUNT)
    errors._require(shares <= MAX_SHARES, errors.AMOUNT_TOO_LARGE)
    errors._require(self.words[account] == 0, errors.REQUEST_PENDING)
    matures: uint256 = block.timestamp + notice
    closes: uint256 = matures + window
    self.words[account] = (shares << 128) | (closes << 64) | matures
    self.prices[account] = price
    return matures, closes


@internal
def _close(account: uint256) -> (uint256, uint256):
    """
    @return Its shares, and the price when it was given.
    """
    shares: uint256 = self.words[account] >> 128
    errors._require(shares != 0, errors.NO_REQUEST)
    self.words[account] = 0
    return shares, self.prices[account]


@internal
@view
def _require_open(account: uint256):
    word: uint256 = self.words[account]
    errors._require(word != 0, errors.NO_REQUEST)
    errors._require(block.timestamp >= word & MAX_TIME, errors.TOO_SOON)
    errors._require(block.timestamp < self._closes(account), errors.TOO_LATE)


@internal
@view
def _closes(account: uint256) -> uint256:
    return (self.words[account] >> 64) & MAX_TIME
