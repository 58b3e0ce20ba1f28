# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Terms
@license AGPL-3.0-only
@notice Three words of parameters per instrument, set by governance within the bounds of the Configurator.
        ppm is 1e-6. Quantities of 64 and 48 bits have 6 decimals.

        risk word: all that pricing and margining an open position needs. What lies above bit 244 is state, not a term:
        setting terms leaves it as it is.
        248..255  brake              uint8   0 none, 1 throttled, 2 reduce-only, 3 auctions only, 4 halted
        247       shared             bool    a side shared a loss: positions may be less than their words say
        228..243  calm skew          uint16  ppm of the skew scale; below it the rate decays
        208..227  half life          uint20  seconds in which a calm rate halves, > 0
        180..207  max rate           uint28  ppm per day
        152..179  max velocity       uint28  ppm per day, per day, at a skew of one skew scale
        88..151   skew scale         uint64  1e-6 units: K, the depth of the market
        68..87    size slope         uint20  ppm of contingency per skew scale of own size
        48..67    contingency        uint20  ppm of notional, whatever the hedge
        28..47    maintenance shock  uint20  ppm move the account must survive
        8..27     initial shock      uint20  ppm
        4..7      settle asset       uint4
        0..3      kind               uint4   1 linear perpetual

        trade word: read by every fill
        192..255  hard cap           uint64  1e-6 units a side
        128..191  soft cap           uint64  1e-6 units of |skew|
        80..127   minimum notional   uint48  1e-6 asset
        60..79    crowding           uint20  ppm added to initial margin at full skew or open interest
        40..59    band               uint20  ppm a fill may stray from its reference
        20..39    insurance share    uint20  ppm of fees
        0..19     taker fee          uint20  ppm of notional, the most a fill may charge

        limits word: read when an account is below its initial margin, and by the vault's setters
        140..187  keeper reward      uint48  1e-6 asset per liquidated account, the most
        100..119  stress             uint20  ppm move the vault must survive
        80..99    buffer             uint20  ppm by which a slice restores more than maintenance
        60..79    max cost           uint20  ppm of closed notional that reducing below margin may cost
        40..59    penalty            uint20  ppm of liquidated notional
        20..39    max half spread    uint20  ppm
        0..19     max premium        uint20  ppm
"""

LINEAR_PERPETUAL: constant(uint256) = 1
BRAKE_SHIFT: constant(uint256) = 248
SHARED: constant(uint256) = 2**247
STATE: constant(uint256) = (2**12 - 1) << 244
PPM_FIELD: constant(uint256) = 2**20 - 1
MICRO: constant(int256) = 10**12  # a 6-decimal quantity in 18 decimals


@internal
@pure
def _brake(risk: uint256) -> uint256:
    """
    @return The level, libraries/brakes.vy.
    """
    return risk >> BRAKE_SHIFT


@internal
@pure
def _settle_asset(risk: uint256) -> uint256:
    return (risk >> 4) & 15


@internal
@pure
def _initial_shock(risk: uint256) -> int256:
    return convert(convert((risk >> 8) & PPM_FIELD, bytes32), int256)


@internal
@pure
def _maintenance_shock(risk: uint256) -> int256:
    return convert(convert((risk >> 28) & PPM_FIELD, bytes32), int256)


@internal
@pure
def _contingency(risk: uint256) -> int256:
    return convert(convert((risk >> 48) & PPM_FIELD, bytes32), int256)


@internal
@pure
def _size_slope(risk: uint256) -> int256:
    return convert(convert((risk >> 68) & PPM_FIELD, bytes32), int256)


@internal
@pure
def _skew_scale(risk: uint256) -> int256:
    """
    @return K in 1e-18 units.
    """
    return unsafe_mul(convert(convert((risk >> 88) & (2**64 - 1), bytes32), int256), MICRO)


@internal
@pure
def _max_velocity(risk: uint256) -> int256:
    return convert(convert((risk >> 152) & (2**28 - 1), bytes32), int256)


@internal
@pure
def _max_rate(risk: uint256) -> int256:
    return convert(convert((risk >> 180) & (2**28 - 1), bytes32), int256)


@internal
@pure
def _half_life(risk: uint256) -> int256:
    return convert(convert((risk >> 208) & (2**20 - 1), bytes32), int256)


@internal
@pure
def _calm_skew(risk: uint256) -> int256:
    return convert(convert((risk >> 228) & (2**16 - 1), bytes32), int256)


@internal
@pure
def _taker_fee(trade: uint256) -> int256:
    return convert(convert(trade & PPM_FIELD, bytes32), int256)


@internal
@pure
def _insurance_share(trade: uint256) -> int256:
    return convert(convert((trade >> 20) & PPM_FIELD, bytes32), int256)


@internal
@pure
def _band(trade: uint256) -> int256:
    return convert(convert((trade >> 40) & PPM_FIELD, bytes32), int256)


@internal
@pure
def _crowding(trade: uint256) -> int256:
    return convert(convert((trade >> 60) & PPM_FIELD, bytes32), int256)


@internal
@pure
def _minimum_notional(trade: uint256) -> int256:
    """
    @return 1e-18 of the asset.
    """
    return unsafe_mul(convert(convert((trade >> 80) & (2**48 - 1), bytes32), int256), MICRO)


@internal
@pure
def _soft_cap(trade: uint256) -> int256:
    """
    @return 1e-18 units.
    """
    return unsafe_mul(convert(convert((trade >> 128) & (2**64 - 1), bytes32), int256), MICRO)


@internal
@pure
def _hard_cap(trade: uint256) -> int256:
    """
    @return 1e-18 units, before the vault's scale.
    """
    return unsafe_mul(convert(convert(trade >> 192, bytes32), int256), MICRO)


@internal
@pure
def _max_premium(limits: uint256) -> int256:
    return convert(convert(limits & PPM_FIELD, bytes32), int256)


@internal
@pure
def _max_half_spread(limits: uint256) -> int256:
    return convert(convert((limits >> 20) & PPM_FIELD, bytes32), int256)


@internal
@pure
def _penalty(limits: uint256) -> int256:
    return convert(convert((limits >> 40) & PPM_FIELD, bytes32), int256)


@internal
@pure
def _max_cost(limits: uint256) -> int256:
    return convert(convert((limits >> 60) & PPM_FIELD, bytes32), int256)


@internal
@pure
def _buffer(limits: uint256) -> int256:
    return convert(convert((limits >> 80) & PPM_FIELD, bytes32), int256)


@internal
@pure
def _stress(limits: uint256) -> int256:
    return convert(convert((limits >> 100) & PPM_FIELD, bytes32), int256)


@internal
@pure
def _keeper_reward(limits: uint256) -> int256:
    """
    @return 1e-18 of the asset.
    """
    return unsafe_mul(convert(convert((limits >> 140) & (2**48 - 1), bytes32), int256), MICRO)
