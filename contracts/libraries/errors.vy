# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Errors
@license AGPL-3.0-only
@notice Every error of the protocol, once. Each is a bare 4-byte selector: cheap to raise, and the
        client decodes it by this file (tidegate/client/errors.py reads these lines).
"""

# Rights and registration
NOT_OWNER: constant(bytes4) = method_id("NotOwner()", output_type=bytes4)  # caller may not do this
NOT_VENUE: constant(bytes4) = method_id("NotVenue()", output_type=bytes4)  # caller is no registered venue
NOT_PERMITTED: constant(bytes4) = method_id("NotPermitted()", output_type=bytes4)  # no such right on the account
NOT_LISTED: constant(bytes4) = method_id("NotListed()", output_type=bytes4)  # unknown instrument, asset or feed
OUT_OF_BOUNDS: constant(bytes4) = method_id("OutOfBounds()", output_type=bytes4)  # a parameter outside its bounds
ALREADY_SET: constant(bytes4) = method_id("AlreadySet()", output_type=bytes4)  # may be set only once
PAUSED: constant(bytes4) = method_id("Paused()", output_type=bytes4)  # openings are paused; reducing is not
TOO_SOON: constant(bytes4) = method_id("TooSoon()", output_type=bytes4)  # allowed later, not yet
TOO_LATE: constant(bytes4) = method_id("TooLate()", output_type=bytes4)  # a deadline has passed
TEST_CHAINS_ONLY: constant(bytes4) = method_id("TestChainsOnly()", output_type=bytes4)  # test money on a real chain

# Amounts and accounts
ZERO_AMOUNT: constant(bytes4) = method_id("ZeroAmount()", output_type=bytes4)  # nothing would happen
AMOUNT_TOO_LARGE: constant(bytes4) = method_id("AmountTooLarge()", output_type=bytes4)  # beyond the width of a ledger word
TOKEN_MISBEHAVED: constant(bytes4) = method_id("TokenMisbehaved()", output_type=bytes4)  # balance did not move by the amount
INSUFFICIENT_CASH: constant(bytes4) = method_id("InsufficientCash()", output_type=bytes4)  # net of the asset would fall below zero
INSUFFICIENT_MARGIN: constant(bytes4) = method_id("InsufficientMargin()", output_type=bytes4)  # the final state breaks the margin rule
OUTFLOW_LIMIT: constant(bytes4) = method_id("OutflowLimit()", output_type=bytes4)  # gains exceed the outflow bucket for now
VAULT_SHORT: constant(bytes4) = method_id("VaultShort()", output_type=bytes4)  # the vault is short of its stress loss
TOO_MANY_POSITIONS: constant(bytes4) = method_id("TooManyPositions()", output_type=bytes4)  # 15 instruments an account

# Fills
BAD_FILL: constant(bytes4) = method_id("BadFill()", output_type=bytes4)  # zero size, same account twice, wrong pool
OUTSIDE_BAND: constant(bytes4) = method_id("OutsideBand()", output_type=bytes4)  # price too far from its reference
FEE_TOO_HIGH: constant(bytes4) = method_id("FeeTooHigh()", output_type=bytes4)  # fee or transfer above its cap
BELOW_MINIMUM: constant(bytes4) = method_id("BelowMinimum()", output_type=bytes4)  # position neither zero nor the minimum notional
OPEN_INTEREST_CAP: constant(bytes4) = method_id("OpenInterestCap()", output_type=bytes4)  # hard cap on a side
SKEW_CAP: constant(bytes4) = method_id("SkewCap()", output_type=bytes4)  # soft cap on the skew

# Liquidation
NOT_LIQUIDATABLE: constant(bytes4) = method_id("NotLiquidatable()", output_type=bytes4)  # equity covers maintenance
BAD_LIQUIDATION: constant(bytes4) = method_id("BadLiquidation()", output_type=bytes4)  # lack does not fall, a fill flips, or the penalty is too high
NO_DEFICIT: constant(bytes4) = method_id("NoDeficit()", output_type=bytes4)  # nothing to book or repay

# Prices
NO_PRICE: constant(bytes4) = method_id("NoPrice()", output_type=bytes4)  # the feed or slot has no price
STALE_PRICE: constant(bytes4) = method_id("StalePrice()", output_type=bytes4)  # the price is too old for this action
BAD_PRICE: constant(bytes4) = method_id("BadPrice()", output_type=bytes4)  # zero, too large, or too far from the last
BAD_TIME: constant(bytes4) = method_id("BadTime()", output_type=bytes4)  # published before its slot, too long after its start, or in the future
BAD_SIGNATURE: constant(bytes4) = method_id("BadSignature()", output_type=bytes4)  # wrong signer, order, count or form
SLOT_GONE: constant(bytes4) = method_id("SlotGone()", output_type=bytes4)  # the ring no longer holds this slot

# Orders
BAD_ORDER: constant(bytes4) = method_id("BadOrder()", output_type=bytes4)  # a field has no meaning, or not yet
ORDER_EXISTS: constant(bytes4) = method_id("OrderExists()", output_type=bytes4)  # the order word is in use
UNKNOWN_ORDER: constant(bytes4) = method_id("UnknownOrder()", output_type=bytes4)  # no open order with this hash
LIMIT_BROKEN: constant(bytes4) = method_id("LimitBroken()", output_type=bytes4)  # the quote is worse than the limit
NOTHING_TO_REDUCE: constant(bytes4) = method_id("NothingToReduce()", output_type=bytes4)  # reduce-only without a position
TRIGGER_NOT_MET: constant(bytes4) = method_id("TriggerNotMet()", output_type=bytes4)  # the proven slot does not wake the order
OUT_OF_GAS: constant(bytes4) = method_id("OutOfGas()", output_type=bytes4)  # the inner call had too little gas to judge

# Vault
REQUEST_PENDING: constant(bytes4) = method_id("RequestPending()", output_type=bytes4)  # one open request an account
NO_REQUEST: constant(bytes4) = method_id("NoRequest()", output_type=bytes4)  # nothing to claim or cancel
EPOCH_FULL: constant(bytes4) = method_id("EpochFull()", output_type=bytes4)  # no place for a request in any open epoch
INSUFFICIENT_SHARES: constant(bytes4) = method_id("InsufficientShares()", output_type=bytes4)  # fewer vault shares than asked for
NOT_SYNCHRONOUS: constant(bytes4) = method_id("NotSynchronous()", output_type=bytes4)  # shares have no price before their epoch is processed
NOT_PROCESSED: constant(bytes4) = method_id("NotProcessed()", output_type=bytes4)  # the epoch has no price yet


@internal
@pure
def _require(ok: bool, error: bytes4):
    if not ok:
        raw_revert(slice(convert(error, bytes32), 0, 4))
