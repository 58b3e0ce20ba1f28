# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Brakes
@license AGPL-3.0-only
@notice The levels of a market and what each still allows: the table of docs/circuit-breaker.md in code. Whatever is not
        in it (reducing, top-up, withdrawal by an account without positions, booking a deficit) no level ever refuses.
"""

NORMAL: constant(uint256) = 0
THROTTLED: constant(uint256) = 1
REDUCE_ONLY: constant(uint256) = 2
AUCTION_ONLY: constant(uint256) = 3
HALTED: constant(uint256) = 4

# the highest level at which a thing may still be done
RAISE_SKEW: constant(uint256) = NORMAL  # an opening that raises |skew|
RAISE_SIDE: constant(uint256) = THROTTLED  # an opening that raises the open interest of a side
SLICE: constant(uint256) = REDUCE_ONLY  # a slice against the vault at its own quote
AUCTION: constant(uint256) = AUCTION_ONLY  # an auction, and what follows one: takeover, deleveraging


@internal
@pure
def _allowed(level: uint256) -> uint256:
    """
    @return One bit each, from bit 0: raise the skew, raise a side, slice, auction. No bit at what is no level.
    """
    return (
        convert(level <= RAISE_SKEW, uint256)
        | (convert(level <= RAISE_SIDE, uint256) << 1)
        | (convert(level <= SLICE, uint256) << 2)
        | (convert(level <= AUCTION, uint256) << 3)
    )
