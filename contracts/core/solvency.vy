# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Solvency
@license AGPL-3.0-only
@notice Judges the state an account ends in. Glossary:

        E, E'   equity before and after the call: cash + sum of size * mark - due, rounded down
        M, M'   maintenance requirement before and after (libraries/margin.vy), rounded up
        N, N'   gross notional
        paid    sum of (price - reference) * signed size + fees
        closed  sum over instruments of what |size| fell by, at mark

        Trading:     E' >= initial requirement at fresh prices, or all of
                     M' < M, or M' <= M and E' > E
                     paid <= max cost * closed
                     E <= 0 and nothing paid but the trade, or E' >= 0 and E' * M >= E * M'
        Liquidation: E < M, M' - E' < M - E, paid less fees <= max cost * closed,
                     fees = 0, or fees <= penalty * closed and E > 0 and E' * N >= E * N'

        Ratios are compared by cross-multiplication: equity may be negative. Both states are valued at the price in
        force, and both after accrual, so nothing but the call itself lies between them.
"""

from ..interfaces import IClearingHouse
from ..libraries import account_word
from ..libraries import cash_word
from ..libraries import errors
from ..libraries import margin
from ..libraries import market_words
from ..libraries import rounding
from ..libraries import terms
from . import accounts
from . import carry
from . import instruments
from . import ledger

uses: accounts
uses: carry
uses: instruments
uses: ledger

COLLATERAL: constant(uint256) = 0
WAD: constant(int256) = 10**18
PPM: constant(int256) = 10**6


struct State:
    equity: int256
    initial: int256
    maintenance: int256
    notional: int256
    fresh: bool
    max_cost: int256  # only of the state before: max cost * closed
    max_penalty: int256  # and penalty * closed


@internal
@view
def _state(
    account: uint256,
    word: uint256,
    before: bool,
    out: int256,
    fills: DynArray[IClearingHouse.Fill, 8],
) -> State:
    """
    @param word The account's word in the state asked for.
    @param before Whether to take the call's fills back out. @param out Collateral to put back with them.
    """
    state: State = empty(State)
    state.fresh = True
    cash: int256 = unsafe_add(cash_word._cash(ledger.cash[account][COLLATERAL]), out)
    # of the underlying at hand: sum of size * mark, and the risk word with its shocks
    underlying: uint256 = 0
    net: int256 = 0
    shocks: uint256 = 0
    worth: int256 = 0
    # one turn beyond the last place closes the last underlying
    for place: uint256 in range(16):
        instrument: uint256 = account_word._instrument(word, place)
        if instrument >> 6 != underlying:
            if underlying != 0:
                state.initial = unsafe_add(state.initial, margin._shock_up(net, terms._initial_shock(shocks)))
                state.maintenance = unsafe_add(
                    state.maintenance, margin._shock_up(net, terms._maintenance_shock(shocks))
                )
                worth = unsafe_add(worth, net)
                net = 0
            underlying = instrument >> 6
        if instrument == 0:
            break
        risk: uint256 = instruments.risk[instrument]
        mark: int256 = 0
        fresh: bool = False
        mark, fresh = instruments._mark(instrument, 0)
        state.fresh = state.fresh and fresh
        indices: uint256 = 0
        interest: uint256 = 0
        indices, interest = carry._accrued(instrument, risk, mark)
        size: int256 = 0
        due: int256 = 0
        size, due = carry._standing(instrument, risk, ledger.positions[account][instrument], indices)
        cash = unsafe_sub(cash, due)

        # what the call moved: of this account, and of the skew
        moved: int256 = 0
        skewed: int256 = 0
        for fill: IClearingHouse.Fill in fills:
            if fill.instrument == instrument:
                if fill.taker == account:
                    moved = unsafe_add(moved, fill.size)
                elif fill.maker == account:
                    moved = unsafe_sub(moved, fill.size)
                if ledger._names_pool(fill.maker):
                    skewed = unsafe_add(skewed, fill.size)
        grown: int256 = unsafe_sub(rounding._abs(size), rounding._abs(unsafe_sub(size, moved)))
        if before:
            size = unsafe_sub(size, moved)
            if grown < 0:
                closed: int256 = unsafe_mul(unsafe_sub(0, grown), mark)
                limits: uint256 = instruments.limits[instrument]
                state.max_cost = unsafe_add(
                    state.max_cost, rounding._mul_div_down(closed, terms._max_cost(limits), WAD * PPM)
                )
                state.max_penalty = unsafe_add(
                    state.max_penalty, rounding._mul_div_down(closed, terms._penalty(limits), WAD * PPM)
                )
        magnitude: int256 = rounding._abs(size)
        notional: int256 = rounding._mul_div_up(magnitude, mark, WAD)
        contingency: int256 = margin._contingency_up(magnitude, notional, risk)
        state.notional = unsafe_add(state.notional, notional)
        state.maintenance = unsafe_add(state.maintenance, contingency)
        state.initial = unsafe_add(state.initial, contingency)
        if grown > 0 and not before:
            skew: int256 = market_words._skew(interest)
            crowd: int256 = rounding._abs(skew)
            if crowd > rounding._abs(unsafe_sub(skew, skewed)):
                state.initial = unsafe_add(
                    state.initial,
                    margin._crowding_up(
                        notional, crowd, market_words._side(interest, size), instruments.trade[instrument]
                    ),
                )
        net = unsafe_add(net, unsafe_mul(size, mark))
        shocks = risk
    state.equity = unsafe_add(cash, rounding._div_down(worth, WAD))
    return state


@internal
@pure
def _cost_up(fill: IClearingHouse.Fill) -> int256:
    """
    @return Cash the taker pays for the fill without its fee, toward plus infinity.
    """
    return rounding._mul_div_up(fill.size, convert(convert(fill.price, bytes32), int256), WAD)


@internal
@pure
def _no_worse(equity_after: int256, base_before: int256, equity_before: int256, base_after: int256) -> bool:
    """
    @return Whether equity over base did not fall, base being notional or maintenance.
    """
    return equity_after * base_before >= equity_before * base_after


@internal
def _judge(
    account: uint256,
    liquidated: bool,
    fills: DynArray[IClearingHouse.Fill, 8],
):
    """
    @notice The account's verdict after the last fill; then its principal is held to its net.
    """
    after: State = self._state(account, accounts.words[account], False, 0, fills)
    if liquidated or after.equity < after.initial or not after.fresh:
        # what it takes to see the account before the call, and what the call charged it
        word: uint256 = accounts.words[account]  # with every instrument of its fills in it
        out: int256 = 0  # collateral that left it, funding aside
        worse: int256 = 0  # paid above the references, fees included, 1e-36
        fees: int256 = 0  # of that the payments, with the penalty if it was liquidated
        for fill: IClearingHouse.Fill in fills:
            taken: bool = fill.taker == account
            if taken or fill.maker == account:
                fee: int256 = convert(convert(fill.fee, bytes32), int256)
                cost: int256 = unsafe_add(self._cost_up(fill), fee)
                against: int256 = 0
                if fill.instrument != 0:
                    word = account_word._insert(account_word._remove(word, fill.instrument), fill.instrument)
                    against = unsafe_mul(
                        unsafe_sub(
                            convert(convert(fill.price, bytes32), int256),
                            instruments._mark(fill.instrument, fill.slot)[0],
                        ),
                        fill.size,
                    )
                if taken:
                    out = unsafe_add(out, cost)
                    worse = unsafe_add(worse, unsafe_add(against, unsafe_mul(fee, WAD)))
                    if liquidated or fill.instrument == 0:
                        fees = unsafe_add(fees, fee)
                else:
                    out = unsafe_sub(out, cost)
                    worse = unsafe_sub(worse, against)
        paid: int256 = rounding._div_up(worse, WAD)
        before: State = self._state(account, word, True, out, fills)
        if liquidated:
            errors._require(before.equity < before.maintenance, errors.NOT_LIQUIDATABLE)
            errors._require(
                unsafe_sub(after.maintenance, after.equity) < unsafe_sub(before.maintenance, before.equity)
                and unsafe_sub(paid, fees) <= before.max_cost
                and (
                    fees == 0
                    or (
                        fees <= before.max_penalty
                        and before.equity > 0
                        and self._no_worse(after.equity, before.notional, before.equity, after.notional)
                    )
                ),
                errors.BAD_LIQUIDATION,
            )
        else:
            errors._require(
                (
                    after.maintenance < before.maintenance
                    or (after.maintenance == before.maintenance and after.equity > before.equity)
                )
                and paid <= before.max_cost
                and (
                    (before.equity <= 0 and fees == 0)
                    or (
                        after.equity >= 0
                        and self._no_worse(after.equity, before.maintenance, before.equity, after.maintenance)
                    )
                ),
                errors.INSUFFICIENT_MARGIN if after.equity < after.initial else errors.STALE_PRICE,
            )
    ledger._hold_principal(account, COLLATERAL, ledger.cash[account][COLLATERAL], after.equity)


@internal
@view
def _whole(account: uint256, asset: uint256) -> State:
    """
    @return The present state as one asset sees it: positions settle in the collateral only.
    """
    word: uint256 = ledger.cash[account][asset]
    if word & cash_word.HOLDS != 0:
        return self._state(account, accounts.words[account], False, 0, [])
    state: State = empty(State)
    state.fresh = True
    state.equity = cash_word._cash(word)
    return state


@internal
def _look(account: uint256, asset: uint256):
    """
    @notice Holds the principal to the present net: before cash comes in.
    """
    word: uint256 = ledger.cash[account][asset]
    # without positions the net is the cash
    net: int256 = cash_word._cash(word)
    if word & cash_word.HOLDS != 0:
        net = self._state(account, accounts.words[account], False, 0, []).equity
    ledger._hold_principal(account, asset, word, net)


@internal
def _require_initial(account: uint256, asset: uint256):
    """
    @notice After cash left an account outside a call to clear: net >= 0 and initial margin, at fresh prices.
    """
    state: State = self._whole(account, asset)
    ledger._hold_principal(account, asset, ledger.cash[account][asset], state.equity)
    errors._require(
        state.equity >= state.initial, errors.INSUFFICIENT_CASH if state.equity < 0 else errors.INSUFFICIENT_MARGIN
    )
    errors._require(state.fresh, errors.STALE_PRICE)
