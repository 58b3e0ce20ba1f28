# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Lens of accounts
@license AGPL-3.0-only
@author Tidegate
@notice Views of accounts, see ILensAccounts. Every formula is a library's, the same that the contracts use.
@custom:kill Nothing to stop: it holds nothing, and no contract reads it.
"""

from ..interfaces import ILensAccounts
from ..interfaces import ILiquidator
from ..libraries import cash_word
from ..libraries import errors
from ..libraries import margin
from ..libraries import rounding
from . import standings

implements: ILensAccounts
initializes: standings
exports: (standings.CORE, standings.ORACLE)

WAD: constant(int256) = 10**18
MAX_PRICE: constant(int256) = 2**90 - 1
MAX_POSITIONS: constant(uint256) = 256

LIQUIDATOR: public(immutable(ILiquidator))


@deploy
def __init__(core: address, oracle: address, liquidator: address):
    errors._require(liquidator.is_contract, errors.OUT_OF_BOUNDS)
    standings.__init__(core, oracle)
    LIQUIDATOR = ILiquidator(liquidator)


@view
@external
def health(accounts: DynArray[uint256, 64]) -> DynArray[ILensAccounts.Health, 64]:
    result: DynArray[ILensAccounts.Health, 64] = []
    for account: uint256 in accounts:
        word: uint256 = staticcall standings.CORE.cash_word(account, standings.COLLATERAL)
        equity: int256 = 0
        initial: int256 = 0
        maintenance: int256 = 0
        notional: int256 = 0
        equity, initial, maintenance, notional = staticcall standings.CORE.health(account)
        result.append(
            ILensAccounts.Health(
                account=account,
                cash=cash_word._cash(word),
                principal=cash_word._principal(word),
                equity=equity,
                initial=initial,
                maintenance=maintenance,
                notional=notional,
                free=equity - initial,
            )
        )
    return result


@view
@external
def positions(accounts: DynArray[uint256, 64]) -> DynArray[ILensAccounts.Position, 256]:
    result: DynArray[ILensAccounts.Position, 256] = []
    for account: uint256 in accounts:
        legs: DynArray[standings.Leg, 15] = standings._legs(account)
        cash: int256 = standings._settled_cash(account, legs)
        errors._require(len(result) + len(legs) <= MAX_POSITIONS, errors.OUT_OF_BOUNDS)
        for leg: standings.Leg in legs:
            result.append(
                ILensAccounts.Position(
                    account=account,
                    instrument=leg.instrument,
                    size=leg.size,
                    mark=convert(leg.mark, uint256),
                    fresh=leg.fresh,
                    notional=convert(margin._notional_up(leg.size, leg.mark), uint256),
                    value=rounding._mul_div_down(leg.size, leg.mark, WAD),
                    due=leg.due,
                    liquidation_price=self._liquidation_price(cash, legs, leg.instrument >> 6),
                )
            )
    return result


@view
@external
def candidates(accounts: DynArray[uint256, 64]) -> DynArray[ILensAccounts.Candidate, 64]:
    result: DynArray[ILensAccounts.Candidate, 64] = []
    for account: uint256 in accounts:
        candidate: ILensAccounts.Candidate = empty(ILensAccounts.Candidate)
        candidate.account = account
        legs: DynArray[standings.Leg, 15] = standings._legs(account)
        if len(legs) == 0:
            word: uint256 = staticcall standings.CORE.cash_word(account, standings.COLLATERAL)
            candidate.equity = cash_word._cash(word)
            # the account of booked deficits is the clearing house's own
            if (
                candidate.equity < 0
                and not cash_word._is_pool(word)
                and account >> 96 != convert(standings.CORE.address, uint256)
            ):
                candidate.deficit = convert(-candidate.equity, uint256)
                result.append(candidate)
            continue
        initial: int256 = 0
        notional: int256 = 0
        candidate.equity, initial, candidate.maintenance, notional = staticcall standings.CORE.health(account)
        if candidate.equity >= candidate.maintenance:
            continue
        largest: int256 = -1
        for leg: standings.Leg in legs:
            if margin._notional_up(leg.size, leg.mark) > largest:
                largest = margin._notional_up(leg.size, leg.mark)
                candidate.instrument = leg.instrument
        candidate.size, candidate.price, candidate.penalty, candidate.reward = staticcall LIQUIDATOR.slice_of(
            account, candidate.instrument
        )
        result.append(candidate)
    return result


@pure
@internal
def _lacks(cash: int256, legs: DynArray[standings.Leg, 15], underlying: uint256, price: int256) -> int256:
    """
    @return M - E with the underlying at a price: positive below maintenance.
    """
    state: standings.State = standings._state(cash, standings._marked(legs, underlying, price))
    return state.maintenance - state.equity


@pure
@internal
def _liquidation_price(cash: int256, legs: DynArray[standings.Leg, 15], underlying: uint256) -> uint256:
    """
    @notice M - E is linear in one price but for roundings of some 1e-18, and valued exactly at every price tried. So
            the secant over all prices ends next to the zero; from there doubling steps enclose it, halving ones find
            the two neighbours of which one is below maintenance.
    """
    low: int256 = 1
    high: int256 = MAX_PRICE
    at_low: int256 = self._lacks(cash, legs, underlying, low)
    at_high: int256 = self._lacks(cash, legs, underlying, high)
    short_below: bool = at_low > 0
    if short_below == (at_high > 0):
        return 0
    # widths: a lack is below 2**140, the prices below 2**90
    probe: int256 = low + rounding._mul_div_down(abs(at_low), high - low, abs(at_low) + abs(at_high))
    step: int256 = 1
    raised: bool = False
    lowered: bool = False
    for _: uint256 in range(256):
        if high - low == 1:
            break
        probe = max(low + 1, min(high - 1, probe))
        if (self._lacks(cash, legs, underlying, probe) > 0) == short_below:
            low = probe
            raised = True
        else:
            high = probe
            lowered = True
        if raised and lowered:
            probe = rounding._div_down(low + high, 2)
        else:
            probe = low + step if raised else high - step
            step *= 2
    return convert(low if short_below else high, uint256)
