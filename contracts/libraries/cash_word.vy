# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Cash word
@license AGPL-3.0-only
@notice One word per account and asset.

        bits      field      type     unit
        128..255  cash       int128   1e-18 of the asset, signed
        8..127    principal  uint120  1e-18 of the asset: what may leave at once
        0..7      flags      uint8    1 alive (the word has been used), 2 pool, 4 a venue's escrow (no positions),
                                      8 the account holds positions, 16 reserved (the vault's and insurance's: venues
                                      neither fill nor charge it)

        The flags 2, 4 and 16 are set once, by governance's listings; 8 follows the account's positions.

        In a pool's word (the vault's side of an underlying, which never withdraws) the middle field holds
        the insurance share of its fees, not yet swept: it is part of cash and owed to the insurance account.
"""

ALIVE: constant(uint256) = 1
POOL: constant(uint256) = 2
ESCROW: constant(uint256) = 4
RESERVED: constant(uint256) = 16
HOLDS: constant(uint256) = 8  # kept in the word of the asset that positions settle in
MAX_PRINCIPAL: constant(uint256) = 2**120 - 1


@internal
@pure
def _cash(word: uint256) -> int256:
    return convert(convert(word, bytes32), int256) >> 128


@internal
@pure
def _principal(word: uint256) -> uint256:
    return (word >> 8) & MAX_PRINCIPAL


@internal
@pure
def _is_pool(word: uint256) -> bool:
    return word & POOL != 0


@internal
@pure
def _plus(word: uint256, change: int256) -> uint256:
    """
    @return The word with cash moved, alive; principal and other flags as they were.
    @dev Cash outside int128 reverts in the conversion.
    """
    cash: int128 = convert(unsafe_add(self._cash(word), change), int128)
    return (convert(convert(convert(cash, int256), bytes32), uint256) << 128) | (word & (2**128 - 1)) | ALIVE


@internal
@pure
def _plus_principal(word: uint256, change: int256) -> uint256:
    """
    @dev Principal outside uint120 reverts.
    """
    principal: uint256 = unsafe_add(self._principal(word), convert(convert(change, bytes32), uint256))
    assert principal <= MAX_PRINCIPAL
    return unsafe_add(word, convert(convert(change, bytes32), uint256) << 8)
