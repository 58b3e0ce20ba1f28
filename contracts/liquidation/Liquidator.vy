# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize codesize
# pragma nonreentrancy on
"""
@title Liquidator
@license AGPL-3.0-only
@author Tidegate
@notice Slices, auctions and takeovers of accounts below maintenance; see interfaces/ILiquidator.vyi. Modules: slices
        (how much is taken, at what), bucket (what slices may add to a premium), auctions (discounts over time).

        Slices of one market side by side are one batch: the market's words are read once, the skew that the quote is a
        function of is kept in memory, and one call clears them, the keeper's payment last. An account stands in a batch
        once, so that what was reckoned of it holds until then. A batch that is refused is tried again slice by slice.

        In an auction of fraction f at discount d the account ends with E - d f N and M (1 - f) or less, so E' = M' (1 +
        b) at f = (M (1 + b) - E) / (M (1 + b) - d N).
@custom:kill Governance takes its role as a venue; slices and auctions stop, and no account is closed against its will.
        Accounts can still reduce through the exchange. Only for a faulty liquidator, to be replaced in the same
        operation.
"""

from ..interfaces import IClearingHouse
from ..interfaces import ILiquidator
from ..interfaces import ILiquidityVault
from ..interfaces import IPriceOracle
from ..libraries import account_word
from ..libraries import brakes
from ..libraries import cash_word
from ..libraries import errors
from ..libraries import market_words
from ..libraries import quote as quotes
from ..libraries import rounding
from ..libraries import terms
from . import auctions
from . import bucket as buckets  # its view bears the name
from . import slices

initializes: auctions
initializes: buckets
implements: ILiquidator


interface Fund:
    def cover(asset: uint256) -> uint256: nonpayable
    def pay_bidder(to_account: uint256, amount: uint256) -> uint256: nonpayable


# What is about to be cleared in one call: a fill for each slice, and of the same reward << 2 | restores << 1 | whole
struct Batch:
    fills: DynArray[IClearingHouse.Fill, 8]
    notes: DynArray[uint256, MOST]


struct Outcome:
    done: uint256
    short: bool  # a deficit was booked
    refused: bool  # the last batch, as one
    reason: uint256  # the core's last refusal


# A position in an auction
struct Leg:
    instrument: uint256
    size: int256
    mark: int256
    least: int256  # minimum notional


# What an auction is held over
struct Lot:
    legs: DynArray[Leg, 8]
    all: bool  # of the account's positions
    equity: int256
    maintenance: int256
    notional: int256
    buffer: int256  # the largest of the legs', ppm
    limit: int256  # what the account may pay, ppm of notional
    least: int256  # the largest minimum notional


COLLATERAL: constant(uint256) = 0
TRADE: constant(uint256) = 1  # permission at the core
WAD: constant(int256) = 10**18
PPM: constant(int256) = 10**6
MOST: constant(uint256) = 7  # slices of a batch: the core takes eight fills, one is the keeper's payment
MOST_LEGS: constant(uint256) = 8
# what the fund adds at most to an insolvent account's discount, ppm
FUND_EXTRA: constant(int256) = 10_000
# gas that a slice in a batch is known to need, and the price at which it is made up for, at most
GAS_OF_SLICE: constant(uint256) = 60_000
MOST_GAS_PRICE: constant(uint256) = 200 * 10**9

CORE: immutable(IClearingHouse)
ORACLE: immutable(IPriceOracle)
VAULT: immutable(ILiquidityVault)
OWNER: public(immutable(address))
REWARD_WINDOW: public(immutable(uint256))
GAS_FEED: public(immutable(uint256))
BACKSTOP: immutable(uint256)  # the other party of a loss that a side shares

fund: public(address)


