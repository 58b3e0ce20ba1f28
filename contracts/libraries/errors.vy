# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Errors
@license AGPL-3.0-only
@notice Every error of the protocol, once: the 4-byte selector of its name in CamelCase, NOT_OWNER being NotOwner().
        Raised bare, so it is cheap; the client decodes it by this file. Written as numbers, since the compiler puts a
        bytes4 into the code with 28 zeros behind it; a test holds them against the names.
"""

# Rights and registration
NOT_OWNER: constant(uint256) = 818_771_057  # caller may not do this
NOT_VENUE: constant(uint256) = 657_098_143  # caller is no registered venue
NOT_PERMITTED: constant(uint256) = 958_500_667  # no such right on the account
NOT_LISTED: constant(uint256) = 1_717_312_599  # unknown instrument, asset or feed
OUT_OF_BOUNDS: constant(uint256) = 3_021_082_388  # a parameter outside its bounds
ALREADY_SET: constant(uint256) = 2_806_095_941  # may be set only once
PAUSED: constant(uint256) = 2_659_711_688  # openings are paused; reducing is not
TOO_SOON: constant(uint256) = 1_877_835_141  # allowed later, not yet
TOO_LATE: constant(uint256) = 3_973_913_641  # a deadline has passed
TEST_CHAINS_ONLY: constant(uint256) = 1_728_469_630  # test money on a real chain

# Amounts and accounts
ZERO_AMOUNT: constant(uint256) = 522_854_405  # nothing would happen
AMOUNT_TOO_LARGE: constant(uint256) = 103_089_153  # beyond the width of a ledger word
TOKEN_MISBEHAVED: constant(uint256) = 881_130_072  # balance did not move by the amount
INSUFFICIENT_CASH: constant(uint256) = 4_130_371_179  # net of the asset would fall below zero
INSUFFICIENT_MARGIN: constant(uint256) = 1_103_139_497  # the final state breaks the margin rule
OUTFLOW_LIMIT: constant(uint256) = 482_408_548  # gains exceed the outflow bucket for now
VAULT_SHORT: constant(uint256) = 2_806_155_285  # the vault is short of its stress loss
TOO_MANY_POSITIONS: constant(uint256) = 2_217_845_082  # 15 instruments an account

# Fills
BAD_FILL: constant(uint256) = 526_535_432  # zero size, same account twice, wrong pool
OUTSIDE_BAND: constant(uint256) = 2_368_645_697  # price too far from its reference
FEE_TOO_HIGH: constant(uint256) = 3_444_466_023  # fee or transfer above its cap
BELOW_MINIMUM: constant(uint256) = 2_248_901_289  # position neither zero nor the minimum notional
OPEN_INTEREST_CAP: constant(uint256) = 3_198_571_360  # hard cap on a side
SKEW_CAP: constant(uint256) = 2_931_119_357  # soft cap on the skew

# Liquidation
NOT_LIQUIDATABLE: constant(uint256) = 3_723_196_858  # equity covers maintenance
BAD_LIQUIDATION: constant(uint256) = 1_502_612_284  # lack does not fall, a fill flips, or the penalty is too high
NO_DEFICIT: constant(uint256) = 613_812_646  # nothing to book or repay
BUCKET_EMPTY: constant(uint256) = 1_430_715_577  # slices have added to the premium what they may, for now
SLICES_SUFFICE: constant(uint256) = 2_306_098_974  # equity is positive and the bucket is not empty: no auction yet
AUCTION_RUNS: constant(uint256) = 3_900_665_724  # the account's auction has not ended
NO_AUCTION: constant(uint256) = 1_909_460_450  # no auction of the account, or it has lived its time
VAULT_FULL: constant(uint256) = 1_554_820_765  # the vault's position would pass its cap, or it is short of its stress
VAULT_TAKES: constant(uint256) = 2_316_122_370  # the vault can take it over: losses are not shared

# Guaranty fund
DEFICIT_BOOKED: constant(uint256) = 1_486_176_217  # a booked deficit is more than the fund may pay now
NO_SHARE_PRICE: constant(uint256) = 1_596_442_493  # the shares are worth next to nothing: new money would be theirs
NOT_RESERVED: constant(uint256) = 2_180_894_078  # venues could still reach the fund's account

# Prices
NO_PRICE: constant(uint256) = 3_242_823_773  # the feed or slot has no price
STALE_PRICE: constant(uint256) = 430_699_534  # the price is too old for this action
BAD_PRICE: constant(uint256) = 4_246_659_913  # zero, too large, or too far from the last
BAD_TIME: constant(uint256) = 3_777_915_044  # published before its slot, too long after its start, or in the future
BAD_SIGNATURE: constant(uint256) = 1_557_516_851  # wrong signer, order, count or form
SLOT_GONE: constant(uint256) = 364_699_498  # the ring no longer holds this slot
WRONG_SOURCE: constant(uint256) = 2_213_533_532  # the feed takes its prices from somebody else
FEED_FAILED: constant(uint256) = 2_671_740_967  # the outside oracle failed, or its answer means nothing
UNCERTAIN_PRICE: constant(uint256) = 654_604_366  # the confidence interval is wider than allowed
SEQUENCER_DOWN: constant(uint256) = 53_165_312  # the sequencer is down, or not yet back for the grace period

# Orders
BAD_ORDER: constant(uint256) = 2_562_900_840  # a field has no meaning, or not yet
ORDER_EXISTS: constant(uint256) = 3_851_503_152  # the order word is in use
UNKNOWN_ORDER: constant(uint256) = 3_090_734_742  # no open order with this hash
LIMIT_BROKEN: constant(uint256) = 3_073_067_771  # the quote is worse than the limit
NOTHING_TO_REDUCE: constant(uint256) = 3_196_874_834  # reduce-only without a position
TRIGGER_NOT_MET: constant(uint256) = 1_717_302_246  # the proven slot does not wake the order
OUT_OF_GAS: constant(uint256) = 2_011_950_925  # the inner call had too little gas to judge

# Vault
REQUEST_PENDING: constant(uint256) = 2_154_631_028  # one open request an account
NO_REQUEST: constant(uint256) = 3_489_502_124  # nothing to claim or cancel
EPOCH_FULL: constant(uint256) = 259_676_996  # no place for a request with bounds in this epoch
INSUFFICIENT_SHARES: constant(uint256) = 966_354_279  # fewer vault shares than asked for
NOT_SYNCHRONOUS: constant(uint256) = 1_841_152_114  # shares have no price before their epoch is processed
NOT_PROCESSED: constant(uint256) = 868_561_689  # the epoch has no price yet


@internal
@pure
def _require(ok: bool, error: uint256):
    if not ok:
        raw_revert(slice(convert(error << 224, bytes32), 0, 4))


@internal
@pure
def _selector(error: uint256) -> bytes4:
    """
    @return The error as events and return values carry it; 0 for none.
    """
    return convert(convert(error << 224, bytes32), bytes4)
