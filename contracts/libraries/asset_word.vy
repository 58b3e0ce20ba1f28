# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Asset word
@license AGPL-3.0-only
@notice One word of parameters per collateral or settlement asset.

        bits      field           type     unit
        212..251  escrow cap      uint40   1e-2 tokens: the most one fee or escrow transfer may take from an account
        192..211  outflow share   uint20   ppm of the tokens held: size of the bucket through which gains leave
        168..191  outflow window  uint24   seconds in which an empty bucket fills, > 0
        160..167  decimals        uint8    of the token, at most 18
        0..159    token           address
"""


@internal
@pure
def _token(word: uint256) -> address:
    return convert(word & (2**160 - 1), address)


@internal
@pure
def _unit(word: uint256) -> uint256:
    """
    @return One unit of the token's last decimal, in 1e-18 tokens.
    """
    return 10**(18 - ((word >> 160) & 255))


@internal
@pure
def _outflow_window(word: uint256) -> uint256:
    return (word >> 168) & (2**24 - 1)


@internal
@pure
def _outflow_share(word: uint256) -> uint256:
    return (word >> 192) & (2**20 - 1)


@internal
@pure
def _escrow_cap(word: uint256) -> uint256:
    """
    @return 1e-18 tokens.
    """
    return ((word >> 212) & (2**40 - 1)) * 10**16
