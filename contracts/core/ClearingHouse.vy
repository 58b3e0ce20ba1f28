# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize codesize
# pragma nonreentrancy on
"""
@title Clearing house
@license AGPL-3.0-only
@author Tidegate
@notice The only custody and the only ledger; see interfaces/IClearingHouse.vyi for what it promises. Modules: accounts
        (rights, what an account holds), instruments (registry, venues, marks), carry (funding), ledger (cash and
        positions), solvency (the verdict on a final state).
@custom:kill The guardian revokes every trading venue: no position can be opened. Liquidation, deposits and withdrawals
        go on; nothing stops those. Governance may then list the venue of a successor.
"""

from ..interfaces import IClearingHouse
from ..libraries import asset_word as asset_words  # its getter bears the name
from ..libraries import brakes
from ..libraries import cash_word as cash_words
from ..libraries import errors
from ..libraries import market_words
from ..libraries import position_word as position_words
from ..libraries import rounding
from ..libraries import terms
from . import accounts
from . import carry
from . import instruments
from . import ledger
from . import solvency

initializes: accounts
initializes: instruments
initializes: carry
initializes: ledger[accounts := accounts, carry := carry, instruments := instruments]
initializes: solvency[accounts := accounts, carry := carry, instruments := instruments, ledger := ledger]

WAD: constant(int256) = 10**18
PPM: constant(int256) = 10**6
NOBODY: constant(uint256) = 0  # an account that no fill is of


@deploy
def __init__(oracle: address, configurator: address, losses: address):
    instruments.__init__(oracle, configurator)
    carry.__init__(losses)


# Rights


@external
def set_delegate(delegate: address, permissions: uint256, expiry: uint256):
    accounts._set_delegate(msg.sender, delegate, permissions, expiry)


@view
@external
@reentrant
def may(account: uint256, caller: address, permission: uint256) -> bool:
    return accounts._may(account, caller, permission)


# Cash


@internal
def _credit(account: uint256, asset: uint256, amount: uint256, principal: uint256):
    """
    @notice Cash in: what was lost before is first taken off the principal.
    """
    word: uint256 = ledger.cash[account][asset]
    errors._require(word & cash_words.ESCROW == 0, errors.NOT_PERMITTED)
    # a pool has no principal: whoever pays in makes its shareholders a gift
    real: int256 = 0
    if not cash_words._is_pool(word):
        solvency._look(account, asset)
        real = convert(convert(principal, bytes32), int256)
    ledger._add(account, asset, convert(convert(amount, bytes32), int256), real)


@internal
def _debit(account: uint256, asset: uint256, amount: uint256) -> uint256:
    """
    @notice Cash out, as far as rights and margin go.
    @return How much of it was principal.
    """
    errors._require(amount != 0, errors.ZERO_AMOUNT)
    errors._require(amount >> 120 == 0, errors.AMOUNT_TOO_LARGE)
    errors._require(accounts._may(account, msg.sender, accounts.MOVE), errors.NOT_PERMITTED)
    word: uint256 = ledger.cash[account][asset]
    errors._require(word & cash_words.ESCROW == 0, errors.NOT_PERMITTED)
    # a pool's middle field is no principal
    principal: uint256 = 0 if cash_words._is_pool(word) else min(amount, cash_words._principal(word))
    ledger._add(
        account,
        asset,
        unsafe_sub(0, convert(convert(amount, bytes32), int256)),
        unsafe_sub(0, convert(convert(principal, bytes32), int256)),
    )
    if not cash_words._is_pool(word):
        solvency._require_initial(account, asset)
    return principal


@external
def deposit(account: uint256, asset: uint256, amount: uint256):
    credited: uint256 = ledger._take(asset, amount)
    self._credit(account, asset, credited, credited)
    log IClearingHouse.Deposited(account=account, asset=asset, amount=credited)


@external
def withdraw(account: uint256, asset: uint256, amount: uint256, receiver: address):
    word: uint256 = instruments.assets[asset]
    errors._require(amount >> 112 == 0, errors.AMOUNT_TOO_LARGE)
    errors._require(receiver != empty(address) and receiver != self, errors.NOT_PERMITTED)
    unit: uint256 = asset_words._unit(word)
    debit: uint256 = unsafe_mul(amount, unit)
    paid: uint256 = ledger._release(asset, debit, self._debit(account, asset, debit), unit)
    ledger._give(word, receiver, unsafe_div(paid, unit))
    log IClearingHouse.Withdrawn(account=account, asset=asset, amount=debit, paid=paid, receiver=receiver)


