# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Lens of markets
@license AGPL-3.0-only
@author Tidegate
@notice Views of markets and of what trades in them would do, see ILensMarkets. Every formula is a library's, the same
        that the contracts use; only the clearing house's final-state rule is told again here, on a state that does not
        exist yet, and the tests hold it against the clearing house's own verdicts.
@custom:kill Nothing to stop: it holds nothing, and no contract reads it.
"""

from ..interfaces import IExchange
from ..interfaces import ILensMarkets
from ..interfaces import ILiquidityVault
from ..interfaces import IPriceOracle
from ..libraries import asset_word
from ..libraries import cash_word
from ..libraries import errors
from ..libraries import funding
from ..libraries import margin
from ..libraries import market_words
from ..libraries import rounding
from ..libraries import terms
from ..venues import orders
from . import standings

implements: ILensMarkets
initializes: standings
exports: (standings.CORE, standings.ORACLE)


interface ExchangeTerms:
    def WINDOW() -> uint256: view
    def MIN_KEEPER_FEE() -> uint256: view
    def LAPSE_RATIO() -> uint256: view


TRADING: constant(uint256) = 1  # role of a venue
WAD: constant(int256) = 10**18
PPM: constant(int256) = 10**6
HOUR: constant(uint256) = 3600
DAY: constant(uint256) = 86400
MAX_PRICE: constant(int256) = 2**90 - 1

# what an order can fail by, in the order in which it meets them
CONDITIONS: constant(uint256[20]) = [
    errors.BAD_ORDER,
    errors.NOT_LISTED,
    errors.NO_PRICE,
    errors.BAD_PRICE,
    errors.ORDER_EXISTS,
    errors.TOO_LATE,
    errors.AMOUNT_TOO_LARGE,
    errors.FEE_TOO_HIGH,
    errors.NOTHING_TO_REDUCE,
    errors.LIMIT_BROKEN,
    errors.NOT_VENUE,
    errors.OUTSIDE_BAND,
    errors.PAUSED,
    errors.OPEN_INTEREST_CAP,
    errors.SKEW_CAP,
    errors.BELOW_MINIMUM,
    errors.TOO_MANY_POSITIONS,
    errors.INSUFFICIENT_MARGIN,
    errors.STALE_PRICE,
    errors.BAD_FILL,
]

VAULT: public(immutable(ILiquidityVault))
EXCHANGE: public(immutable(IExchange))
SLOT_SECONDS: immutable(uint256)
WINDOW: immutable(uint256)
MIN_KEEPER_FEE: immutable(uint256)
LAPSE_RATIO: immutable(uint256)


@deploy
def __init__(core: address, oracle: address, vault: address, exchange: address):
    errors._require(vault.is_contract, errors.OUT_OF_BOUNDS)
    standings.__init__(core, oracle)
    VAULT = ILiquidityVault(vault)
    EXCHANGE = IExchange(exchange)
    SLOT_SECONDS = staticcall IPriceOracle(oracle).SLOT_SECONDS()
    WINDOW = staticcall ExchangeTerms(exchange).WINDOW()
    MIN_KEEPER_FEE = staticcall ExchangeTerms(exchange).MIN_KEEPER_FEE()
    LAPSE_RATIO = staticcall ExchangeTerms(exchange).LAPSE_RATIO()


@view
@external
def markets(instruments: DynArray[uint256, 16], size: int256) -> DynArray[ILensMarkets.Market, 16]:
    result: DynArray[ILensMarkets.Market, 16] = []
    for instrument: uint256 in instruments:
        result.append(self._market(instrument, size))
    return result


@view
@external
def preview(
    orders_: DynArray[IExchange.Order, 16], prices: DynArray[uint256, 16]
) -> DynArray[ILensMarkets.Preview, 16]:
    errors._require(len(orders_) == len(prices), errors.OUT_OF_BOUNDS)
    result: DynArray[ILensMarkets.Preview, 16] = []
    for i: uint256 in range(len(orders_), bound=16):
        result.append(self._preview(orders_[i], prices[i]))
    return result


@view
@external
def order_status(orders_: DynArray[IExchange.Order, 16]) -> DynArray[ILensMarkets.OrderStatus, 16]:
    result: DynArray[ILensMarkets.OrderStatus, 16] = []
    for order: IExchange.Order in orders_:
        result.append(self._order_status(order))
    return result


@view
@internal
def _market(instrument: uint256, size: int256) -> ILensMarkets.Market:
    market: ILensMarkets.Market = empty(ILensMarkets.Market)
    risk: uint256 = staticcall standings.CORE.risk_word(instrument)
    trade: uint256 = staticcall standings.CORE.trade_word(instrument)
    errors._require(risk != 0, errors.NOT_LISTED)
    market.instrument = instrument
    market.price, market.fresh = staticcall standings.ORACLE.latest(instrument >> 6)
    market.volatility = staticcall standings.ORACLE.volatility(instrument >> 6)

    indices: uint256 = 0
    interest: uint256 = 0
    carry: uint256 = 0
    indices, interest, carry = standings._accrued(instrument, risk, market.price)
    market.long_side = convert(market_words._long_side(interest), uint256)
    market.short_side = convert(market_words._short_side(interest), uint256)
    market.skew = market_words._skew(interest)
    market.hard_cap = convert(market_words._scaled_down(interest, terms._hard_cap(trade)), uint256)
    market.soft_cap = convert(terms._soft_cap(trade), uint256)
    market.rate = market_words._rate(carry)
    market.long_index = market_words._long_index(indices)
    market.short_index = market_words._short_index(indices)
    stored: uint256 = staticcall standings.CORE.indices_word(instrument)
    market.pot = market_words._pot(carry) + funding._due_up(
        -market.skew, market_words._index(indices, -market.skew), market_words._index(stored, -market.skew)
    )

    later: uint256 = funding._accrued(indices, interest, carry, risk, market.price, block.timestamp + HOUR)[0]
    market.funding_hour = market_words._long_index(later) - market.long_index
    later = funding._accrued(indices, interest, carry, risk, market.price, block.timestamp + DAY)[0]
    market.funding_day = market_words._long_index(later) - market.long_index

    if size != 0:
        bought: int256 = max(size, -size)
        market.buy_price = self._quote(instrument, bought, market.price, market.volatility)[0]
        market.sell_price = self._quote(instrument, -bought, market.price, market.volatility)[0]
    return market


@view
@internal
def _quote(instrument: uint256, size: int256, mark: uint256, volatility: uint256) -> (uint256, uint256):
    """
    @return The vault's price and 0, or 0 and its error.
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
    if len(answer) == 4:
        return 0, convert(answer, uint256)
    return 0, errors.AMOUNT_TOO_LARGE


