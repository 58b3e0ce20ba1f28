# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Position word
@license AGPL-3.0-only
@notice One word per account and instrument.

        bits      field       type    unit
        152..255  size        int104  1e-18 units, positive is long
        24..151   checkpoint  int128  carry index of the position's side when last settled, 1e-27 asset per unit
        0..23     epoch       uint24  loss epoch, from 1: a used word is never zero
"""

FIRST_EPOCH: constant(uint256) = 1


@internal
@pure
def _size(word: uint256) -> int256:
    return convert(convert(word, bytes32), int256) >> 152


@internal
@pure
def _checkpoint(word: uint256) -> int256:
    return convert(convert(word << 104, bytes32), int256) >> 128


@internal
@pure
def _epoch(word: uint256) -> uint256:
    return word & (2**24 - 1)


@internal
@pure
def _pack(size: int256, checkpoint: int256, epoch: uint256) -> uint256:
    """
    @dev A size outside int104 reverts in the conversion; a checkpoint is an index, saturated at int128.
    """
    return (
        (convert(convert(convert(convert(size, int104), int256), bytes32), uint256) << 152)
        | ((convert(convert(checkpoint, bytes32), uint256) & (2**128 - 1)) << 24)
        | epoch
    )