@external
def transfer(source: uint256, target: uint256, asset: uint256, amount: uint256):
    same: bool = source >> 96 == target >> 96
    carried: uint256 = self._debit(source, asset, amount)
    paid: uint256 = amount
    # to insurance, or into the deficit itself, nothing leaves the protocol
    if not same and target >> 96 != convert(self, uint256):
        paid = ledger._release(asset, amount, carried, 1)
        carried = paid
    self._credit(target, asset, paid, carried)
    log IClearingHouse.Moved(source=source, target=target, asset=asset, amount=paid, principal=carried)


# Exposure


@external
def clear(fills: DynArray[IClearingHouse.Fill, 8]):
    venue: uint256 = instruments.venues[msg.sender]
    # the breaker's role is none here
    role: uint256 = venue & 3
    liquidation: bool = role == instruments.LIQUIDATION

    # the market at hand: read when a fill names another instrument
    instrument: uint256 = 0
    risk: uint256 = 0
    trade: uint256 = 0
    asset: uint256 = 0
    mark: int256 = 0
    slot: uint256 = 0
    reference: int256 = 0
    indices: uint256 = 0
    interest: uint256 = 0
    carried: uint256 = 0
    pool_due: int256 = 0
    # see _carry_fee
    payments: uint256 = 0

    for fill: IClearingHouse.Fill in fills:
        # within the widths that all arithmetic below relies on
        errors._require(fill.fee >> 120 == 0 and fill.taker != fill.maker and fill.taker != NOBODY, errors.BAD_FILL)
        price: int256 = convert(convert(fill.price, bytes32), int256)
        fee: int256 = convert(convert(fill.fee, bytes32), int256)
        # cash that no trade with a pool explains: losses so far come off the principal first, or it would revive them
        pooled: bool = ledger._names_pool(fill.maker)
        if not pooled:
            solvency._look(fill.maker, solvency.COLLATERAL)
        if fill.instrument == 0:
            errors._require(fill.size == 0 and price == 0, errors.BAD_FILL)
            payments = self._carry_fee(fill.taker, fill.maker, fill.fee, payments, role)
            continue
        errors._require(role != 0, errors.NOT_VENUE)

        if fill.instrument != instrument:
            instrument = fill.instrument
            risk = instruments.risk[instrument]
            errors._require(risk != 0, errors.NOT_LISTED)
            trade = instruments.trade[instrument]
            asset = terms._settle_asset(risk)
            slot = fill.slot
            mark, reference = instruments._keep_mark(instrument, slot)
            indices, interest, carried, pool_due = carry._settled(instrument, risk, mark)
        if fill.slot != slot:
            slot = fill.slot
            reference = instruments._mark(instrument, slot)[0]
        moved: int256 = rounding._abs(fill.size)
        errors._require(
            unsafe_mul(moved, price) != 0
            and (moved >> 103) | (price >> 90) == 0
            and not ledger._names_pool(fill.taker),
            errors.BAD_FILL,
        )
        # marks would show a gain that is none: not before the slot's price is in force
        errors._require(unsafe_mul(unsafe_sub(reference, mark), fill.size) >= 0, errors.TOO_SOON)
        errors._require(
            unsafe_mul(rounding._abs(unsafe_sub(price, reference)), PPM) <= unsafe_mul(terms._band(trade), reference),
            errors.OUTSIDE_BAND,
        )

        # both sides
        cost: int256 = unsafe_add(solvency._cost_up(fill), fee)
        taker_due: int256 = 0
        maker_due: int256 = 0
        taker_size: int256 = 0
        maker_size: int256 = 0
        if not pooled:
            solvency._look(fill.taker, asset)
        taker_due, taker_size = ledger._fill_side(fill.taker, instrument, asset, risk, fill.size, cost, indices)
        before: uint256 = interest
        interest = self._moved(instrument, risk, interest, taker_size, fill.size)
        if pooled:
            errors._require(
                cash_words._is_pool(ledger.cash[fill.maker][asset]) and fill.maker & (2**64 - 1) == instrument >> 6,
                errors.BAD_FILL,
            )
            insured: int256 = rounding._mul_div_down(fee, terms._insurance_share(trade), PPM)
            ledger._add(fill.maker, asset, unsafe_sub(cost, pool_due), insured)
        elif fill.maker == ledger._backstop():
            # a loss shared: only where the pool would have to take more
            errors._require(
                liquidation
                and fill.fee == 0
                and price == mark
                and rounding._abs(market_words._skew(interest)) > rounding._abs(market_words._skew(before)),
                errors.BAD_LIQUIDATION,
            )
            # the other side's positions have the sign of the fill
            total: int256 = market_words._long_side(interest)
            if fill.size < 0:
                total = unsafe_sub(0, market_words._short_side(interest))
            rest: int256 = 0
            indices, rest = extcall carry.LOSSES.share(instrument, indices, total, fill.size, mark)
            closed: int256 = unsafe_sub(0, unsafe_add(fill.size, rest))
            interest = market_words._moved(interest, total, closed)
            ledger._back(instrument, closed)
            rest = rounding._mul_div_up(rest, mark, WAD)
            self._pool_pays(instrument, asset, unsafe_add(pool_due, rest))
            pool_due = 0
            maker_due = unsafe_add(rest, cost)
            risk |= terms.SHARED
            instruments.risk[instrument] = risk
        else:
            maker_due, maker_size = ledger._fill_side(
                fill.maker, instrument, asset, risk, unsafe_sub(0, fill.size), unsafe_sub(0, cost), indices
            )
            interest = self._moved(instrument, risk, interest, maker_size, unsafe_sub(0, fill.size))
            self._pool_pays(instrument, asset, pool_due)
            pool_due = 0
        carried = market_words._paid_in(carried, unsafe_add(taker_due, maker_due))
        carry._write(instrument, indices, interest, carried)

        # bounds on opening; nothing that reduces is refused here
        if market_words._has_grown(before, interest):
            brake: uint256 = terms._brake(risk)
            errors._require(
                block.timestamp >= (venue >> 8) & (2**40 - 1) and brake <= brakes.RAISE_SIDE, errors.PAUSED
            )
            errors._require(
                max(market_words._long_side(interest), market_words._short_side(interest))
                <= market_words._scaled_down(interest, terms._hard_cap(trade)),
                errors.OPEN_INTEREST_CAP,
            )
            soft_cap: int256 = terms._soft_cap(trade) if brake == brakes.RAISE_SKEW else 0
            errors._require(
                rounding._abs(market_words._skew(interest)) <= max(soft_cap, rounding._abs(market_words._skew(before))),
                errors.SKEW_CAP,
            )
        size: int256 = rounding._abs(unsafe_add(taker_size, fill.size))
        least: int256 = unsafe_mul(terms._minimum_notional(trade), WAD)
        errors._require(size == 0 or unsafe_mul(size, mark) >= least, errors.BELOW_MINIMUM)
        if liquidation:
            # what is left and what moved make up what was: the fill reduces and does not flip
            errors._require(unsafe_add(size, moved) == rounding._abs(taker_size), errors.BAD_LIQUIDATION)
            # a crumb earns its keeper nothing
            if size == 0 or unsafe_mul(moved, mark) >= least:
                reward: int256 = terms._keeper_reward(instruments.limits[instrument])
                payments = unsafe_add(payments, convert(convert(reward, bytes32), uint256))
        else:
            errors._require(
                fee <= rounding._mul_div_up(unsafe_mul(moved, price), terms._taker_fee(trade), WAD * PPM),
                errors.FEE_TOO_HIGH,
            )
        log IClearingHouse.Filled(
            taker=fill.taker,
            maker=fill.maker,
            instrument=instrument,
            size=fill.size,
            price=fill.price,
            fee=fill.fee,
            slot=fill.slot,
            taker_due=taker_due,
            maker_due=unsafe_add(maker_due, pool_due),
        )
        pool_due = 0
    # accrued, applied; now the verdicts, last
    judged: uint256 = NOBODY
    maker: uint256 = NOBODY
    for fill: IClearingHouse.Fill in fills:
        if fill.taker != judged:
            judged = fill.taker
            if ledger.cash[judged][solvency.COLLATERAL] & (cash_words.POOL | cash_words.ESCROW) == 0:
                solvency._judge(judged, liquidation, fills)
        if fill.instrument != 0 and fill.maker != maker and not ledger._names_pool(fill.maker):
            maker = fill.maker
            solvency._judge(maker, False, fills)


