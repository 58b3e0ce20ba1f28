# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Auctions
@license AGPL-3.0-only
@notice One word per account: when a keeper was last rewarded for it, and its auction. The discount rises evenly from
        where it began to its limit, which it reaches after T2. An auction lives four times T2; then it has to be opened
        again.

        word, per account
        80..99  start     uint20  discount it began with, ppm
        40..79  opened    uint40  0: no auction
        0..39   rewarded  uint40  time of the last reward
"""

from ..libraries import errors

LIVES: constant(uint256) = 4
SHORTEST_T2: constant(uint256) = 60
LONGEST_T2: constant(uint256) = 3600
TIME: constant(uint256) = 2**40 - 1
PPM: constant(uint256) = 10**6

T2: immutable(uint256)

words: HashMap[uint256, uint256]


@deploy
def __init__(t2: uint256):
    errors._require(t2 >= SHORTEST_T2 and t2 <= LONGEST_T2, errors.OUT_OF_BOUNDS)
    T2 = t2


@internal
@pure
def _opened(word: uint256) -> uint256:
    return (word >> 40) & TIME


@internal
@view
def _runs(word: uint256) -> bool:
    opened: uint256 = self._opened(word)
    return opened != 0 and block.timestamp <= opened + LIVES * T2


@internal
@view
def _has_failed(word: uint256) -> bool:
    """
    @return Whether it runs and nobody has cleared it within T2.
    """
    return self._runs(word) and block.timestamp >= self._opened(word) + T2


@internal
@view
def _discount(word: uint256, limit: uint256) -> uint256:
    """
    @param limit ppm. @return ppm, rounded down: never above the limit.
    """
    start: uint256 = min(word >> 80, limit)
    elapsed: uint256 = min(block.timestamp - self._opened(word), T2)
    return start + (limit - start) * elapsed // T2


@internal
@view
def _is_rewarded(account: uint256, window: uint256) -> bool:
    """
    @return Whether a keeper has had the account's reward of this window.
    """
    return block.timestamp < (self.words[account] & TIME) + window


@internal
def _open(account: uint256, start: uint256):
    self.words[account] = (self.words[account] & TIME) | (block.timestamp << 40) | (start << 80)


@internal
def _note(account: uint256, rewarded: bool, restored: bool) -> bool:
    """
    @param restored The account needs no auction any more. @return Whether one ended by it.
    """
    word: uint256 = self.words[account]
    after: uint256 = word
    if rewarded:
        after = (word >> 40 << 40) | block.timestamp
    if restored:
        after &= TIME
    if after != word:
        self.words[account] = after
    return after >> 40 != word >> 40