@view
@internal
def _order_status(order: IExchange.Order) -> ILensMarkets.OrderStatus:
    status: ILensMarkets.OrderStatus = empty(ILensMarkets.OrderStatus)
    status.order_hash = staticcall EXCHANGE.order_hash(order)
    word: uint256 = staticcall EXCHANGE.order_word(order.account, order.nonce & 255)
    if not orders._is_of(word, status.order_hash):
        return status
    status.state = orders._state(word)
    status.slot = orders._slot(word)
    status.stake = orders._stake(word) * orders.MICRO
    feed: uint256 = order.instrument >> 6
    if status.state == orders.WAITING:
        opened: uint256 = status.slot * SLOT_SECONDS
        status.price = (staticcall standings.ORACLE.slot_price(feed, status.slot))[0]
        status.due = block.timestamp > opened + WINDOW or (
            block.timestamp >= opened
            and status.price != 0
            and (
                self._is_priced(feed, status.slot)
                or block.timestamp > order.expiry
                or orders._breaks_limit(order.size, order.limit, status.price)
            )
        )
    elif status.state == orders.RESTING:
        status.due = block.timestamp > order.expiry
        newest: uint256 = ((staticcall standings.ORACLE.latest_word(feed)) >> 180) & (2**32 - 1)
        price: uint256 = (staticcall standings.ORACLE.slot_price(feed, newest))[0]
        if (
            newest >= status.slot
            and price != 0
            and not orders._breaks_limit(order.size, order.limit, price)
            and (block.timestamp // SLOT_SECONDS + 1) * SLOT_SECONDS <= order.expiry
        ):
            status.wake_slot = newest
    return status


@view
@internal
def _is_priced(feed: uint256, slot: uint256) -> bool:
    """
    @return Whether this slot and the one that is open have their prices.
    """
    return (
        (staticcall standings.ORACLE.slot_price(feed, slot))[0] != 0
        and (staticcall standings.ORACLE.slot_price(feed, block.timestamp // SLOT_SECONDS))[0] != 0
    )


@pure
@internal
def _noted(failed: uint256, fails: bool, error: uint256) -> uint256:
    """
    @return The set of failing conditions with this one in it if it fails. What is none of them counts as the last.
    """
    if not fails:
        return failed
    place: uint256 = 0
    for condition: uint256 in CONDITIONS:
        if condition == error:
            break
        place += 1
    return failed | (1 << min(place, 19))


@pure
@internal
def _named(failed: uint256) -> DynArray[bytes4, 20]:
    refusals: DynArray[bytes4, 20] = []
    place: uint256 = 0
    for condition: uint256 in CONDITIONS:
        if (failed >> place) & 1 == 1:
            refusals.append(errors._selector(condition))
        place += 1
    return refusals


@view
@internal
def _preview(order: IExchange.Order, supposed: uint256) -> ILensMarkets.Preview:
    result: ILensMarkets.Preview = empty(ILensMarkets.Preview)
    failed: uint256 = 0
    result.order_hash = staticcall EXCHANGE.order_hash(order)
    word: uint256 = staticcall EXCHANGE.order_word(order.account, order.nonce & 255)
    state: uint256 = orders._state(word)
    ours: bool = orders._is_of(word, result.order_hash)
    placed: bool = ours and (state == orders.RESTING or state == orders.WAITING)
    feed: uint256 = order.instrument >> 6
    trade: uint256 = staticcall standings.CORE.trade_word(order.instrument)
    price: uint256 = 0
    fresh: bool = False
    price, fresh = staticcall standings.ORACLE.latest(feed)

    # the order by itself
    failed = self._noted(failed, not orders._is_valid(order, MIN_KEEPER_FEE), errors.BAD_ORDER)
    failed = self._noted(failed, trade == 0, errors.NOT_LISTED)
    failed = self._noted(failed, price == 0, errors.NO_PRICE)
    failed = self._noted(failed, supposed > convert(MAX_PRICE, uint256), errors.BAD_PRICE)
    failed = self._noted(failed, not placed and word != 0 and (ours or state != orders.ENDED), errors.ORDER_EXISTS)
    failed = self._noted(failed, self._is_late(order, word, placed), errors.TOO_LATE)
    failed = self._noted(
        failed,
        placed
        and state == orders.WAITING
        and supposed == 0
        and block.timestamp >= orders._slot(word) * SLOT_SECONDS
        and not self._is_priced(feed, orders._slot(word)),
        errors.NO_PRICE,
    )
    result.refusals = self._named(failed)
    if (
        trade == 0
        or price == 0
        or supposed > convert(MAX_PRICE, uint256)
        or not orders._is_in_range(order, MIN_KEEPER_FEE)
    ):
        return result
    # placing it
    legs: DynArray[standings.Leg, 15] = standings._legs(order.account)
    cash: int256 = standings._settled_cash(order.account, legs)
    escrow_cap: uint256 = asset_word._escrow_cap(staticcall standings.CORE.asset_word(standings.COLLATERAL))
    if not order.reduce_only:
        lapse_fee: uint256 = orders._lapse_fee_up(order.size, price, LAPSE_RATIO)
        stake: uint256 = orders._stake(word)
        if placed:
            lapse_fee = min(lapse_fee, stake - MIN_KEEPER_FEE // orders.MICRO)
        else:
            failed = self._noted(failed, not fresh, errors.STALE_PRICE)
            need: uint256 = lapse_fee + MIN_KEEPER_FEE // orders.MICRO
            if need > stake:
                pulled: uint256 = (need - stake) * orders.MICRO
                failed = self._noted(failed, need > orders.MAX_STAKE, errors.AMOUNT_TOO_LARGE)
                failed = self._noted(failed, pulled > escrow_cap, errors.FEE_TOO_HIGH)
                cash -= convert(pulled, int256)
                # a mere payment: nothing of the rule for reducing can pass it
                placing: standings.State = standings._state(cash, legs)
                failed = self._noted(failed, placing.equity < placing.initial, errors.INSUFFICIENT_MARGIN)
                failed = self._noted(failed, not placing.fresh, errors.STALE_PRICE)
        result.lapse_fee = lapse_fee * orders.MICRO
    # its size and price
    mark: int256 = convert(price, int256)
    if supposed != 0:
        mark = convert(supposed, int256)
        legs = standings._marked(legs, feed, mark)
        fresh = True
    held: int256 = staticcall standings.CORE.size_of(order.account, order.instrument)
    result.size = order.size
    if order.reduce_only:
        if held == 0 or (held > 0) == (order.size > 0):
            result.size = 0
            result.refusals = self._named(self._noted(failed, True, errors.NOTHING_TO_REDUCE))
            return result
        result.size = max(order.size, -held) if held > 0 else min(order.size, -held)
    refusal: uint256 = 0
    result.price, refusal = self._quote(
        order.instrument, result.size, convert(mark, uint256), staticcall standings.ORACLE.volatility(feed)
    )
    if refusal != 0 or result.price == 0 or result.price > convert(MAX_PRICE, uint256):
        result.refusals = self._named(self._noted(failed, True, refusal if refusal != 0 else errors.BAD_FILL))
        return result
    fill_price: int256 = convert(result.price, int256)
    failed = self._noted(failed, orders._breaks_limit(order.size, order.limit, result.price), errors.LIMIT_BROKEN)
    result.fee = orders._taker_fee_up(result.size, result.price, trade)

    # what the clearing house asks of any fill
    flags: uint256 = staticcall standings.CORE.cash_word(order.account, standings.COLLATERAL) & (
        cash_word.POOL | cash_word.ESCROW
    )
    failed = self._noted(failed, flags != 0 or (order.account & (2**96 - 1)) >> 64 == 1, errors.BAD_FILL)
    venue: uint256 = staticcall standings.CORE.venue_word(EXCHANGE.address)
    failed = self._noted(failed, venue & 255 != TRADING, errors.NOT_VENUE)
    failed = self._noted(failed, abs(fill_price - mark) * PPM > terms._band(trade) * mark, errors.OUTSIDE_BAND)
    before: uint256 = staticcall standings.CORE.interest_word(order.instrument)
    # where losses were shared the position may be a few units more than its side
    counted: int256 = max(unsafe_sub(0, market_words._short_side(before)), min(market_words._long_side(before), held))
    size: int256 = unsafe_add(held, result.size)
    interest: uint256 = market_words._moved(before, counted, unsafe_sub(size, counted))
    skew: int256 = abs(market_words._skew(interest))
    skew_before: int256 = abs(market_words._skew(before))
    if market_words._has_grown(before, interest):
        failed = self._noted(failed, block.timestamp < (venue >> 8) & (2**40 - 1), errors.PAUSED)
        failed = self._noted(
            failed,
            max(market_words._long_side(interest), market_words._short_side(interest))
            > market_words._scaled_down(interest, terms._hard_cap(trade)),
            errors.OPEN_INTEREST_CAP,
        )
        failed = self._noted(failed, skew > terms._soft_cap(trade) and skew > skew_before, errors.SKEW_CAP)
    failed = self._noted(
        failed, size != 0 and abs(size) * mark < terms._minimum_notional(trade) * WAD, errors.BELOW_MINIMUM
    )
    failed = self._noted(failed, held == 0 and len(legs) == 15, errors.TOO_MANY_POSITIONS)
    if held == 0 and len(legs) == 15:
        result.refusals = self._named(failed)
        return result
    # the account's verdict
    fees: int256 = convert(result.fee + order.keeper_fee, int256)
    failed = self._noted(failed, order.keeper_fee > escrow_cap, errors.FEE_TOO_HIGH)
    left: int256 = cash - rounding._mul_div_up(result.size, fill_price, WAD) - fees
    risk: uint256 = staticcall standings.CORE.risk_word(order.instrument)
    resized: standings.Leg = standings.Leg(
        instrument=order.instrument, size=size, mark=mark, fresh=fresh, risk=risk, due=0
    )
    after: standings.State = standings._state(left, self._resized(legs, resized))
    if abs(size) > abs(held) and skew > skew_before:
        after.initial += margin._crowding_up(
            margin._notional_up(size, mark), skew, market_words._side(interest, size), trade
        )
    result.equity = after.equity
    result.initial = after.initial
    result.maintenance = after.maintenance
    result.notional = after.notional
    most: int256 = 0
    if abs(size) < abs(held):
        most = rounding._mul_div_down(
            (abs(held) - abs(size)) * mark,
            terms._max_cost(staticcall standings.CORE.limits_word(order.instrument)),
            WAD * PPM,
        )
    failed = self._noted(
        failed,
        (after.equity < after.initial or not after.fresh)
        and not self._is_relief(
            standings._state(cash, legs),
            after,
            rounding._mul_div_up(fill_price - mark, result.size, WAD) + fees,
            most,
            fees - convert(result.fee, int256),
        ),
        errors.INSUFFICIENT_MARGIN if after.equity < after.initial else errors.STALE_PRICE,
    )
    result.refusals = self._named(failed)
    return result


@view
@internal
def _is_late(order: IExchange.Order, word: uint256, placed: bool) -> bool:
    """
    @return Whether no second is left in which the order may fill.
    """
    if placed and orders._state(word) == orders.WAITING:
        return block.timestamp > min(order.expiry, orders._slot(word) * SLOT_SECONDS + WINDOW)
    return order.expiry < (block.timestamp // SLOT_SECONDS + 1) * SLOT_SECONDS


@pure
@internal
def _resized(legs: DynArray[standings.Leg, 15], resized: standings.Leg) -> DynArray[standings.Leg, 15]:
    """
    @return The legs with this one in its place, or gone.
    """
    result: DynArray[standings.Leg, 15] = []
    pending: bool = resized.size != 0
    for leg: standings.Leg in legs:
        if pending and leg.instrument >= resized.instrument:
            result.append(resized)
            pending = False
        if leg.instrument != resized.instrument:
            result.append(leg)
    if pending:
        result.append(resized)
    return result


@pure
@internal
def _is_relief(before: standings.State, after: standings.State, paid: int256, most: int256, handed: int256) -> bool:
    """
    @notice What the clearing house lets pass below initial margin (core/solvency.vy).
    @param paid Above the reference, with fees. @param most Max cost of the closed notional.
    @param handed What of it went to a keeper: a bankrupt account pays nobody.
    """
    return (
        (
            after.maintenance < before.maintenance
            or (after.maintenance == before.maintenance and after.equity > before.equity)
        )
        and paid <= most
        and (
            (before.equity <= 0 and handed == 0)
            or (after.equity >= 0 and after.equity * before.maintenance >= before.equity * after.maintenance)
        )
    )