@internal
def _moved(instrument: uint256, risk: uint256, interest: uint256, size: int256, change: int256) -> uint256:
    """
    @return Open interest after a position of this size changed.
    """
    if risk & terms.SHARED == 0:
        return market_words._moved(interest, size, change)
    after: uint256 = 0
    lack: int256 = 0
    after, lack = market_words._moved_floored(interest, size, change)
    if lack != 0:
        ledger._back(instrument, lack)
    return after


@internal
def _pool_pays(instrument: uint256, asset: uint256, due: int256):
    """
    @notice What no fill with the pool has paid yet.
    """
    if due != 0:
        ledger._add(ledger._pool(instrument, asset), asset, unsafe_sub(0, due), 0)


@internal
def _accrue(instrument: uint256, risk: uint256):
    indices: uint256 = 0
    interest: uint256 = 0
    carried: uint256 = 0
    due: int256 = 0
    indices, interest, carried, due = carry._settled(instrument, risk, instruments._mark(instrument, 0)[0])
    carry._write(instrument, indices, interest, carried)
    self._pool_pays(instrument, terms._settle_asset(risk), due)
    log IClearingHouse.Accrued(instrument=instrument, indices=indices, interest=interest, carry=carried)


@internal
def _carry_fee(source: uint256, target: uint256, fee: uint256, carried: uint256, role: uint256) -> uint256:
    """
    @notice A fill of nothing: its fee moves.
    @param carried For a trading venue what the call's payments have taken so far; for a liquidation venue what is left
           of the keepers' rewards.
    @param role Of the caller; one that was revoked may empty its escrow, no more.
    @return The same afterwards.
    """
    left: uint256 = ledger._move(source, target, solvency.COLLATERAL, fee, 0)
    if left & cash_words.ESCROW != 0:
        errors._require(left >> 255 == 0 and convert(source >> 96, address) == msg.sender, errors.INSUFFICIENT_CASH)
        return carried
    errors._require(role != 0 and left & cash_words.RESERVED == 0, errors.NOT_VENUE)
    if role == instruments.LIQUIDATION:
        errors._require(left & cash_words.POOL != 0 and fee <= carried, errors.FEE_TOO_HIGH)
        return unsafe_sub(carried, fee)
    paid: uint256 = unsafe_add(carried, fee)
    errors._require(
        left & cash_words.POOL == 0 and paid <= asset_words._escrow_cap(instruments.assets[solvency.COLLATERAL]),
        errors.FEE_TOO_HIGH,
    )
    return paid


