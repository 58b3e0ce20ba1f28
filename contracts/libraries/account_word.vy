# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Account word
@license AGPL-3.0-only
@notice One word per account: what it holds. It bounds every loop of the core.

        bits               field         type
        16+16k..31+16k     instrument k  uint16, k = 0..14, ascending, 0 ends the list
        0..15              assets        bit a is set once asset a has been held

        An instrument's id is underlying * 64 + k, so instruments of one underlying lie side by side.
"""

from . import errors

SLOTS: constant(uint256) = 15


@internal
@pure
def _instrument(word: uint256, place: uint256) -> uint256:
    """
    @return The id at a place (0..14), 0 beyond the end.
    """
    return (word >> (unsafe_add(unsafe_mul(place, 16), 16))) & 65535


@internal
@pure
def _insert(word: uint256, instrument: uint256) -> uint256:
    """
    @dev Reverts with TooManyPositions when all 15 places are used. The id must not be in the list.
    """
    errors._require(word >> 240 == 0, errors.TOO_MANY_POSITIONS)
    for place: uint256 in range(15):
        at: uint256 = unsafe_add(unsafe_mul(place, 16), 16)
        other: uint256 = (word >> at) & 65535
        if other == 0 or other > instrument:
            low: uint256 = word & unsafe_sub(convert(1, uint256) << at, 1)
            return low | (instrument << at) | ((word >> at) << unsafe_add(at, 16))
    return word


@internal
@pure
def _remove(word: uint256, instrument: uint256) -> uint256:
    """
    @return The word without the id; unchanged when the id is not in it.
    """
    for place: uint256 in range(15):
        at: uint256 = unsafe_add(unsafe_mul(place, 16), 16)
        other: uint256 = (word >> at) & 65535
        if other == instrument:
            low: uint256 = word & unsafe_sub(convert(1, uint256) << at, 1)
            return low | ((word >> unsafe_add(at, 16)) << at)
        if other == 0:
            break
    return word
