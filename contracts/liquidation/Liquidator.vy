# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Liquidator
@license AGPL-3.0-only
@author Tidegate
@notice Slices of accounts below maintenance against the vault; see interfaces/ILiquidator.vyi. Glossary:

        E, M   equity and maintenance requirement of the account; N its gross notional
        b      buffer: how much more than maintenance a slice restores
        m      maintenance per notional of the leg, rounded down
        c      quote cost of the whole leg per notional, plus the penalty, rounded up
        n      notional closed

        A slice of notional n leaves E - c n and M - m n, so E' = M' (1 + b) at n = (M (1 + b) - E) / (m (1 + b) - c).
        A part of a leg is never dearer per notional than the whole, as the premium only rises along the way.

        Slices of one market side by side are one batch: the market's words are read once, the skew that the quote is a
        function of is kept in memory, and one call clears them, the keeper's payment last. An account stands in a batch
        once, so that what was reckoned of it holds until then. A batch that is refused is tried again slice by slice.
@custom:kill Governance takes its role as a venue; slices stop, and no account is closed against its will. Accounts can
        still reduce through the exchange. Only for a faulty liquidator, to be replaced in the same operation.
"""

from ..interfaces import IClearingHouse
from ..interfaces import ILiquidator
from ..interfaces import ILiquidityVault
from ..interfaces import IPriceOracle
from ..libraries import cash_word
from ..libraries import errors
from ..libraries import margin
from ..libraries import market_words
from ..libraries import position_word
from ..libraries import quote as quotes
from ..libraries import rounding
from ..libraries import terms

implements: ILiquidator

COLLATERAL: constant(uint256) = 0
WAD: constant(int256) = 10**18
PPM: constant(int256) = 10**6
MOST: constant(uint256) = 7  # slices of a batch: the core takes eight fills, one is the keeper's payment
# the least reward, so that an account with nothing left for a penalty is closed too: this part of the penalty rate.
# Below a round trip's fees, or it would pay to fail on purpose.
LEAST_REWARD_PART: constant(int256) = 10
# the core rounds notional up twice and dues once; the penalty leaves room for it
SLACK: constant(int256) = 4

CORE: immutable(address)
ORACLE: immutable(address)
VAULT: immutable(address)
REWARD_WINDOW: immutable(uint256)

last_reward: public(HashMap[uint256, uint256])


struct Market:
    instrument: uint256
    mark: int256  # the price in force
    skew: int256  # with the slices of the batch taken
    risk: uint256
    limits: uint256
    least: int256  # minimum notional
    max_premium: int256
    half_spread: int256


struct Slice:
    size: int256  # change of the account's position
    price: int256
    penalty: int256
    reward: int256
    whole: bool


# What is about to be cleared in one call: a fill for each slice, and of the same slice the rest
struct Batch:
    fills: DynArray[IClearingHouse.Fill, 8]
    rewards: DynArray[uint256, MOST]
    whole: DynArray[bool, MOST]


struct Outcome:
    done: uint256
    short: bool  # a deficit was booked
    reason: uint256  # the core's last refusal


@deploy
def __init__(core: address, oracle: address, vault: address, reward_window: uint256):
    errors._require(
        core.is_contract and oracle.is_contract and vault.is_contract and reward_window <= 86400, errors.OUT_OF_BOUNDS
    )
    CORE = core
    ORACLE = oracle
    VAULT = vault
    REWARD_WINDOW = reward_window


@external
def liquidate(accounts: DynArray[uint256, 16], instruments: DynArray[uint256, 16], keeper_account: uint256) -> uint256:
    errors._require(len(accounts) == len(instruments) and len(accounts) != 0, errors.OUT_OF_BOUNDS)
    outcome: Outcome = empty(Outcome)
    outcome.reason = errors.NOT_LIQUIDATABLE
    market: Market = empty(Market)
    batch: Batch = empty(Batch)
    last: uint256 = 0  # account of the batch
    for i: uint256 in range(len(accounts), bound=16):
        account: uint256 = accounts[i]
        instrument: uint256 = instruments[i]
        taken: uint256 = len(batch.rewards)
        if taken != 0 and (taken == MOST or instrument != market.instrument or account <= last):
            done: uint256 = outcome.done
            outcome = self._clear_batch(batch, market.instrument, keeper_account, outcome)
            batch = empty(Batch)
            if outcome.done != done + taken:
                # the skew in memory counts slices that were refused
                market = empty(Market)
        if instrument != market.instrument:
            market = self._market(instrument)
        slice_: Slice = self._slice(account, market)
        if slice_.size == 0:
            self._skip(account, instrument, errors.NOT_LIQUIDATABLE)
            continue
        batch = self._added(batch, account, instrument, slice_)
        market.skew += slice_.size
        last = account
    if len(batch.rewards) != 0:
        outcome = self._clear_batch(batch, market.instrument, keeper_account, outcome)
    errors._require(outcome.done != 0, outcome.reason)
    if outcome.short:
        extcall ILiquidityVault(VAULT).absorb()
    return outcome.done


@external
def book(account: uint256):
    extcall IClearingHouse(CORE).book_deficit(account, COLLATERAL)
    extcall ILiquidityVault(VAULT).absorb()


@view
@external
def slice_of(account: uint256, instrument: uint256) -> (int256, uint256, uint256, uint256):
    slice_: Slice = self._slice(account, self._market(instrument))
    return (
        slice_.size,
        convert(slice_.price, uint256),
        convert(slice_.penalty, uint256),
        convert(slice_.reward, uint256),
    )


# Clearing


@view
@internal
def _added(batch: Batch, account: uint256, instrument: uint256, slice_: Slice) -> Batch:
    longer: Batch = batch
    longer.fills.append(
        IClearingHouse.Fill(
            taker=account,
            maker=self._pool(instrument),
            instrument=instrument,
            size=slice_.size,
            price=convert(slice_.price, uint256),
            fee=convert(slice_.penalty, uint256),
            slot=0,
        )
    )
    longer.rewards.append(convert(slice_.reward, uint256))
    longer.whole.append(slice_.whole)
    return longer


@internal
def _clear_batch(batch: Batch, instrument: uint256, keeper_account: uint256, before: Outcome) -> Outcome:
    """
    @return The outcome so far with the batch in it.
    """
    outcome: Outcome = before
    reason: uint256 = self._clear(batch, instrument, keeper_account)
    if reason == 0:
        outcome.done += len(batch.rewards)
        outcome.short = self._settle(batch) or outcome.short
        return outcome
    if len(batch.rewards) == 1:
        self._skip(batch.fills[0].taker, instrument, reason)
        outcome.reason = reason
        return outcome
    for fill: IClearingHouse.Fill in batch.fills:
        slice_: Slice = self._slice(fill.taker, self._market(instrument))
        alone: Batch = self._added(empty(Batch), fill.taker, instrument, slice_)
        reason = self._clear(alone, instrument, keeper_account)
        if reason == 0:
            outcome.done += 1
            outcome.short = self._settle(alone) or outcome.short
        else:
            self._skip(fill.taker, instrument, reason)
            outcome.reason = reason
    return outcome


@internal
def _clear(batch: Batch, instrument: uint256, keeper_account: uint256) -> uint256:
    """
    @return Zero when cleared, else the core's reason.
    """
    fills: DynArray[IClearingHouse.Fill, 8] = batch.fills
    reward: uint256 = 0
    for part: uint256 in batch.rewards:
        reward += part
    if reward != 0:
        fills.append(
            IClearingHouse.Fill(
                taker=self._pool(instrument),
                maker=keeper_account,
                instrument=0,
                size=0,
                price=0,
                fee=reward,
                slot=0,
            )
        )
    success: bool = False
    response: Bytes[4] = b""
    success, response = raw_call(
        CORE,
        abi_encode(fills, method_id=method_id("clear((uint256,uint256,uint256,int256,uint256,uint256,uint256)[])")),
        max_outsize=4,
        revert_on_failure=False,
    )
    if success:
        return 0
    # no selector: the call ran out of gas, which must not pass for a verdict
    errors._require(len(response) == 4, errors.OUT_OF_GAS)
    return convert(response, uint256)


@internal
def _settle(batch: Batch) -> bool:
    """
    @notice What a cleared batch leaves to do. @return Whether a deficit was booked.
    """
    short: bool = False
    for i: uint256 in range(len(batch.rewards), bound=MOST):
        fill: IClearingHouse.Fill = batch.fills[i]
        if batch.rewards[i] != 0:
            self.last_reward[fill.taker] = block.timestamp
        log ILiquidator.Sliced(
            account=fill.taker,
            instrument=fill.instrument,
            size=fill.size,
            price=fill.price,
            penalty=fill.fee,
            reward=batch.rewards[i],
            whole=batch.whole[i],
        )
        if batch.whole[i] and self._lacks(fill.taker):
            extcall IClearingHouse(CORE).book_deficit(fill.taker, COLLATERAL)
            short = True
    return short


@internal
def _skip(account: uint256, instrument: uint256, reason: uint256):
    log ILiquidator.Skipped(account=account, instrument=instrument, reason=errors._selector(reason))


@view
@internal
def _lacks(account: uint256) -> bool:
    return (
        staticcall IClearingHouse(CORE).account_word(account) >> 16 == 0
        and cash_word._cash(staticcall IClearingHouse(CORE).cash_word(account, COLLATERAL)) < 0
    )


@view
@internal
def _pool(instrument: uint256) -> uint256:
    return (convert(VAULT, uint256) << 96) | (1 << 64) | (instrument >> 6)


# What a slice is


@view
@internal
def _market(instrument: uint256) -> Market:
    mark: uint256 = 0
    fresh: bool = False
    mark, fresh = staticcall IPriceOracle(ORACLE).latest(instrument >> 6)
    quote_word: uint256 = staticcall ILiquidityVault(VAULT).quote_word(instrument)
    return Market(
        instrument=instrument,
        mark=convert(mark, int256),
        skew=market_words._skew(staticcall IClearingHouse(CORE).interest_word(instrument)),
        risk=staticcall IClearingHouse(CORE).risk_word(instrument),
        limits=staticcall IClearingHouse(CORE).limits_word(instrument),
        least=terms._minimum_notional(staticcall IClearingHouse(CORE).trade_word(instrument)),
        max_premium=quotes._max_premium(quote_word),
        half_spread=quotes._half_spread(quote_word, staticcall IPriceOracle(ORACLE).volatility(instrument >> 6)),
    )


@pure
@internal
def _quote(market: Market, size: int256) -> int256:
    return quotes._price(
        size, market.skew, market.mark, terms._skew_scale(market.risk), market.max_premium, market.half_spread
    )


@view
@internal
def _slice(account: uint256, market: Market) -> Slice:
    """
    @return Of size zero when the account is healthy or holds nothing of the instrument.
    """
    held: int256 = position_word._size(staticcall IClearingHouse(CORE).position_word(account, market.instrument))
    if held == 0:
        return empty(Slice)
    equity: int256 = 0
    initial: int256 = 0
    maintenance: int256 = 0
    gross: int256 = 0
    equity, initial, maintenance, gross = staticcall IClearingHouse(CORE).health(account)
    if equity >= maintenance:
        return empty(Slice)
    price: int256 = market.mark
    risk: uint256 = market.risk
    limits: uint256 = market.limits
    least: int256 = market.least

    # the size that restores the buffer
    notional: int256 = rounding._mul_div_down(abs(held), price, WAD)
    buffer: int256 = PPM + terms._buffer(limits)
    whole_price: int256 = self._quote(market, -held)
    cost: int256 = self._cost_up(-held, whole_price, price)
    relief: int256 = (
        rounding._div_down(
            (
                rounding._mul_div_down(notional, terms._maintenance_shock(risk), PPM)
                + margin._contingency_up(abs(held), margin._notional_up(held, price), risk)
                - 1
            )
            * buffer,
            PPM,
        )
        - cost
        - rounding._mul_div_up(notional, terms._penalty(limits), PPM)
    )
    missing: int256 = rounding._mul_div_up(maintenance, buffer, PPM) - equity
    size: int256 = abs(held)
    if relief > missing:
        size = rounding._mul_div_up(abs(held), missing, relief)
        size = max(size, rounding._mul_div_up(least, WAD, price))
    slice_: Slice = empty(Slice)
    if size >= abs(held) or rounding._mul_div_down(abs(held) - size, price, WAD) < least:
        size = abs(held)
        slice_.whole = True
    slice_.size = -size if held > 0 else size
    slice_.price = whole_price if slice_.whole else self._quote(market, slice_.size)

    # min(penalty, E / N - quote cost), never negative; none without equity, even where the quote pays for closing
    closed: int256 = rounding._mul_div_down(size, price, WAD)
    most: int256 = rounding._mul_div_down(closed, terms._penalty(limits), PPM)
    cost = self._cost_up(slice_.size, slice_.price, price)
    if equity > 0:
        slice_.penalty = max(0, min(most, rounding._mul_div_down(equity, closed, gross) - cost - SLACK))
    if block.timestamp >= self.last_reward[account] + REWARD_WINDOW:
        slice_.reward = min(terms._keeper_reward(limits), max(slice_.penalty, most // LEAST_REWARD_PART))
    return slice_


@pure
@internal
def _cost_up(size: int256, price: int256, mark: int256) -> int256:
    """
    @return What a taker of this size pays above the mark; negative when the premium favours it.
    """
    return rounding._mul_div_up(size, price - mark, WAD)