@external
def poke(instrument: uint256):
    risk: uint256 = instruments.risk[instrument]
    errors._require(risk != 0, errors.NOT_LISTED)
    self._accrue(instrument, risk)


# Losses shared


@external
def settle(account: uint256, instrument: uint256):
    risk: uint256 = instruments.risk[instrument]
    stored: int256 = position_words._size(ledger.positions[account][instrument])
    due: int256 = 0
    size: int256 = 0
    due, size = ledger._fill_side(account, instrument, terms._settle_asset(risk), risk, 0, 0, carry.indices[instrument])
    errors._require(size != stored, errors.NOT_LISTED)
    carry.carries[instrument] = market_words._paid_in(carry.carries[instrument], due)


# Deficits


@external
def book_deficit(account: uint256, asset: uint256):
    errors._require(instruments.venues[msg.sender] & 255 == instruments.LIQUIDATION, errors.NOT_VENUE)
    lack: int256 = unsafe_sub(0, cash_words._cash(ledger.cash[account][asset]))
    errors._require(
        lack > 0
        and accounts.words[account] >> 16 == 0
        and account != ledger._deficit(asset)
        and not ledger._names_pool(account),
        errors.NO_DEFICIT,
    )
    ledger._move(ledger._deficit(asset), account, asset, convert(lack, uint256), 0)
    ledger._insure(asset)


@external
def sweep_fees(pool: uint256, asset: uint256):
    word: uint256 = ledger.cash[pool][asset]
    errors._require(cash_words._is_pool(word), errors.NOT_PERMITTED)
    share: uint256 = cash_words._principal(word)
    ledger._add(pool, asset, 0, unsafe_sub(0, convert(convert(share, bytes32), int256)))
    ledger._move(pool, ledger._insurance(asset), asset, share, 0)
    ledger._insure(asset)


@external
def scale_caps(instrument: uint256, scale: uint256):
    errors._require(
        msg.sender == instruments.vaults[terms._settle_asset(instruments.risk[instrument])], errors.NOT_OWNER
    )
    errors._require(scale <= market_words.FULL_SCALE, errors.OUT_OF_BOUNDS)
    interest: uint256 = carry.interest[instrument]
    carry.interest[instrument] = (interest & (2**240 - 1)) | (scale << 240)
    log IClearingHouse.CapScaled(instrument=instrument, scale=scale)