@deploy
def __init__(
    core: address,
    oracle: address,
    vault: address,
    owner: address,
    reward_window: uint256,
    bucket_size: uint256,
    bucket_window: uint256,
    t2: uint256,
    gas_feed: uint256,
):
    """
    @param reward_window Seconds, at most a day. @param bucket_size ppm of K. @param bucket_window Seconds.
    @param t2 Seconds after which an auction has failed. @param gas_feed Of the chain's coin; 0: gas is not made up for.
    """
    errors._require(
        core.is_contract
        and oracle.is_contract
        and vault.is_contract
        and owner != empty(address)
        and reward_window <= 86400
        and gas_feed < 1024,
        errors.OUT_OF_BOUNDS,
    )
    buckets.__init__(bucket_size, bucket_window)
    auctions.__init__(t2)
    CORE = IClearingHouse(core)
    ORACLE = IPriceOracle(oracle)
    VAULT = ILiquidityVault(vault)
    OWNER = owner
    REWARD_WINDOW = reward_window
    GAS_FEED = gas_feed
    BACKSTOP = (convert(core, uint256) << 96) | (3 << 32)


# Slices


@external
def liquidate(accounts: DynArray[uint256, 16], instruments: DynArray[uint256, 16], keeper_account: uint256) -> uint256:
    errors._require(len(accounts) == len(instruments) and len(accounts) != 0, errors.OUT_OF_BOUNDS)
    outcome: Outcome = empty(Outcome)
    outcome.reason = errors.NOT_LIQUIDATABLE
    market: slices.Market = empty(slices.Market)
    batch: Batch = empty(Batch)
    last: uint256 = 0  # account of the batch
    for i: uint256 in range(len(accounts), bound=16):
        account: uint256 = accounts[i]
        instrument: uint256 = instruments[i]
        taken: uint256 = len(batch.notes)
        if taken != 0 and (taken == MOST or instrument != market.instrument or account <= last):
            outcome = self._clear_batch(batch, market, keeper_account, outcome)
            batch = empty(Batch)
            market.room = self._room(market)
            if outcome.refused:
                # the skew in memory is that of slices that were not cleared so
                outcome.refused = False
                market = empty(slices.Market)
        if instrument != market.instrument:
            market = self._market(instrument)
        slice_: slices.Slice = self._slice(account, market)
        if slice_.size == 0:
            outcome.reason = slice_.reason
            self._skip(account, instrument, slice_.reason)
            continue
        batch.fills.append(self._fill(account, instrument, slice_))
        batch.notes.append(self._note(slice_))
        market.skew += slice_.size
        market.room = max(0, market.room - abs(slice_.size))
        last = account
    if len(batch.notes) != 0:
        outcome = self._clear_batch(batch, market, keeper_account, outcome)
    errors._require(outcome.done != 0, outcome.reason)
    if outcome.short:
        self._absorb()
    return outcome.done


@external
def book(account: uint256):
    extcall CORE.book_deficit(account, COLLATERAL)
    self._absorb()


# Auctions


@external
def open_auction(account: uint256, instrument: uint256) -> uint256:
    errors._require(not auctions._runs(auctions.words[account]), errors.AUCTION_RUNS)
    equity: int256 = 0
    maintenance: int256 = 0
    gross: int256 = 0
    equity, maintenance, gross = self._health(account)
    errors._require(equity < maintenance, errors.NOT_LIQUIDATABLE)
    if equity >= 0 and not self._is_hedged(account, instrument >> 6):
        slice_: slices.Slice = self._slice(account, self._market(instrument))
        errors._require(slice_.size == 0, errors.SLICES_SUFFICE)
        errors._require(slice_.reason != errors.NOT_LIQUIDATABLE, slice_.reason)
    discount: uint256 = self._first_discount(account)
    auctions._open(account, discount)
    log ILiquidator.AuctionOpened(account=account, discount=discount, opened=block.timestamp)
    return discount


