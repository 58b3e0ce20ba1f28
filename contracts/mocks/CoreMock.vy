# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title A clearing house that answers what it is told
@license AGPL-3.0-only
@notice Refuses trades with given bytes, mere payments with others; empty bytes let the call pass.
@custom:kill For tests only.
"""

from ..interfaces import IClearingHouse

WORD: constant(uint256) = 1 << 128  # any listed instrument, without a fee

fill_refusal: Bytes[4096]
transfer_refusal: Bytes[64]
silent: bool


@external
def set_fill_refusal(refusal: Bytes[4096]):
    self.fill_refusal = refusal


@external
def set_transfer_refusal(refusal: Bytes[64]):
    self.transfer_refusal = refusal


@external
def set_silent(silent: bool):
    """
    @notice Fills revert with no data at all.
    """
    self.silent = silent


@view
@external
def may(account: uint256, caller: address, permission: uint256) -> bool:
    return False


@view
@external
def trade_word(instrument: uint256) -> uint256:
    return WORD


@view
@external
def size_of(account: uint256, instrument: uint256) -> int256:
    return 0


@external
def clear(fills: DynArray[IClearingHouse.Fill, 8]):
    if fills[0].instrument == 0:
        if len(self.transfer_refusal) != 0:
            raw_revert(self.transfer_refusal)
        return
    if self.silent:
        raw_revert(b"")
    if len(self.fill_refusal) != 0:
        raw_revert(self.fill_refusal)
