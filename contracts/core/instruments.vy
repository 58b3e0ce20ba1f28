# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Instruments
@license AGPL-3.0-only
@notice The registry: terms of instruments, assets and their vaults, venues and their roles, the mark of an
        instrument. What may be set, and by whom, is the Configurator's to judge (governance/Configurator.vy).
"""

from ..libraries import errors
from ..interfaces import IClearingHouse
from ..interfaces import IPriceOracle
from ..libraries import terms

TRADING: constant(uint256) = 1
LIQUIDATION: constant(uint256) = 2
BREAKER: constant(uint256) = 4
MAX_PRICE: constant(uint256) = 2**90 - 1

ORACLE: immutable(address)
CONFIGURATOR: immutable(address)

risk: HashMap[uint256, uint256]
trade: HashMap[uint256, uint256]
limits: HashMap[uint256, uint256]
assets: HashMap[uint256, uint256]
vaults: HashMap[uint256, address]
venues: HashMap[address, uint256]
# prices in force that this transaction has asked for, by underlying: timestamp << 181 | fresh << 90 | price
_kept: transient(HashMap[uint256, uint256])


@deploy
def __init__(oracle: address, configurator: address):
    errors._require(oracle != empty(address) and configurator != empty(address), errors.OUT_OF_BOUNDS)
    ORACLE = oracle
    CONFIGURATOR = configurator


@internal
@view
def _marks(underlying: uint256, slot: uint256) -> uint256:
    """
    @return As the oracle's `marks`; the part asked for is there.
    """
    word: uint256 = staticcall IPriceOracle(ORACLE).marks(underlying, slot)
    errors._require(word & MAX_PRICE != 0 and word >> 181 == 0, errors.NO_PRICE)
    return word


@internal
@view
def _mark(instrument: uint256, slot: uint256) -> (int256, bool):
    """
    @param slot 0: the price in force.
    @return Settlement asset per unit; whether the price in force is fresh. Reverts without a price.
    """
    word: uint256 = 0
    if slot == 0:
        word = self._kept[instrument >> 6]
    if word >> 181 != block.timestamp:
        word = self._marks(instrument >> 6, slot)
    return convert(convert(word & MAX_PRICE, bytes32), int256), (word >> 90) & 1 == 1


@internal
def _keep_mark(instrument: uint256, slot: uint256) -> (int256, int256):
    """
    @notice Keeps the price in force, which is one for the whole second, for the rest of the transaction.
    @return The price in force; and the slot's, for slot 0 the same.
    """
    word: uint256 = self._marks(instrument >> 6, slot)
    mark: uint256 = word >> 91
    errors._require(mark != 0, errors.NO_PRICE)
    self._kept[instrument >> 6] = (block.timestamp << 181) | (word & (1 << 90)) | mark
    return convert(convert(mark, bytes32), int256), convert(convert(word & MAX_PRICE, bytes32), int256)


@internal
def _add_asset(asset: uint256, word: uint256, vault: address):
    self._require_configurator()
    self.assets[asset] = word
    self.vaults[asset] = vault
    log IClearingHouse.AssetAdded(asset=asset, word=word, vault=vault)


@internal
def _set_terms(instrument: uint256, risk: uint256, trade: uint256, limits: uint256):
    self._require_configurator()
    self.risk[instrument] = (risk & ~terms.STATE) | (self.risk[instrument] & terms.STATE)
    self.trade[instrument] = trade
    self.limits[instrument] = limits
    log IClearingHouse.TermsSet(instrument=instrument, risk=risk, trade=trade, limits=limits)


@internal
def _set_venue(venue: address, word: uint256):
    self._require_configurator()
    self.venues[venue] = word
    log IClearingHouse.VenueSet(venue=venue, word=word)


@internal
@view
def _require_configurator():
    errors._require(msg.sender == CONFIGURATOR, errors.NOT_OWNER)