@external
def bid(
    account: uint256, bidder: uint256, most: uint256, least_discount: uint256, deadline: uint256, first: uint256
) -> (uint256, uint256):
    errors._require(block.timestamp <= deadline, errors.TOO_LATE)
    errors._require(staticcall CORE.may(bidder, msg.sender, TRADE), errors.NOT_PERMITTED)
    word: uint256 = auctions.words[account]
    errors._require(auctions._runs(word), errors.NO_AUCTION)
    lot: Lot = self._lot(account, first, self._end(staticcall CORE.account_word(account), first))
    reach: int256 = lot.limit
    if lot.equity < 0 and self.fund != empty(address):
        reach += FUND_EXTRA
    total: int256 = convert(auctions._discount(word, convert(reach, uint256)), int256)
    discount: int256 = min(total, lot.limit)
    fraction: int256 = 0
    restores: bool = False
    cost: int256 = rounding._mul_div_up(lot.notional, discount, PPM)
    fraction, restores = self._fraction(lot, cost, most)

    fills: DynArray[IClearingHouse.Fill, 8] = []
    closed: int256 = 0
    whole: bool = lot.all
    for leg: Leg in lot.legs:
        size: int256 = self._part(leg, fraction)
        whole = whole and size == -leg.size
        if size == 0:
            continue
        closed += rounding._mul_div_down(abs(size), leg.mark, WAD)
        # rounded toward the mark, so that the sum keeps within what the core allows
        cut: int256 = rounding._mul_div_down(leg.mark, discount, PPM)
        fills.append(
            IClearingHouse.Fill(
                taker=account,
                maker=bidder,
                instrument=leg.instrument,
                size=size,
                price=convert(leg.mark - cut if size < 0 else leg.mark + cut, uint256),
                fee=0,
                slot=0,
            )
        )
    errors._require(closed >= lot.least or whole, errors.BELOW_MINIMUM)
    if whole or (restores and lot.all):
        auctions._note(account, False, True)
    extcall CORE.clear(fills)

    paid: uint256 = 0
    if total > discount:
        owed: int256 = min(-lot.equity, rounding._mul_div_down(closed, total - discount, PPM))
        paid = extcall Fund(self.fund).pay_bidder(bidder, convert(owed, uint256))
    errors._require(
        convert(closed * discount, uint256) + paid * 10**6 >= convert(closed, uint256) * least_discount,
        errors.LIMIT_BROKEN,
    )
    if whole and self._books(account):
        self._absorb()
    log ILiquidator.Sold(
        account=account,
        bidder=bidder,
        fraction=convert(fraction, uint256),
        closed=convert(closed, uint256),
        discount=convert(discount, uint256),
        paid=paid,
    )
    return convert(closed, uint256), paid


@external
def end_auction(account: uint256):
    errors._require(auctions._opened(auctions.words[account]) != 0, errors.NO_AUCTION)
    equity: int256 = 0
    maintenance: int256 = 0
    gross: int256 = 0
    equity, maintenance, gross = self._health(account)
    # its time must not run on while nobody may bid: at the next fall it would begin at its dearest
    errors._require(equity >= maintenance, errors.AUCTION_RUNS)
    auctions._note(account, False, True)
    log ILiquidator.AuctionEnded(account=account)


@external
def takeover(account: uint256, instrument: uint256, keeper_account: uint256) -> uint256:
    return self._resolve(account, instrument, keeper_account, False)


@external
def deleverage(account: uint256, instrument: uint256, keeper_account: uint256) -> uint256:
    return self._resolve(account, instrument, keeper_account, True)


# Governance


@external
def set_bucket(instrument: uint256, size: uint256, window: uint256):
    errors._require(msg.sender == OWNER, errors.NOT_OWNER)
    errors._require(staticcall CORE.risk_word(instrument) != 0, errors.NOT_LISTED)
    buckets._set(instrument, size, window)
    log ILiquidator.BucketSet(instrument=instrument, size=size, window=window)


@external
def set_fund(fund: address):
    errors._require(msg.sender == OWNER, errors.NOT_OWNER)
    errors._require(self.fund == empty(address), errors.ALREADY_SET)
    errors._require(fund.is_contract, errors.OUT_OF_BOUNDS)
    self.fund = fund
    log ILiquidator.FundSet(fund=fund)


# Views


@view
@external
def slice_of(account: uint256, instrument: uint256) -> (int256, uint256, uint256, uint256):
    slice_: slices.Slice = self._slice(account, self._market(instrument))
    return (
        slice_.size,
        convert(slice_.price, uint256),
        convert(slice_.penalty, uint256),
        convert(slice_.reward, uint256),
    )


