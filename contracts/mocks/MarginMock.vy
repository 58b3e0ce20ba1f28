# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Margin, exposed
@license AGPL-3.0-only
@notice Exposes the library to tests.
@custom:kill Holds nothing and is never deployed.
"""

from ..libraries import margin


@pure
@external
def notional_up(size: int256, mark: int256) -> int256:
    return margin._notional_up(size, mark)


@pure
@external
def contingency_up(size: int256, mark: int256, risk: uint256) -> int256:
    return margin._contingency_up(abs(size), margin._notional_up(size, mark), risk)


@pure
@external
def shock_up(net_value: int256, shock: int256) -> int256:
    return margin._shock_up(net_value, shock)


@pure
@external
def crowding_up(notional: int256, skew: int256, side: int256, trade: uint256) -> int256:
    return margin._crowding_up(notional, skew, side, trade)
