# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Book
@license AGPL-3.0-only
@notice What the vault quotes, what its positions are worth and what they may lose. The premium that traders paid for
        skew is refunded to whoever closes it, so the potential is no part of the worth. libraries/quote.vy draws the
        quote word.
"""

from ..interfaces import IClearingHouse
from ..interfaces import IPriceOracle
from ..libraries import account_word
from ..libraries import cash_word
from ..libraries import errors
from ..libraries import funding
from ..libraries import market_words
from ..libraries import position_word
from ..libraries import quote as quotes
from ..libraries import rounding
from ..libraries import terms

COLLATERAL: constant(uint256) = 0
WAD: constant(int256) = 10**18
PPM: constant(int256) = 10**6

CORE: immutable(IClearingHouse)
ORACLE: immutable(IPriceOracle)
SLOT_SECONDS: immutable(uint256)
TREASURY: immutable(uint256)
DEFICIT: immutable(uint256)

quote_words: HashMap[uint256, uint256]
# as the ids of an account: ascending, so that instruments of a pool lie side by side
instruments: uint256


@deploy
def __init__(core: address, oracle: address):
    CORE = IClearingHouse(core)
    ORACLE = IPriceOracle(oracle)
    SLOT_SECONDS = staticcall IPriceOracle(oracle).SLOT_SECONDS()
    TREASURY = convert(self, uint256) << 96
    DEFICIT = (convert(core, uint256) << 96) | (2 << 32) | COLLATERAL


@internal
@view
def _quote(instrument: uint256, size: int256, mark: uint256, volatility: uint256) -> uint256:
    word: uint256 = self.quote_words[instrument]
    errors._require(word != 0, errors.NOT_LISTED)
    errors._require(size != 0, errors.ZERO_AMOUNT)
    # within the widths that the arithmetic below relies on
    errors._require(
        (convert(convert(rounding._abs(size), bytes32), uint256) >> 103) | (mark >> 90) | (volatility >> 32) == 0,
        errors.AMOUNT_TOO_LARGE,
    )
    price: int256 = quotes._price(
        size,
        market_words._skew(staticcall CORE.interest_word(instrument)),
        convert(convert(mark, bytes32), int256),
        terms._skew_scale(staticcall CORE.risk_word(instrument)),
        quotes._max_premium(word),
        quotes._half_spread(word, volatility),
    )
    return convert(price, uint256)


@internal
@view
def _worth(close: uint256) -> (int256, int256):
    """
    @param close If not zero, prices of open markets must be fresh and of a slot that opened since.
    @return Equity, rounded down; stress loss of present open interest, rounded up, nothing where it is below one whole
            collateral: sides that shared losses keep crumbs, and those must not hold back gains for ever.
    """
    equity: int256 = self._cash(TREASURY) + self._cash(DEFICIT)
    present: int256 = 0
    pool: uint256 = 0
    ids: uint256 = self.instruments
    for place: uint256 in range(15):
        instrument: uint256 = account_word._instrument(ids, place)
        if instrument == 0:
            break
        if self._pool(instrument) != pool:
            pool = self._pool(instrument)
            purse: uint256 = staticcall CORE.cash_word(pool, COLLATERAL)
            # in a pool's word: fees that belong to insurance
            equity += cash_word._cash(purse) - convert(cash_word._principal(purse), int256)
        interest: uint256 = staticcall CORE.interest_word(instrument)
        # a market without positions is worth nothing at any price, and waits for none
        if self._is_open(interest):
            mark: int256 = self._mark(instrument, close)
            risk: uint256 = staticcall CORE.risk_word(instrument)
            indices: uint256 = 0
            accrued: uint256 = 0
            carry: uint256 = 0
            indices, accrued, carry = funding._accrued(
                staticcall CORE.indices_word(instrument),
                interest,
                staticcall CORE.carry_word(instrument),
                risk,
                convert(mark, uint256),
                block.timestamp,
            )
            held: uint256 = staticcall CORE.position_word(pool, instrument)
            size: int256 = position_word._size(held)
            equity += rounding._div_down(size * mark, WAD)
            equity -= funding._due_up(size, market_words._index(indices, size), position_word._checkpoint(held))
            equity -= quotes._potential_up(
                market_words._skew(interest),
                terms._skew_scale(risk),
                quotes._max_premium(self.quote_words[instrument]),
                mark,
            )
            present += self._stress_up(
                instrument, max(market_words._long_side(interest), market_words._short_side(interest)), mark
            )
    return equity, present if present >= WAD else 0


@internal
@view
def _caps_stress() -> int256:
    """
    @return Stress loss of the unscaled hard caps, rounded up.
    """
    caps: int256 = 0
    ids: uint256 = self.instruments
    for place: uint256 in range(15):
        instrument: uint256 = account_word._instrument(ids, place)
        if instrument == 0:
            break
        cap: int256 = terms._hard_cap(staticcall CORE.trade_word(instrument))
        caps += self._stress_up(instrument, cap, self._mark(instrument, 0))
    return caps


@internal
@view
def _stress_up(instrument: uint256, side: int256, mark: int256) -> int256:
    ratio: int256 = terms._stress(staticcall CORE.limits_word(instrument))
    return rounding._div_up(side * mark * ratio, WAD * PPM)


@internal
@view
def _mark(instrument: uint256, close: uint256) -> int256:
    """
    @param close If not zero: the newest price posted, which must be of a slot that opened since.
    @return The price in force, 0 if there was never one.
    """
    feed: uint256 = instrument // 64
    price: uint256 = 0
    fresh: bool = False
    price, fresh = staticcall ORACLE.latest(feed)
    if close != 0:
        errors._require(fresh, errors.STALE_PRICE)
        word: uint256 = staticcall ORACLE.latest_word(feed)
        slot: uint256 = (word >> 180) & (2**32 - 1)
        # in the second of a change fills may have had what is posted, though it is not in force yet
        price = word & (2**90 - 1)
        errors._require(slot * SLOT_SECONDS >= close, errors.TOO_SOON)
    return convert(price, int256)


@internal
@view
def _cash(account: uint256) -> int256:
    return cash_word._cash(staticcall CORE.cash_word(account, COLLATERAL))


@internal
@view
def _pool(instrument: uint256) -> uint256:
    return TREASURY | (1 << 64) | (instrument // 64)


@internal
@pure
def _is_open(interest: uint256) -> bool:
    return interest & (2**208 - 1) != 0