@view
@external
def auction_of(account: uint256) -> (uint256, uint256, uint256, uint256):
    word: uint256 = auctions.words[account]
    if not auctions._runs(word):
        return 0, 0, 0, 0
    lot: Lot = self._lot(account, 0, self._end(staticcall CORE.account_word(account), 0))
    fraction: int256 = 0
    restores: bool = False
    discount: uint256 = auctions._discount(word, convert(lot.limit, uint256))
    cost: int256 = rounding._mul_div_up(lot.notional, convert(discount, int256), PPM)
    fraction, restores = self._fraction(lot, cost, max_value(uint256))
    return auctions._opened(word), discount, convert(lot.limit, uint256), convert(fraction, uint256)


@view
@external
@reentrant
def bucket(instrument: uint256) -> (uint256, uint256):
    available: int256 = 0
    size: int256 = 0
    available, size = buckets._room(instrument, terms._skew_scale(staticcall CORE.risk_word(instrument)))
    return convert(available, uint256), convert(size, uint256)


@view
@external
@reentrant
def liquidated(instrument: uint256) -> uint256:
    return buckets.words[instrument] >> 144


@view
@external
@reentrant
def bucket_word(instrument: uint256) -> uint256:
    return buckets.words[instrument]


@view
@external
@reentrant
def state_word(account: uint256) -> uint256:
    return auctions.words[account]


@view
@external
def T2() -> uint256:
    return auctions.T2


# Clearing


@view
@internal
def _fill(account: uint256, instrument: uint256, slice_: slices.Slice) -> IClearingHouse.Fill:
    return IClearingHouse.Fill(
        taker=account,
        maker=self._pool(instrument),
        instrument=instrument,
        size=slice_.size,
        price=convert(slice_.price, uint256),
        fee=convert(slice_.penalty, uint256),
        slot=0,
    )


@pure
@internal
def _note(slice_: slices.Slice) -> uint256:
    return (
        (convert(slice_.reward, uint256) << 2)
        | (convert(slice_.restores, uint256) << 1)
        | convert(slice_.whole, uint256)
    )


@internal
def _clear_batch(batch: Batch, market: slices.Market, keeper_account: uint256, before: Outcome) -> Outcome:
    """
    @return The outcome so far with the batch in it.
    """
    outcome: Outcome = before
    instrument: uint256 = market.instrument
    reason: uint256 = self._clear(batch, keeper_account)
    if reason == 0:
        self._draw(batch, market)
        outcome.done += len(batch.notes)
        outcome.short = self._settle(batch) or outcome.short
        return outcome
    outcome.refused = True
    if len(batch.notes) == 1:
        self._skip(batch.fills[0].taker, instrument, reason)
        outcome.reason = reason
        return outcome
    for fill: IClearingHouse.Fill in batch.fills:
        now: slices.Market = self._market(instrument)
        slice_: slices.Slice = self._slice(fill.taker, now)
        reason = slice_.reason
        alone: Batch = empty(Batch)
        if slice_.size != 0:
            alone.fills.append(self._fill(fill.taker, instrument, slice_))
            alone.notes.append(self._note(slice_))
            reason = self._clear(alone, keeper_account)
        if reason == 0:
            self._draw(alone, now)
            outcome.done += 1
            outcome.short = self._settle(alone) or outcome.short
        else:
            self._skip(fill.taker, instrument, reason)
            outcome.reason = reason
    return outcome


@internal
def _clear(batch: Batch, keeper_account: uint256) -> uint256:
    """
    @return Zero when cleared, else the core's reason.
    """
    fills: DynArray[IClearingHouse.Fill, 8] = batch.fills
    reward: uint256 = 0
    for note: uint256 in batch.notes:
        reward += note >> 2
    if reward != 0:
        fills.append(self._payment(fills[0].instrument, keeper_account, reward))
    success: bool = False
    response: Bytes[4] = b""
    success, response = raw_call(
        CORE.address,
        abi_encode(fills, method_id=method_id("clear((uint256,uint256,uint256,int256,uint256,uint256,uint256)[])")),
        max_outsize=4,
        revert_on_failure=False,
    )
    if success:
        return 0
    # no selector: the call ran out of gas, which must not pass for a verdict
    errors._require(len(response) == 4, errors.OUT_OF_GAS)
    return convert(response, uint256)


