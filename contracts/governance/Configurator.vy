# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Configurator
@license AGPL-3.0-only
@notice See IConfigurator.
@custom:kill Nothing to stop: it acts only when the timelock tells it to; the guardian may revoke venues and pause
        openings through it, never the reverse.
"""

from ethereum.ercs import IERC20Detailed

from ..interfaces import IClearingHouse
from ..interfaces import IConfigurator
from ..interfaces import ILiquidityVault
from ..libraries import asset_word
from ..libraries import errors
from ..libraries import market_words
from ..libraries import terms

implements: IConfigurator

PPM: constant(int256) = 10**6
WAD: constant(int256) = 10**18
HOUR: constant(uint256) = 3600
DAY: constant(uint256) = 86400
INSTRUMENTS: constant(uint256) = 64  # per underlying
SHOCKS: constant(uint256) = (2**40 - 1) << 8  # initial and maintenance, in the risk word
RISK_BITS: constant(uint256) = 2**244 - 1
LIMITS_BITS: constant(uint256) = (2**120 - 1) | ((2**48 - 1) << 140)
IDENTITY: constant(uint256) = 2**168 - 1  # token and decimals, in the asset word
KIND: constant(uint256) = 255  # kind and settlement asset, in the risk word
ASSET_BITS: constant(uint256) = 2**252 - 1

LONGEST_OUTFLOW: constant(uint256) = 30 * DAY
LEAST_OUTFLOW_SHARE: constant(uint256) = 10_000
MOST_ESCROW: constant(uint256) = 100_000 * 10**18
MOST_SHOCK: constant(int256) = 500_000
MOST_VELOCITY: constant(int256) = 10 * PPM
MOST_RATE: constant(int256) = PPM
LEAST_HALF_LIFE: constant(int256) = 60
MOST_BAND: constant(int256) = 200_000
MOST_CROWDING: constant(int256) = 200_000
MOST_MINIMUM: constant(int256) = 10**6 * WAD
REWARD_PART: constant(int256) = 10  # of the minimum notional

LONGEST_PAUSE: constant(uint256) = 7 * DAY
ROLE: constant(uint256) = 255
TRADING: constant(uint256) = 1
LIQUIDATION: constant(uint256) = 2
BREAKER: constant(uint256) = 4

OWNER: public(immutable(address))

guardian: public(address)
# when governance last changed a depth, by core and instrument
rescaled: public(HashMap[address, HashMap[uint256, uint256]])


@deploy
def __init__(owner: address, guardian: address):
    errors._require(owner != empty(address) and guardian != empty(address), errors.OUT_OF_BOUNDS)
    OWNER = owner
    self.guardian = guardian


@external
def add_asset(core: address, asset: uint256, word: uint256, vault: address):
    self._only_owner()
    # other assets need a margin rule that counts them
    errors._require(asset == 0 and vault.is_contract, errors.OUT_OF_BOUNDS)
    self._check_asset(word)
    known: uint256 = staticcall IClearingHouse(core).asset_word(asset)
    if known != 0:
        # custody and counterparty of an asset never change
        errors._require(
            known & IDENTITY == word & IDENTITY and staticcall IClearingHouse(core).vault_of(asset) == vault,
            errors.ALREADY_SET,
        )
    extcall IClearingHouse(core).add_asset(asset, word, vault)


@external
def reserve(core: address, asset: uint256, holder: address):
    self._only_owner()
    errors._require(holder.is_contract, errors.OUT_OF_BOUNDS)
    word: uint256 = staticcall IClearingHouse(core).asset_word(asset)
    errors._require(word != 0, errors.NOT_LISTED)
    for sub: uint256 in range(4):
        # what holds positions must stay within reach of liquidation
        account: uint256 = (convert(holder, uint256) << 96) | sub
        errors._require(staticcall IClearingHouse(core).account_word(account) >> 16 == 0, errors.OUT_OF_BOUNDS)
    # the core reserves the accounts of whom it is told is the asset's vault; at the end that is the same as before
    vault: address = staticcall IClearingHouse(core).vault_of(asset)
    extcall IClearingHouse(core).add_asset(asset, word, holder)
    extcall IClearingHouse(core).add_asset(asset, word, vault)


@external
def set_terms(core: address, instrument: uint256, risk: uint256, trade: uint256, limits: uint256):
    self._only_owner()
    self._check_terms(risk, trade, limits)
    errors._require(instrument >= INSTRUMENTS and instrument < 2**16, errors.OUT_OF_BOUNDS)
    known: uint256 = staticcall IClearingHouse(core).risk_word(instrument)
    if known == 0:
        errors._require(staticcall IClearingHouse(core).asset_word(terms._settle_asset(risk)) != 0, errors.NOT_LISTED)
    else:
        errors._require(known & KIND == risk & KIND, errors.ALREADY_SET)
        self._check_depth(core, instrument, known, risk, trade, limits)
        self._check_quote(core, instrument, risk, limits)
    first: uint256 = instrument - instrument % INSTRUMENTS
    for k: uint256 in range(INSTRUMENTS):
        if first + k != instrument:
            other: uint256 = staticcall IClearingHouse(core).risk_word(first + k)
            errors._require(other == 0 or other & SHOCKS == risk & SHOCKS, errors.OUT_OF_BOUNDS)
    extcall IClearingHouse(core).set_terms(instrument, risk, trade, limits)


@external
def set_shocks(core: address, underlying: uint256, initial_shock: uint256, maintenance_shock: uint256):
    self._only_owner()
    # before they are shifted into their fields
    errors._require(max(initial_shock, maintenance_shock) <= convert(MOST_SHOCK, uint256), errors.OUT_OF_BOUNDS)
    found: bool = False
    for k: uint256 in range(INSTRUMENTS):
        instrument: uint256 = underlying * INSTRUMENTS + k
        risk: uint256 = staticcall IClearingHouse(core).risk_word(instrument)
        if risk != 0:
            found = True
            # what lies above the terms is the market's state
            risk = (risk & (RISK_BITS ^ SHOCKS)) | (initial_shock << 8) | (maintenance_shock << 28)
            trade: uint256 = staticcall IClearingHouse(core).trade_word(instrument)
            limits: uint256 = staticcall IClearingHouse(core).limits_word(instrument)
            self._check_terms(risk, trade, limits)
            extcall IClearingHouse(core).set_terms(instrument, risk, trade, limits)
    errors._require(found, errors.NOT_LISTED)


@external
def set_venue(core: address, venue: address, role: uint256):
    self._only_owner()
    errors._require(
        role == 0 or ((role == TRADING or role == LIQUIDATION or role == BREAKER) and venue.is_contract),
        errors.OUT_OF_BOUNDS,
    )
    if role != 0:
        # its account 0 becomes an escrow, which nobody judges and nobody can close
        holds: uint256 = staticcall IClearingHouse(core).account_word(convert(venue, uint256) << 96)
        errors._require(holds >> 16 == 0, errors.OUT_OF_BOUNDS)
    word: uint256 = staticcall IClearingHouse(core).venue_word(venue)
    extcall IClearingHouse(core).set_venue(venue, (word & ~ROLE) | role)


@external
def set_guardian(guardian: address):
    self._only_owner()
    errors._require(guardian != empty(address), errors.OUT_OF_BOUNDS)
    self.guardian = guardian
    log IConfigurator.GuardianSet(guardian=guardian)


@external
def revoke_venue(core: address, venue: address):
    errors._require(msg.sender == self.guardian, errors.NOT_OWNER)
    word: uint256 = staticcall IClearingHouse(core).venue_word(venue)
    # a guardian who could take the liquidator's role could let the vault pay for everyone's losses
    errors._require(word & ROLE == TRADING, errors.OUT_OF_BOUNDS)
    extcall IClearingHouse(core).set_venue(venue, word & ~ROLE)


@external
def pause_openings(core: address, venue: address, duration: uint256):
    errors._require(msg.sender == self.guardian, errors.NOT_OWNER)
    errors._require(duration != 0 and duration <= LONGEST_PAUSE, errors.OUT_OF_BOUNDS)
    word: uint256 = staticcall IClearingHouse(core).venue_word(venue)
    # what is no venue would become one's escrow
    errors._require(word & ROLE == TRADING, errors.OUT_OF_BOUNDS)
    errors._require(block.timestamp >= word >> 48, errors.TOO_SOON)
    # as long without a pause as with one, or a pause could be renewed for ever
    extcall IClearingHouse(core).set_venue(
        venue,
        (word & ROLE) | ((block.timestamp + duration) << 8) | ((block.timestamp + 2 * duration) << 48),
    )


@view
@external
def check_asset(word: uint256):
    self._check_asset(word)


@pure
@external
@reentrant  # reads nothing
def check_terms(risk: uint256, trade: uint256, limits: uint256):
    self._check_terms(risk, trade, limits)


@internal
@view
def _only_owner():
    errors._require(msg.sender == OWNER, errors.NOT_OWNER)


@internal
def _check_depth(core: address, instrument: uint256, known: uint256, risk: uint256, trade: uint256, limits: uint256):
    """
    @dev Another depth revalues the premium that closing refunds, by at most d * max premium / 2 of the notional: no
         more than the round trip it takes to earn that, two fees each way.
    """
    old: int256 = terms._skew_scale(known)
    new: int256 = terms._skew_scale(risk)
    if old == new:
        return
    interest: uint256 = staticcall IClearingHouse(core).interest_word(instrument)
    if market_words._long_side(interest) == 0 and market_words._short_side(interest) == 0:
        return
    errors._require(block.timestamp >= self.rescaled[core][instrument] + DAY, errors.TOO_SOON)
    errors._require(
        abs(new - old) * terms._max_premium(limits) <= 4 * terms._taker_fee(trade) * min(old, new), errors.OUT_OF_BOUNDS
    )
    self.rescaled[core][instrument] = block.timestamp


@internal
@view
def _check_quote(core: address, instrument: uint256, risk: uint256, limits: uint256):
    """
    @dev What the vault asks now stays within the new limits: it is lowered first.
    """
    vault: address = staticcall IClearingHouse(core).vault_of(terms._settle_asset(risk))
    word: uint256 = staticcall ILiquidityVault(vault).quote_word(instrument)
    errors._require(
        convert(word & (2**20 - 1), int256) <= terms._max_premium(limits)
        and convert((word >> 20) & (2**20 - 1), int256) <= terms._max_half_spread(limits),
        errors.OUT_OF_BOUNDS,
    )


@internal
@view
def _check_asset(word: uint256):
    token: address = asset_word._token(word)
    decimals: uint256 = (word >> 160) & 255
    window: uint256 = asset_word._outflow_window(word)
    share: uint256 = asset_word._outflow_share(word)
    escrow: uint256 = asset_word._escrow_cap(word)
    errors._require(
        word & ~ASSET_BITS == 0
        and token.is_contract
        and decimals <= 18
        and window >= HOUR
        and window <= LONGEST_OUTFLOW
        and share >= LEAST_OUTFLOW_SHARE
        and share <= convert(PPM, uint256)
        and escrow != 0
        and escrow <= MOST_ESCROW,
        errors.OUT_OF_BOUNDS,
    )
    said: uint256 = convert(staticcall IERC20Detailed(token).decimals(), uint256)
    errors._require(decimals == said, errors.OUT_OF_BOUNDS)


@internal
@pure
def _check_terms(risk: uint256, trade: uint256, limits: uint256):
    initial_shock: int256 = terms._initial_shock(risk)
    maintenance_shock: int256 = terms._maintenance_shock(risk)
    half_life: int256 = terms._half_life(risk)
    errors._require(
        risk & ~RISK_BITS == 0
        and risk & 15 == terms.LINEAR_PERPETUAL
        and terms._settle_asset(risk) == 0
        and initial_shock > maintenance_shock
        and initial_shock <= MOST_SHOCK
        and terms._contingency(risk) <= maintenance_shock
        and terms._size_slope(risk) <= PPM
        and terms._skew_scale(risk) > 0
        and terms._max_velocity(risk) <= MOST_VELOCITY
        and terms._max_rate(risk) <= MOST_RATE
        and half_life >= LEAST_HALF_LIFE,
        errors.OUT_OF_BOUNDS,
    )

    # the dearest fill the vault quotes
    quote: int256 = terms._max_premium(limits) + terms._max_half_spread(limits)
    taken: int256 = quote + terms._taker_fee(trade)
    minimum: int256 = terms._minimum_notional(trade)
    errors._require(
        terms._insurance_share(trade) <= PPM
        and terms._band(trade) > quote
        and terms._band(trade) <= MOST_BAND
        and terms._crowding(trade) <= MOST_CROWDING
        and minimum >= WAD
        and minimum <= MOST_MINIMUM
        and terms._soft_cap(trade) <= terms._hard_cap(trade)
        # one fill beyond it still fits a side's field: sizes of fills are below 2**103
        and terms._hard_cap(trade) < 2**103,
        errors.OUT_OF_BOUNDS,
    )
    errors._require(
        limits & ~LIMITS_BITS == 0
        # a liquidation at maintenance makes no deficit and leaves the account no worse
        and taken + terms._penalty(limits) < maintenance_shock
        # reducing below margin can always be paid for, and never costs more than the margin it frees
        # (the fee is on the price that is paid, and roundings must have room)
        and terms._max_cost(limits) * PPM > taken * PPM + terms._taker_fee(trade) * quote
        and terms._max_cost(limits) <= maintenance_shock
        and terms._buffer(limits) <= PPM
        and terms._stress(limits) >= initial_shock
        and terms._stress(limits) <= PPM
        and terms._keeper_reward(limits) * REWARD_PART <= minimum,
        errors.OUT_OF_BOUNDS,
    )
