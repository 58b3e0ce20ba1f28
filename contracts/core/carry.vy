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
"""

from ..libraries import funding
from ..libraries import market_words

indices: HashMap[uint256, uint256]
interest: HashMap[uint256, uint256]
carries: HashMap[uint256, uint256]


@internal
@view
def _accrued(instrument: uint256, risk: uint256, mark: int256) -> (uint256, uint256, uint256):
    """
    @return The market's three words brought to now, not written.
    """
    return funding._accrued(
        self.indices[instrument],
        self.interest[instrument],
        self.carries[instrument],
        risk,
        convert(mark, uint256),
        block.timestamp,
    )


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
    indices, interest, carry = self._accrued(instrument, risk, mark)
    size: int256 = unsafe_sub(0, market_words._skew(interest))
    due: int256 = funding._due_up(
        size, market_words._index(indices, size), market_words._index(self.indices[instrument], size)
    )
    return indices, interest, market_words._paid_in(carry, due), due