@view
@internal
def _payment(instrument: uint256, keeper_account: uint256, reward: uint256) -> IClearingHouse.Fill:
    return IClearingHouse.Fill(
        taker=self._pool(instrument), maker=keeper_account, instrument=0, size=0, price=0, fee=reward, slot=0
    )


@internal
def _draw(batch: Batch, market: slices.Market):
    units: int256 = 0
    for fill: IClearingHouse.Fill in batch.fills:
        units += abs(fill.size)
    notional: int256 = rounding._mul_div_down(units, market.mark, WAD)
    buckets._draw(market.instrument, units, notional, terms._skew_scale(market.risk))


@internal
def _settle(batch: Batch) -> bool:
    """
    @notice What a cleared batch leaves to do. @return Whether a deficit was booked.
    """
    short: bool = False
    for i: uint256 in range(len(batch.notes), bound=MOST):
        fill: IClearingHouse.Fill = batch.fills[i]
        note: uint256 = batch.notes[i]
        gone: bool = note & 1 != 0 and staticcall CORE.account_word(fill.taker) >> 16 == 0
        if auctions._note(fill.taker, note >> 2 != 0, note & 2 != 0 or gone):
            log ILiquidator.AuctionEnded(account=fill.taker)
        log ILiquidator.Sliced(
            account=fill.taker,
            instrument=fill.instrument,
            size=fill.size,
            price=fill.price,
            penalty=fill.fee,
            reward=note >> 2,
            whole=note & 1 != 0,
        )
        if gone and self._books(fill.taker):
            short = True
    return short


@internal
def _books(account: uint256) -> bool:
    """
    @notice Books what an account without positions lacks. @return Whether it lacked anything.
    """
    if cash_word._cash(staticcall CORE.cash_word(account, COLLATERAL)) >= 0:
        return False
    extcall CORE.book_deficit(account, COLLATERAL)
    return True


@internal
def _absorb():
    """
    @notice After insurance, which paid when the deficit was booked: the fund, then the vault, then the books.
    """
    if self.fund != empty(address):
        extcall Fund(self.fund).cover(COLLATERAL)
    extcall VAULT.absorb()


@internal
def _skip(account: uint256, instrument: uint256, reason: uint256):
    log ILiquidator.Skipped(account=account, instrument=instrument, reason=errors._selector(reason))


@view
@internal
def _pool(instrument: uint256) -> uint256:
    return (convert(VAULT.address, uint256) << 96) | (1 << 64) | (instrument >> 6)


# What is taken


@view
@internal
def _market(instrument: uint256) -> slices.Market:
    mark: uint256 = 0
    fresh: bool = False
    mark, fresh = staticcall ORACLE.latest(instrument >> 6)
    risk: uint256 = staticcall CORE.risk_word(instrument)
    trade: uint256 = staticcall CORE.trade_word(instrument)
    quote_word: uint256 = staticcall VAULT.quote_word(instrument)
    market: slices.Market = slices.Market(
        instrument=instrument,
        mark=convert(mark, int256),
        skew=market_words._skew(staticcall CORE.interest_word(instrument)),
        room=0,
        risk=risk,
        limits=staticcall CORE.limits_word(instrument),
        trade=trade,
        max_premium=quotes._max_premium(quote_word),
        half_spread=quotes._half_spread(quote_word, staticcall ORACLE.volatility(instrument >> 6)),
    )
    market.room = self._room(market)
    return market


@view
@internal
def _room(market: slices.Market) -> int256:
    """
    @return What the bucket leaves now; a full one holds at least one slice.
    """
    if market.risk == 0:
        return 0
    room: int256 = 0
    size: int256 = 0
    room, size = buckets._room(market.instrument, terms._skew_scale(market.risk))
    if room == size:
        room = max(room, rounding._mul_div_up(terms._minimum_notional(market.trade), WAD, market.mark))
    return room


@view
@internal
def _health(account: uint256) -> (int256, int256, int256):
    equity: int256 = 0
    initial: int256 = 0
    maintenance: int256 = 0
    gross: int256 = 0
    equity, initial, maintenance, gross = staticcall CORE.health(account)
    return equity, maintenance, gross