@external
def set_brake(instrument: uint256, level: uint256):
    errors._require(instruments.venues[msg.sender] & 255 == instruments.BREAKER, errors.NOT_VENUE)
    risk: uint256 = instruments.risk[instrument]
    errors._require(risk != 0, errors.NOT_LISTED)
    errors._require(level <= brakes.HALTED, errors.OUT_OF_BOUNDS)
    instruments.risk[instrument] = (risk & (2**terms.BRAKE_SHIFT - 1)) | (level << terms.BRAKE_SHIFT)
    log IClearingHouse.Braked(instrument=instrument, level=level)


# Governance


@external
def add_asset(asset: uint256, word: uint256, vault: address):
    instruments._add_asset(asset, word, vault)
    # the vault's own accounts (treasury, escrow, payouts, gains), insurance and the backstop: no venue touches them
    for account: uint256 in range(4):
        ledger._flag((convert(vault, uint256) << 96) | account, asset, cash_words.RESERVED)
    ledger._flag(ledger._insurance(asset), asset, cash_words.RESERVED)
    ledger._flag(ledger._backstop(), asset, cash_words.RESERVED)


@external
def set_terms(instrument: uint256, risk: uint256, trade: uint256, limits: uint256):
    # the interval behind is charged by the terms it began with; before the listing those are zero, and so is the charge
    self._accrue(instrument, instruments.risk[instrument])
    if instruments.risk[instrument] == 0:
        carry.interest[instrument] |= market_words.FULL_SCALE << 240
    instruments._set_terms(instrument, risk, trade, limits)
    asset: uint256 = terms._settle_asset(risk)
    ledger._flag(ledger._pool(instrument, asset), asset, cash_words.POOL)


@external
def set_venue(venue: address, word: uint256):
    instruments._set_venue(venue, word)
    # its account 0 is an escrow from now on: it holds no positions, so what the venue takes out needs no verdict
    if word & 255 != 0:
        ledger._flag(convert(venue, uint256) << 96, solvency.COLLATERAL, cash_words.ESCROW)


# Views


@view
@external
def health(account: uint256) -> (int256, int256, int256, int256):
    state: solvency.State = solvency._whole(account, solvency.COLLATERAL)
    return state.equity, state.initial, state.maintenance, state.notional


@view
@external
@reentrant
def account_word(account: uint256) -> uint256:
    return accounts.words[account]


@view
@external
@reentrant
def cash_word(account: uint256, asset: uint256) -> uint256:
    return ledger.cash[account][asset]


@view
@external
@reentrant
def position_word(account: uint256, instrument: uint256) -> uint256:
    if account & (2**96 - 1) != (1 << 64) | (instrument >> 6):
        return ledger.positions[account][instrument]
    # the pool holds what its market lacks, settled whenever that accrues
    indices: uint256 = carry.indices[instrument]
    size: int256 = unsafe_sub(0, market_words._skew(carry.interest[instrument]))
    return position_words._pack(size, market_words._index(indices, size), position_words.FIRST_EPOCH)


@view
@external
@reentrant
def size_of(account: uint256, instrument: uint256) -> int256:
    return carry._standing(
        instrument, instruments.risk[instrument], ledger.positions[account][instrument], carry.indices[instrument]
    )[0]


@view
@external
@reentrant
def shared_losses() -> address:
    return carry.LOSSES.address


@view
@external
@reentrant
def indices_word(instrument: uint256) -> uint256:
    return carry.indices[instrument]


@view
@external
@reentrant
def interest_word(instrument: uint256) -> uint256:
    return carry.interest[instrument]


@view
@external
@reentrant
def carry_word(instrument: uint256) -> uint256:
    return carry.carries[instrument]


@view
@external
@reentrant
def risk_word(instrument: uint256) -> uint256:
    return instruments.risk[instrument]


@view
@external
@reentrant
def trade_word(instrument: uint256) -> uint256:
    return instruments.trade[instrument]


@view
@external
@reentrant
def limits_word(instrument: uint256) -> uint256:
    return instruments.limits[instrument]


@view
@external
@reentrant
def asset_word(asset: uint256) -> uint256:
    return instruments.assets[asset]


@view
@external
@reentrant
def outflow_word(asset: uint256) -> uint256:
    return ledger.outflow[asset]


@view
@external
@reentrant
def vault_of(asset: uint256) -> address:
    return instruments.vaults[asset]


@view
@external
@reentrant
def venue_word(venue: address) -> uint256:
    return instruments.venues[venue]
