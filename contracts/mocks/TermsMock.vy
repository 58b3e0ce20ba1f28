# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Terms, exposed
@license AGPL-3.0-only
@notice Exposes the library to tests.
@custom:kill Holds nothing and is never deployed.
"""

from ..libraries import terms


@pure
@external
def risk(word: uint256) -> (int256[9], uint256):
    return [
        terms._calm_skew(word),
        terms._half_life(word),
        terms._max_rate(word),
        terms._max_velocity(word),
        terms._skew_scale(word),
        terms._size_slope(word),
        terms._contingency(word),
        terms._maintenance_shock(word),
        terms._initial_shock(word),
    ], terms._settle_asset(word)


@pure
@external
def trade(word: uint256) -> int256[7]:
    return [
        terms._hard_cap(word),
        terms._soft_cap(word),
        terms._minimum_notional(word),
        terms._crowding(word),
        terms._band(word),
        terms._insurance_share(word),
        terms._taker_fee(word),
    ]


@pure
@external
def limits(word: uint256) -> int256[7]:
    return [
        terms._keeper_reward(word),
        terms._stress(word),
        terms._buffer(word),
        terms._max_cost(word),
        terms._penalty(word),
        terms._max_half_spread(word),
        terms._max_premium(word),
    ]