@view
@internal
def _held(account: uint256, instrument: uint256) -> int256:
    return staticcall CORE.size_of(account, instrument)


@view
@internal
def _slice(account: uint256, market: slices.Market) -> slices.Slice:
    held: int256 = self._held(account, market.instrument)
    if held == 0:
        return slices._nothing(errors.NOT_LIQUIDATABLE)
    equity: int256 = 0
    maintenance: int256 = 0
    gross: int256 = 0
    equity, maintenance, gross = self._health(account)
    if equity >= maintenance:
        return slices._nothing(errors.NOT_LIQUIDATABLE)
    if terms._brake(market.risk) > brakes.SLICE:
        return slices._nothing(errors.PAUSED)
    slice_: slices.Slice = slices._of(held, equity, maintenance, gross, market)
    if slice_.size != 0:
        slice_.reward = self._reward(account, market.limits, slice_.reward)
    return slice_


@view
@internal
def _reward(account: uint256, limits: uint256, most: int256) -> int256:
    """
    @param most What the slice earns it before gas and cap.
    @return The keeper's: once per account and window; at least the gas, as far as the cap goes.
    """
    if auctions._is_rewarded(account, REWARD_WINDOW):
        return 0
    cap: int256 = terms._keeper_reward(limits)
    if GAS_FEED == 0 or most >= cap:
        return min(cap, most)
    price: uint256 = 0
    fresh: bool = False
    price, fresh = staticcall ORACLE.latest(GAS_FEED)
    gas: uint256 = GAS_OF_SLICE * min(block.basefee, MOST_GAS_PRICE) * price // 10**18
    return min(cap, max(most, convert(gas, int256)))


@view
@internal
def _vault_takes(market: slices.Market, size: int256) -> bool:
    """
    @return Whether the vault can take a fill of this size: its position stays within the hard cap and it covers its
            stress, or the fill makes its position smaller.
    """
    after: int256 = abs(market.skew + size)
    if after <= abs(market.skew):
        return True
    interest: uint256 = staticcall CORE.interest_word(market.instrument)
    return (
        after <= market_words._scaled_down(interest, terms._hard_cap(market.trade))
        and (staticcall VAULT.covers_stress())[0]
    )


@view
@internal
def _relief(market: slices.Market, held: int256, size: int256) -> int256:
    """
    @return What of a fill makes the vault's position smaller; all of it where less than the minimum would be left. Both
            sides are then alike, so the other side has the rest.
    """
    if (market.skew > 0) == (size > 0) or market.skew == 0:
        return 0
    taken: int256 = min(abs(size), abs(market.skew))
    if (abs(held) - taken) * market.mark < terms._minimum_notional(market.trade) * WAD:
        return size
    return taken if size > 0 else -taken


# What an auction is held over


@view
@internal
def _is_hedged(account: uint256, underlying: uint256) -> bool:
    """
    @return Whether it is long and short at once: closing one of both may help nobody.
    """
    ids: uint256 = staticcall CORE.account_word(account)
    sides: uint256 = 0
    for place: uint256 in range(15):
        instrument: uint256 = account_word._instrument(ids, place)
        if instrument == 0:
            break
        if instrument >> 6 == underlying:
            sides |= 1 if self._held(account, instrument) > 0 else 2
    return sides == 3


@view
@internal
def _first_discount(account: uint256) -> uint256:
    """
    @return What closing all of it against the vault would cost, ppm of notional, rounded up.
    """
    ids: uint256 = staticcall CORE.account_word(account)
    cost: int256 = 0
    notional: int256 = 0
    for place: uint256 in range(15):
        instrument: uint256 = account_word._instrument(ids, place)
        if instrument == 0:
            break
        market: slices.Market = self._market(instrument)
        errors._require(terms._brake(market.risk) <= brakes.AUCTION, errors.PAUSED)
        held: int256 = self._held(account, instrument)
        cost += slices._cost_up(-held, slices._quote(market, -held), market.mark)
        notional += rounding._mul_div_up(abs(held), market.mark, WAD)
    return convert(min(max(0, rounding._mul_div_up(cost, PPM, notional)), PPM), uint256)


