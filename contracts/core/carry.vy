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
from ..interfaces import IClearingHouse
from . import instruments

uses: instruments

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
def _accrue(instrument: uint256):
    mark: int256 = instruments._mark(instrument, 0)[0]
    indices: uint256 = 0
    interest: uint256 = 0
    carry: uint256 = 0
    indices, interest, carry = self._accrued(instrument, instruments.risk[instrument], mark)
    self._write(instrument, indices, interest, carry)
    log IClearingHouse.Accrued(instrument=instrument, indices=indices, interest=interest, carry=carry)
