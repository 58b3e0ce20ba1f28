# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Carry
@license AGPL-3.0-only
@notice What holding a position costs or earns over time: one index per side, one pot per instrument. Accounts pay
        into and draw from the pot when they are touched, at different times; every due is rounded up, so the pot
        never lacks what the others are owed.

        A side may share a loss: part of all its positions is closed at the mark, in one step. From then on the market's
        indices and positions are what SharedLosses.vy says; interfaces/ISharedLosses.vyi has the equations.
"""

from ..interfaces import ISharedLosses
from ..libraries import errors
from ..libraries import funding
from ..libraries import market_words
from ..libraries import position_word
from ..libraries import terms

LOSSES: immutable(ISharedLosses)

indices: HashMap[uint256, uint256]
interest: HashMap[uint256, uint256]
carries: HashMap[uint256, uint256]


@deploy
def __init__(losses: address):
    errors._require(losses.is_contract, errors.OUT_OF_BOUNDS)
    LOSSES = ISharedLosses(losses)


@internal
@view
def _unscaled(instrument: uint256, risk: uint256, mark: int256) -> (uint256, uint256, uint256):
    """
    @return The market's three words brought to now, as if no side had shared a loss; not written.
    """
    return funding._accrued(
        self.indices[instrument],
        self.interest[instrument],
        self.carries[instrument],
        risk,
        convert(convert(mark, bytes32), uint256),
        block.timestamp,
    )


@internal
@view
def _scaled(instrument: uint256, risk: uint256, indices: uint256) -> uint256:
    """
    @param indices Brought to now, unscaled.
    @return The same with what was charged since scaled, if the market has shared a loss.
    """
    if risk & terms.SHARED == 0:
        return indices
    return staticcall LOSSES.scaled(instrument, self.indices[instrument], indices)


@internal
@view
def _accrued(instrument: uint256, risk: uint256, mark: int256) -> (uint256, uint256):
    """
    @return Indices and interest brought to now, not written.
    """
    indices: uint256 = 0
    interest: uint256 = 0
    carry: uint256 = 0
    indices, interest, carry = self._unscaled(instrument, risk, mark)
    return self._scaled(instrument, risk, indices), interest


@internal
def _write(instrument: uint256, indices: uint256, interest: uint256, carry: uint256):
    self.indices[instrument] = indices
    self.interest[instrument] = interest
    self.carries[instrument] = carry


@internal
@view
def _settled(instrument: uint256, risk: uint256, mark: int256) -> (uint256, uint256, uint256, int256):
    """
    @notice A pool settles whenever its market accrues: it holds the skew, with the other sign, at the last indices.
    @return The market's three words brought to now, not written, the pot with what the pool owes it; and that.
    """
    indices: uint256 = 0
    interest: uint256 = 0
    carry: uint256 = 0
    indices, interest, carry = self._unscaled(instrument, risk, mark)
    size: int256 = unsafe_sub(0, market_words._skew(interest))
    due: int256 = funding._due_up(
        size, market_words._index(indices, size), market_words._index(self.indices[instrument], size)
    )
    return self._scaled(instrument, risk, indices), interest, market_words._paid_in(carry, due), due


@internal
@view
def _standing(instrument: uint256, risk: uint256, word: uint256, indices: uint256) -> (int256, int256):
    """
    @param word Of the position. @param indices Of now.
    @return What the position is now, and what it owes the pot.
    """
    if risk & terms.SHARED != 0:
        return staticcall LOSSES.standing(instrument, word, indices)
    size: int256 = position_word._size(word)
    return size, funding._due_up(size, market_words._index(indices, size), position_word._checkpoint(word))


@internal
@view
def _position(instrument: uint256, risk: uint256, size: int256, indices: uint256) -> uint256:
    """
    @return The word of a position touched now.
    """
    epoch: uint256 = position_word.FIRST_EPOCH
    if risk & terms.SHARED != 0:
        epoch = staticcall LOSSES.epoch(instrument)
    return position_word._pack(size, market_words._index(indices, size), epoch)
