# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Standings
@license AGPL-3.0-only
@author Tidegate
@notice What an account is worth and what it needs, now or as if its positions and prices were others, as the clearing
        house would value it: for the lenses. Every formula is a library's.
"""

from ..interfaces import IClearingHouse
from ..interfaces import IPriceOracle
from ..interfaces import ISharedLosses
from ..libraries import account_word
from ..libraries import cash_word
from ..libraries import errors
from ..libraries import funding
from ..libraries import margin
from ..libraries import market_words
from ..libraries import position_word
from ..libraries import rounding
from ..libraries import terms


struct Leg:
    instrument: uint256
    size: int256
    mark: int256
    fresh: bool
    risk: uint256
    due: int256


struct State:
    equity: int256
    initial: int256
    maintenance: int256
    notional: int256
    fresh: bool


COLLATERAL: constant(uint256) = 0
WAD: constant(int256) = 10**18

CORE: public(immutable(IClearingHouse))
ORACLE: public(immutable(IPriceOracle))


@deploy
def __init__(core: address, oracle: address):
    errors._require(core.is_contract and oracle.is_contract, errors.OUT_OF_BOUNDS)
    CORE = IClearingHouse(core)
    ORACLE = IPriceOracle(oracle)


@view
@internal
def _legs(account: uint256) -> DynArray[Leg, 15]:
    """
    @return The account's positions, ids ascending, at the price in force and accrued to now.
    """
    legs: DynArray[Leg, 15] = []
    word: uint256 = staticcall CORE.account_word(account)
    for place: uint256 in range(15):
        instrument: uint256 = account_word._instrument(word, place)
        if instrument == 0:
            break
        legs.append(self._leg(account, instrument))
    return legs


@view
@internal
def _leg(account: uint256, instrument: uint256) -> Leg:
    price: uint256 = 0
    fresh: bool = False
    price, fresh = staticcall ORACLE.latest(instrument >> 6)
    risk: uint256 = staticcall CORE.risk_word(instrument)
    held: uint256 = staticcall CORE.position_word(account, instrument)
    size: int256 = position_word._size(held)
    indices: uint256 = self._accrued(instrument, risk, price)[0]
    due: int256 = 0
    if risk & terms.SHARED == 0:
        due = funding._due_up(size, market_words._index(indices, size), position_word._checkpoint(held))
    else:
        losses: ISharedLosses = ISharedLosses(staticcall CORE.shared_losses())
        indices = staticcall losses.scaled_of(
            CORE.address, instrument, staticcall CORE.indices_word(instrument), indices
        )
        size, due = staticcall losses.standing_of(CORE.address, instrument, held, indices)
    return Leg(
        instrument=instrument,
        size=size,
        mark=convert(price, int256),
        fresh=fresh,
        risk=risk,
        due=due,
    )


@view
@internal
def _accrued(instrument: uint256, risk: uint256, price: uint256) -> (uint256, uint256, uint256):
    return funding._accrued(
        staticcall CORE.indices_word(instrument),
        staticcall CORE.interest_word(instrument),
        staticcall CORE.carry_word(instrument),
        risk,
        price,
        block.timestamp,
    )


@view
@internal
def _settled_cash(account: uint256, legs: DynArray[Leg, 15]) -> int256:
    """
    @return Cash less what the legs owe their pots.
    """
    cash: int256 = cash_word._cash(staticcall CORE.cash_word(account, COLLATERAL))
    for leg: Leg in legs:
        cash -= leg.due
    return cash


@pure
@internal
def _state(cash: int256, legs: DynArray[Leg, 15]) -> State:
    """
    @return As the clearing house would value an account of this settled cash and these legs.
    """
    state: State = empty(State)
    state.fresh = True
    underlying: uint256 = 0
    shocks: uint256 = 0
    net: int256 = 0
    worth: int256 = 0
    for leg: Leg in legs:
        if leg.instrument >> 6 != underlying:
            state.initial += margin._shock_up(net, terms._initial_shock(shocks))
            state.maintenance += margin._shock_up(net, terms._maintenance_shock(shocks))
            net = 0
            underlying = leg.instrument >> 6
        notional: int256 = margin._notional_up(leg.size, leg.mark)
        contingency: int256 = margin._contingency_up(abs(leg.size), notional, leg.risk)
        state.initial += contingency
        state.maintenance += contingency
        state.notional += notional
        state.fresh = state.fresh and leg.fresh
        net += leg.size * leg.mark
        worth += leg.size * leg.mark
        shocks = leg.risk
    state.initial += margin._shock_up(net, terms._initial_shock(shocks))
    state.maintenance += margin._shock_up(net, terms._maintenance_shock(shocks))
    state.equity = cash + rounding._div_down(worth, WAD)
    return state


@pure
@internal
def _marked(legs: DynArray[Leg, 15], underlying: uint256, price: int256) -> DynArray[Leg, 15]:
    """
    @return The legs with those of an underlying at another price, fresh.
    """
    marked: DynArray[Leg, 15] = []
    for leg: Leg in legs:
        other: Leg = leg
        if leg.instrument >> 6 == underlying:
            other.mark = price
            other.fresh = True
        marked.append(other)
    return marked