@view
@internal
def _lot(account: uint256, first: uint256, end: uint256) -> Lot:
    """
    @param first Place of the first leg. @param end Behind the last.
    """
    lot: Lot = empty(Lot)
    lot.equity, lot.maintenance, lot.notional = self._health(account)
    errors._require(lot.equity < lot.maintenance, errors.NOT_LIQUIDATABLE)
    ids: uint256 = staticcall CORE.account_word(account)
    lot.all = first == 0 and account_word._instrument(ids, end) == 0
    # who can pay for itself never ends below zero for a bidder's sake
    most: int256 = lot.maintenance if lot.equity < 0 else lot.equity
    lot.limit = rounding._mul_div_down(most, PPM, lot.notional)
    for i: uint256 in range(MOST_LEGS):
        place: uint256 = first + i
        if place >= end:
            break
        instrument: uint256 = account_word._instrument(ids, place)
        mark: uint256 = 0
        fresh: bool = False
        mark, fresh = staticcall ORACLE.latest(instrument >> 6)
        trade: uint256 = staticcall CORE.trade_word(instrument)
        limits: uint256 = staticcall CORE.limits_word(instrument)
        errors._require(terms._brake(staticcall CORE.risk_word(instrument)) <= brakes.AUCTION, errors.PAUSED)
        lot.legs.append(
            Leg(
                instrument=instrument,
                size=self._held(account, instrument),
                mark=convert(mark, int256),
                least=terms._minimum_notional(trade),
            )
        )
        lot.buffer = max(lot.buffer, terms._buffer(limits))
        lot.least = max(lot.least, terms._minimum_notional(trade))
        lot.limit = min(lot.limit, min(terms._max_cost(limits), terms._band(trade)))
    # a millionth below what the core refuses, so that no rounding gets there
    lot.limit = max(0, lot.limit - 1)
    return lot


@pure
@internal
def _end(ids: uint256, first: uint256) -> uint256:
    """
    @param first 0 unless the account holds more than eight positions, then where an underlying begins.
    @return Behind the last leg of a lot: as many whole underlyings as eight legs hold.
    """
    held: uint256 = 0
    for place: uint256 in range(15):
        if account_word._instrument(ids, place) == 0:
            break
        held += 1
    if held <= MOST_LEGS:
        errors._require(first == 0, errors.OUT_OF_BOUNDS)
        return held
    errors._require(
        first < held
        and (first == 0 or account_word._instrument(ids, first) >> 6 != account_word._instrument(ids, first - 1) >> 6),
        errors.OUT_OF_BOUNDS,
    )
    end: uint256 = min(held, first + MOST_LEGS)
    whole: uint256 = end
    for i: uint256 in range(MOST_LEGS):
        if whole == first:
            # more than eight of one underlying: the first eight
            return end
        if account_word._instrument(ids, whole) >> 6 != account_word._instrument(ids, whole - 1) >> 6:
            break
        whole -= 1
    return end if whole == first else whole


@pure
@internal
def _fraction(lot: Lot, cost: int256, most: uint256) -> (int256, bool):
    """
    @param cost Of closing all of it. @param most Notional to be taken at most.
    @return Fraction of each position, 1e-18; whether it restores maintenance and buffer.
    """
    target: int256 = rounding._mul_div_up(lot.maintenance, PPM + lot.buffer, PPM)
    missing: int256 = target - lot.equity
    relief: int256 = target - cost
    needed: int256 = WAD
    if relief > missing:
        needed = rounding._mul_div_up(WAD, missing, relief)
        needed = min(WAD, max(needed, rounding._mul_div_up(lot.least, WAD, lot.notional)))
    bound: int256 = rounding._mul_div_down(convert(min(most, 2**120), int256), WAD, lot.notional)
    if bound < needed:
        return bound, False
    return needed, True


@pure
@internal
def _part(leg: Leg, fraction: int256) -> int256:
    """
    @return Change of the position: its fraction, cut; all of it where less than the minimum would be left.
    """
    held: int256 = abs(leg.size)
    part: int256 = rounding._mul_div_down(held, fraction, WAD)
    if rounding._mul_div_down(held - part, leg.mark, WAD) < leg.least:
        part = held
    return -part if leg.size > 0 else part


