# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Exchange
@license AGPL-3.0-only
@author Tidegate
@notice Two-step orders against the vault; see IExchange for the one rule of how an order ends. Stakes lie in this
        contract's own account of the clearing house (sub 0), each noted in its order word.
@custom:kill The guardian pauses openings through this venue: opening orders end and keep their stake, reduce-only ones
             go on. Revoked in the clearing house nothing fills; orders can be cancelled, stakes released. No order is
             ever filled later than its window.
@custom:security Who executes chooses the moment within the window, the gas and the account paid. So an order ends by
                 a refusal only on the clearing house's own word: no answer, or one that is not known to end orders
                 (a stale price, no gas), leaves everything as it was and pays nobody.
"""

from ..interfaces import IClearingHouse
from ..interfaces import IExchange
from ..interfaces import ILiquidityVault
from ..interfaces import IPriceOracle
from ..libraries import errors
from . import orders

implements: IExchange

initializes: orders

exports: (orders.order_hash, orders.order_word)


interface Clock:
    def SLOT_SECONDS() -> uint256: view


WAD: constant(uint256) = 10**18
TRADE: constant(uint256) = 1  # the right to place and cancel
MAX_WINDOW_SLOTS: constant(uint256) = 32  # a quarter of the oracle's ring
MAX_MIN_KEEPER_FEE: constant(uint256) = 100 * WAD
MAX_LAPSE_RATIO: constant(uint256) = 10_000  # ppm
# In which a cap or the quote ends an order free of charge: time for a keeper, none to see where the price goes.
GRACE_SLOTS: constant(uint256) = 2
HEAD: constant(uint256) = 32  # where a call's only list begins

CORE: public(immutable(IClearingHouse))
ORACLE: public(immutable(IPriceOracle))
VAULT: public(immutable(ILiquidityVault))
WINDOW: public(immutable(uint256))  # seconds
MIN_KEEPER_FEE: public(immutable(uint256))  # 1e-18 collateral
LAPSE_RATIO: public(immutable(uint256))  # ppm of notional
SLOT_SECONDS: immutable(uint256)
ESCROW: immutable(uint256)
TREASURY: immutable(uint256)


@deploy
def __init__(
    core: address, oracle: address, vault: address, window: uint256, min_keeper_fee: uint256, lapse_ratio: uint256
):
    """
    @param window Seconds. @param min_keeper_fee 1e-18 collateral, a multiple of 1e-6: stakes are kept in those.
    @param lapse_ratio ppm of the notional that an order opens.
    """
    orders.__init__()
    CORE = IClearingHouse(core)
    ORACLE = IPriceOracle(oracle)
    VAULT = ILiquidityVault(vault)
    SLOT_SECONDS = staticcall Clock(oracle).SLOT_SECONDS()
    errors._require(window != 0 and window <= MAX_WINDOW_SLOTS * SLOT_SECONDS, errors.OUT_OF_BOUNDS)
    errors._require(
        min_keeper_fee != 0 and min_keeper_fee <= MAX_MIN_KEEPER_FEE and min_keeper_fee % orders.MICRO == 0,
        errors.OUT_OF_BOUNDS,
    )
    errors._require(lapse_ratio <= MAX_LAPSE_RATIO, errors.OUT_OF_BOUNDS)
    WINDOW = window
    MIN_KEEPER_FEE = min_keeper_fee
    LAPSE_RATIO = lapse_ratio
    ESCROW = convert(self, uint256) << 96
    TREASURY = convert(vault, uint256) << 96


@external
def place(order: IExchange.Order) -> bytes32:
    slot: uint256 = self._next_slot()
    errors._require(orders._is_valid(order, MIN_KEEPER_FEE), errors.BAD_ORDER)
    errors._require(order.expiry >= slot * SLOT_SECONDS, errors.TOO_LATE)
    self._require_trader(order.account)
    # An opening order in the first instrument of an underlying asks for its price anyway: none, not listed. Where that
    # is not so, the vault's refusal to quote ends the order, at no loss.
    if order.reduce_only or order.instrument & 63 != 0:
        errors._require(staticcall CORE.trade_word(order.instrument) != 0, errors.NOT_LISTED)

    digest: bytes32 = orders._hash(order)
    word: uint256 = orders._word(order.account, order.nonce)
    errors._require(
        word == 0 or (orders._state(word) == orders.ENDED and not orders._is_of(word, digest)), errors.ORDER_EXISTS
    )
    stake: uint256 = orders._stake(word)
    lapse_fee: uint256 = 0
    if not order.reduce_only:
        price: uint256 = 0
        fresh: bool = False
        price, fresh = staticcall ORACLE.latest(order.instrument // 64)
        errors._require(price != 0, errors.NOT_LISTED)
        errors._require(fresh, errors.STALE_PRICE)
        lapse_fee = orders._lapse_fee_up(order.size, price, LAPSE_RATIO)
        need: uint256 = lapse_fee + MIN_KEEPER_FEE // orders.MICRO
        if need > stake:
            errors._require(need <= orders.MAX_STAKE, errors.AMOUNT_TOO_LARGE)
            refusal: uint256 = self._pay(order.account, ESCROW, (need - stake) * orders.MICRO)
            errors._require(refusal == 0, refusal)
            stake = need
    state: uint256 = orders.RESTING if order.resting else orders.WAITING
    orders._store(order.account, order.nonce, digest, stake, slot, state)
    log IExchange.Placed(
        account=order.account,
        order_hash=digest,
        instrument=order.instrument,
        size=order.size,
        limit=order.limit,
        resting=order.resting,
        reduce_only=order.reduce_only,
        expiry=order.expiry,
        keeper_fee=order.keeper_fee,
        nonce=order.nonce,
        slot=slot,
        lapse_fee=lapse_fee * orders.MICRO,
    )
    return digest


@external
def cancel(order: IExchange.Order):
    self._require_trader(order.account)
    digest: bytes32 = orders._hash(order)
    word: uint256 = orders._word(order.account, order.nonce)
    state: uint256 = orders._state(word)
    errors._require(
        orders._is_of(word, digest) and (state == orders.RESTING or state == orders.WAITING), errors.UNKNOWN_ORDER
    )
    slot: uint256 = orders._slot(word)
    lapsed: bool = (
        state == orders.WAITING
        and block.timestamp >= slot * SLOT_SECONDS
        and not self._is_dead(order.instrument // 64, slot)
    )
    refusal: uint256 = self._end(order, digest, word, 0, lapsed, order.account)
    errors._require(refusal == 0, refusal)


@external
def release(account: uint256, place: uint256):
    self._require_trader(account)
    word: uint256 = orders._word(account, place)
    state: uint256 = orders._state(word)
    errors._require(state != orders.RESTING and state != orders.WAITING, errors.ORDER_EXISTS)
    stake: uint256 = orders._stake(word) * orders.MICRO
    errors._require(stake != 0, errors.ZERO_AMOUNT)
    orders._clear_stake(account, place, word)
    refusal: uint256 = self._pay(ESCROW, account, stake)
    errors._require(refusal == 0, refusal)
    log IExchange.Released(account=account, place=place & 255, amount=stake)


@external
def wake(order: IExchange.Order, slot: uint256):
    digest: bytes32 = orders._hash(order)
    word: uint256 = orders._word(order.account, order.nonce)
    errors._require(orders._is_of(word, digest) and orders._state(word) == orders.RESTING, errors.UNKNOWN_ORDER)
    errors._require(slot >= orders._slot(word), errors.TRIGGER_NOT_MET)
    next_slot: uint256 = self._next_slot()
    errors._require(next_slot * SLOT_SECONDS <= order.expiry, errors.TOO_LATE)
    price: uint256 = (staticcall ORACLE.slot_price(order.instrument // 64, slot))[0]
    errors._require(price != 0, errors.NO_PRICE)
    errors._require(not orders._breaks_limit(order.size, order.limit, price), errors.TRIGGER_NOT_MET)
    orders._store(order.account, order.nonce, digest, orders._stake(word), next_slot, orders.WAITING)
    log IExchange.Woken(account=order.account, order_hash=digest, slot=next_slot)


@external
def execute(order: IExchange.Order, keeper_account: uint256):
    reason: uint256 = self._execute(order, keeper_account)
    errors._require(reason == 0, reason)


@external
def execute_many(orders_: DynArray[IExchange.Order, 16], keeper_account: uint256) -> DynArray[bytes4, 16]:
    reasons: DynArray[bytes4, 16] = []
    for order: IExchange.Order in orders_:
        reason: uint256 = self._execute(order, keeper_account)
        if reason != 0:
            log IExchange.Skipped(
                account=order.account, order_hash=orders._hash(order), reason=errors._selector(reason)
            )
        reasons.append(errors._selector(reason))
    return reasons


@internal
def _execute(order: IExchange.Order, keeper_account: uint256) -> uint256:
    """
    @notice One order, one step. It must not revert for anything an order can hold: a batch goes on after it.
    @return 0, or why nothing at all has changed.
    """
    # what is in escrow belongs to the places, to the wei
    if keeper_account == ESCROW:
        return errors.BAD_FILL
    digest: bytes32 = orders._hash(order)
    word: uint256 = orders._word(order.account, order.nonce)
    if not orders._is_of(word, digest):
        return errors.UNKNOWN_ORDER
    state: uint256 = orders._state(word)
    if state == orders.RESTING:
        if block.timestamp <= order.expiry:
            return errors.TOO_SOON
        return self._end(order, digest, word, errors.TOO_LATE, False, keeper_account)
    if state != orders.WAITING:
        return errors.UNKNOWN_ORDER
    # widths: a slot of 32 bits, at most 60 seconds each, and times of the block
    slot: uint256 = orders._slot(word)
    opened: uint256 = unsafe_mul(slot, SLOT_SECONDS)
    if block.timestamp < opened:
        return errors.TOO_SOON
    feed: uint256 = order.instrument // 64
    mark: uint256 = 0
    volatility: uint256 = 0
    mark, volatility = staticcall ORACLE.slot_price(feed, slot)
    if mark == 0:
        # within the window a price may still be posted, whatever the order's expiry
        if block.timestamp <= unsafe_add(opened, WINDOW):
            return errors.NO_PRICE
        return self._end(order, digest, word, errors.TOO_LATE, not self._is_dead(feed, slot), keeper_account)
    # Nobody made this price: whoever comes when, the order ends the same.
    if orders._breaks_limit(order.size, order.limit, mark):
        return self._unmet(order, digest, word, False, keeper_account)

    size: int256 = order.size
    if order.reduce_only:
        held: int256 = staticcall CORE.size_of(order.account, order.instrument)
        if held == 0 or (held > 0) == (size > 0):
            return self._end(order, digest, word, errors.NOTHING_TO_REDUCE, False, keeper_account)
        size = max(size, -held) if held > 0 else min(size, -held)

    over: bool = block.timestamp > unsafe_add(opened, WINDOW) or block.timestamp > order.expiry
    if over:
        # A resting order's quote is still asked: nobody is paid for resting it, so lateness must not pay instead.
        if not order.resting:
            return self._end(order, digest, word, errors.TOO_LATE, not self._is_dead(feed, slot), keeper_account)
    elif block.timestamp >= unsafe_add(opened, SLOT_SECONDS):
        # Who comes later has seen more than the slot's price, and gains nothing by it.
        present: uint256 = unsafe_div(block.timestamp, SLOT_SECONDS)
        newer: uint256 = 0
        newer_volatility: uint256 = 0
        newer, newer_volatility = staticcall ORACLE.slot_price(feed, present)
        if newer == 0:
            return errors.NO_PRICE
        if newer != mark and (newer > mark) == (size > 0):
            mark = newer
            volatility = newer_volatility
            slot = present
            if orders._breaks_limit(order.size, order.limit, mark):
                return self._unmet(order, digest, word, False, keeper_account)
    price: uint256 = 0
    refusal: uint256 = 0
    price, refusal = self._quote(order.instrument, size, mark, volatility)
    if refusal == errors.OUT_OF_GAS:
        return refusal
    if refusal != 0:
        return self._end(order, digest, word, refusal, False, keeper_account)
    # What follows depends on the skew, the caps and the account by now, which the owner can move himself.
    in_grace: bool = block.timestamp <= unsafe_add(opened, unsafe_mul(GRACE_SLOTS, SLOT_SECONDS))
    if orders._breaks_limit(order.size, order.limit, price):
        return self._unmet(order, digest, word, not in_grace and not order.resting, keeper_account)
    if over:
        return self._end(order, digest, word, errors.TOO_LATE, not self._is_dead(feed, slot), keeper_account)
    refusal = self._clear(
        1 if keeper_account == order.account else 2,
        IClearingHouse.Fill(
            taker=order.account,
            maker=TREASURY | (1 << 64) | feed,
            instrument=order.instrument,
            size=size,
            price=price,
            fee=orders._taker_fee_up(size, price, staticcall CORE.trade_word(order.instrument)),
            slot=slot,
        ),
        IClearingHouse.Fill(
            taker=order.account, maker=keeper_account, instrument=0, size=0, price=0, fee=order.keeper_fee, slot=0
        ),
    )
    if refusal == 0:
        orders._finish(order.account, order.nonce, word)
        log IExchange.Executed(account=order.account, order_hash=digest)
        return 0
    # Whatever account the keeper names is paid alike and judged by nothing: these refusals are the order's own.
    if refusal == errors.PAUSED:
        return self._end(order, digest, word, refusal, False, keeper_account)
    if refusal in [errors.OPEN_INTEREST_CAP, errors.SKEW_CAP]:
        return self._end(order, digest, word, refusal, not in_grace, keeper_account)
    if refusal in [errors.INSUFFICIENT_MARGIN, errors.BELOW_MINIMUM, errors.TOO_MANY_POSITIONS]:
        return self._end(order, digest, word, refusal, True, keeper_account)
    return refusal


@internal
def _unmet(order: IExchange.Order, digest: bytes32, word: uint256, lapsed: bool, keeper_account: uint256) -> uint256:
    """
    @notice The limit does not hold: a resting order rests again, another ends.
    """
    if not order.resting or block.timestamp > order.expiry:
        return self._end(order, digest, word, errors.LIMIT_BROKEN, lapsed, keeper_account)
    next_slot: uint256 = self._next_slot()
    orders._store(order.account, order.nonce, digest, orders._stake(word), next_slot, orders.RESTING)
    log IExchange.Rested(account=order.account, order_hash=digest, slot=next_slot)
    return 0


@internal
def _end(
    order: IExchange.Order, digest: bytes32, word: uint256, reason: uint256, lapsed: bool, keeper_account: uint256
) -> uint256:
    """
    @notice Every way an order ends but a fill.
    @param lapsed Whether the lapse fee goes to the vault; else it stays in the stake.
    @return 0, or why the money could not move and nothing has changed.
    """
    stake: uint256 = orders._stake(word)
    lapse_fee: uint256 = 0
    if not order.reduce_only:
        if lapsed:
            # what was staked, or less: a stake may be of a larger order, or of a higher price
            lapse_fee = stake - MIN_KEEPER_FEE // orders.MICRO
            price: uint256 = (staticcall ORACLE.latest(order.instrument // 64))[0]
            if price != 0:
                lapse_fee = min(lapse_fee, orders._lapse_fee_up(order.size, price, LAPSE_RATIO))
        paid: uint256 = MIN_KEEPER_FEE if keeper_account != order.account else 0
        lapse: IClearingHouse.Fill = self._payment(ESCROW, TREASURY, lapse_fee * orders.MICRO)
        refusal: uint256 = 0
        if paid != 0:
            stake -= paid // orders.MICRO
            count: uint256 = 2 if lapse_fee != 0 else 1
            refusal = self._clear(count, self._payment(ESCROW, keeper_account, paid), lapse)
        elif lapse_fee != 0:
            refusal = self._clear(1, lapse, empty(IClearingHouse.Fill))
        if refusal != 0:
            return refusal
        stake -= lapse_fee
    orders._store(order.account, order.nonce, digest, stake, orders._slot(word), orders.ENDED)
    log IExchange.Ended(
        account=order.account,
        order_hash=digest,
        reason=errors._selector(reason),
        lapse_fee=lapse_fee * orders.MICRO,
    )
    return 0


@pure
@internal
def _payment(source: uint256, target: uint256, amount: uint256) -> IClearingHouse.Fill:
    """
    @notice A fill of nothing: its fee moves.
    """
    return IClearingHouse.Fill(taker=source, maker=target, instrument=0, size=0, price=0, fee=amount, slot=0)


@internal
def _pay(source: uint256, target: uint256, amount: uint256) -> uint256:
    return self._clear(1, self._payment(source, target, amount), empty(IClearingHouse.Fill))


@internal
def _clear(count: uint256, first: IClearingHouse.Fill, second: IClearingHouse.Fill) -> uint256:
    """
    @param count Of the two fills, those that are meant; encoded as a list of so many, what follows it is not read.
    @return 0, or the clearing house's refusal.
    """
    success: bool = False
    answer: Bytes[32] = b""
    success, answer = raw_call(
        CORE.address,
        abi_encode(
            HEAD,
            count,
            first,
            second,
            method_id=method_id("clear((uint256,uint256,uint256,int256,uint256,uint256,uint256)[])"),
        ),
        max_outsize=32,
        revert_on_failure=False,
    )
    if success:
        return 0
    return self._refusal(answer)


@view
@internal
def _quote(instrument: uint256, size: int256, mark: uint256, volatility: uint256) -> (uint256, uint256):
    """
    @return The vault's price, or its refusal: one order's size must not stop a batch.
    """
    success: bool = False
    answer: Bytes[32] = b""
    success, answer = raw_call(
        VAULT.address,
        abi_encode(instrument, size, mark, volatility, method_id=method_id("quote(uint256,int256,uint256,uint256)")),
        max_outsize=32,
        is_static_call=True,
        revert_on_failure=False,
    )
    if success and len(answer) == 32:
        return convert(answer, uint256), 0
    return 0, self._refusal(answer)


@pure
@internal
def _refusal(answer: Bytes[32]) -> uint256:
    """
    @notice A call that ran out of gas, at whatever depth, says nothing.
    """
    if len(answer) != 4:
        return errors.OUT_OF_GAS
    return convert(answer, uint256)


@view
@internal
def _is_dead(feed: uint256, slot: uint256) -> bool:
    """
    @notice Whether the window has gone by without any price of the slot or later. Asked only then: a moment after the
            opening nobody has posted yet, and who has seen the price elsewhere would walk away from it free.
    """
    if block.timestamp <= slot * SLOT_SECONDS + WINDOW:
        return False
    if (staticcall ORACLE.latest_word(feed) >> 180) & (2**32 - 1) < slot:
        return True
    # An adapter that reads moves the price in force and prices no slot: nobody could have filled the order.
    return (staticcall ORACLE.source(feed))[1] and (staticcall ORACLE.slot_price(feed, slot))[0] == 0


@view
@internal
def _next_slot() -> uint256:
    """
    @return The first slot to open after this moment: its price is not public yet.
    """
    return block.timestamp // SLOT_SECONDS + 1


@view
@internal
def _require_trader(account: uint256):
    if account >> 96 != convert(msg.sender, uint256):
        errors._require(staticcall CORE.may(account, msg.sender, TRADE), errors.NOT_PERMITTED)