# What follows an auction that failed


@view
@internal
def _legs_of(account: uint256, instrument: uint256) -> Lot:
    """
    @return The account's positions of an instrument's underlying, at most seven: hedges are closed together.
    """
    ids: uint256 = staticcall CORE.account_word(account)
    first: uint256 = 15
    end: uint256 = 0
    for place: uint256 in range(15):
        held: uint256 = account_word._instrument(ids, place)
        if held != 0 and held >> 6 == instrument >> 6:
            first = min(first, place)
            end = place + 1
    errors._require(end != 0, errors.NOT_LIQUIDATABLE)
    return self._lot(account, first, min(end, first + MOST))


@internal
def _resolve(account: uint256, instrument: uint256, keeper_account: uint256, shared: bool) -> uint256:
    """
    @param shared What the vault cannot take goes to the other side's positions, at mark.
    @return Notional closed.
    """
    errors._require(auctions._has_failed(auctions.words[account]), errors.NO_AUCTION)
    lot: Lot = self._legs_of(account, instrument)
    cost: int256 = 0
    if not shared:
        for leg: Leg in lot.legs:
            market: slices.Market = self._market(leg.instrument)
            cost += slices._cost_up(-leg.size, slices._quote(market, -leg.size), leg.mark)
    fraction: int256 = 0
    restores: bool = False
    fraction, restores = self._fraction(lot, cost, max_value(uint256))

    fills: DynArray[IClearingHouse.Fill, 8] = []
    closed: int256 = 0
    earned: int256 = 0
    penalty: int256 = 0
    cost = 0
    others: bool = False
    limits: uint256 = 0
    for leg: Leg in lot.legs:
        size: int256 = self._part(leg, fraction)
        if size == 0:
            continue
        market: slices.Market = self._market(leg.instrument)
        limits = market.limits
        taken: int256 = size
        if not self._vault_takes(market, size):
            errors._require(shared, errors.VAULT_FULL)
            taken = self._relief(market, leg.size, size)
        notional: int256 = rounding._mul_div_down(abs(size), leg.mark, WAD)
        closed += notional
        earned += slices._least_reward(notional, limits)
        penalty += rounding._mul_div_down(notional, terms._penalty(limits), PPM)
        fill: IClearingHouse.Fill = IClearingHouse.Fill(
            taker=account,
            maker=self._pool(leg.instrument),
            instrument=leg.instrument,
            size=taken,
            price=convert(leg.mark, uint256),
            fee=0,
            slot=0,
        )
        if taken != 0:
            quote: int256 = slices._quote(market, taken)
            fill.price = convert(quote, uint256)
            cost += slices._cost_up(taken, quote, leg.mark) + slices.SLACK
            buckets._count(leg.instrument, rounding._mul_div_down(abs(taken), leg.mark, WAD))
            log ILiquidator.TakenOver(account=account, instrument=leg.instrument, size=taken)
            fills.append(fill)
        if taken != size:
            others = True
            fill.maker = BACKSTOP
            fill.size = size - taken
            fill.price = convert(leg.mark, uint256)
            log ILiquidator.Deleveraged(account=account, instrument=leg.instrument, size=fill.size)
            fills.append(fill)
    errors._require(not shared or others, errors.VAULT_TAKES)
    errors._require(len(fills) != 0, errors.BELOW_MINIMUM)
    if not shared and lot.equity > 0:
        # as a slice's, of all legs together
        penalty = max(0, min(penalty, rounding._mul_div_down(lot.equity, closed, lot.notional) - cost))
        fills[0].fee = convert(penalty, uint256)
        earned = max(earned, penalty)
    reward: int256 = self._reward(account, limits, earned)
    auctions._note(account, reward != 0, restores and lot.all)
    if reward != 0:
        fills.append(self._payment(instrument, keeper_account, convert(reward, uint256)))
    extcall CORE.clear(fills)
    if staticcall CORE.account_word(account) >> 16 == 0 and self._books(account):
        self._absorb()
    return convert(closed, uint256)
