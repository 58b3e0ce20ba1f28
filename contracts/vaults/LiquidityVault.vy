# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Liquidity vault
@license AGPL-3.0-only
@author Tidegate
@notice The counterparty of every trade, owned by its shareholders; see interfaces/ILiquidityVault.vyi for what it
        promises. Glossary:

        E, S     equity; shares in being
        p        price of a share, 1e-27: (E + V) / (S + V), with V units of each that nobody owns; 1 while S < V
        escrow   account of deposits that wait or come back; all of it principal
        payouts  account of redemptions that are settled and not yet claimed: their principal
        gains    and what they won, which holds no principal
        None of the three is part of E, so a request changes nothing until its epoch is processed.

        Treasury and pools are one purse: the treasury holds what was deposited, a pool what its trades paid and cost,
        so either may be short while the other is not. What shareholders won leaves out of a pool; otherwise cash moves
        between them only when the treasury must pay.
@custom:kill The owner delists an instrument without open interest: it is quoted no more. Closing and redeeming go on;
             to stop openings revoke the venues at the core.
"""

from ethereum.ercs import IERC20
from ..interfaces import ILiquidityVault
from ..libraries import account_word
from ..libraries import asset_word
from ..libraries import cash_word
from ..libraries import errors
from ..libraries import market_words
from ..libraries import quote as quotes
from ..libraries import rounding
from ..libraries import terms
from . import book
from . import requests
from . import shares

implements: IERC20
implements: ILiquidityVault

initializes: book
initializes: requests
initializes: shares

exports: (
    shares.name,
    shares.symbol,
    shares.decimals,
    shares.totalSupply,
    shares.balanceOf,
    shares.allowance,
    shares.transfer,
    shares.transferFrom,
    shares.approve,
)

COLLATERAL: constant(uint256) = 0
LP: constant(uint256) = 4  # permission at the core
PPM: constant(int256) = 10**6
VIRTUAL: constant(uint256) = 10**6
# a share worth less than a millionth of a token: the vault is as good as lost, and nothing is priced
MIN_PRICE: constant(uint256) = 10**21
SHORTEST_EPOCH: constant(uint256) = 60
LONGEST_EPOCH: constant(uint256) = 30 * 86400

OWNER: public(immutable(address))
EPOCH_SECONDS: public(immutable(uint256))
STRESS_SHARE: public(immutable(uint256))  # ppm of equity
ESCROW: immutable(uint256)
PAYOUTS: immutable(uint256)
GAINS: immutable(uint256)


@deploy
def __init__(core: address, oracle: address, owner: address, epoch_seconds: uint256, stress_share: uint256):
    """
    @param stress_share ppm of equity that stress losses may use.
    """
    errors._require(
        core != empty(address)
        and owner != empty(address)
        and epoch_seconds >= SHORTEST_EPOCH
        and epoch_seconds <= LONGEST_EPOCH
        and stress_share != 0
        and stress_share <= 10**6,
        errors.OUT_OF_BOUNDS,
    )
    book.__init__(core, oracle)
    OWNER = owner
    EPOCH_SECONDS = epoch_seconds
    STRESS_SHARE = stress_share
    ESCROW = book.TREASURY | 1
    PAYOUTS = book.TREASURY | 2
    GAINS = book.TREASURY | 3
    shares.__init__("Tidegate Liquidity", "TIDE-LP")


# The counterparty


@view
@external
@reentrant
def quote(instrument: uint256, size: int256, mark: uint256, volatility: uint256) -> uint256:
    return book._quote(instrument, size, mark, volatility)


@view
@external
@reentrant
def equity() -> int256:
    return book._worth(0)[0]


@view
@external
@reentrant
def stress() -> (uint256, uint256):
    return convert(book._worth(0)[1], uint256), convert(book._caps_stress(), uint256)


@view
@external
@reentrant
def covers_stress() -> (bool, uint256):
    equity: int256 = 0
    present: int256 = 0
    equity, present = book._worth(0)
    return present == 0 or equity >= present, convert(max(-equity, 0), uint256)


@external
def poke_caps():
    self._scale_caps(book._worth(0)[0])


@external
def absorb():
    self._absorb()


# Requests


@external
def request_deposit(account: uint256, amount: uint256, least_shares: uint256, deadline: uint256):
    self._require_lp(account)
    # while a deficit is booked, gains arrive cut: the request is for what did arrive
    held: int256 = book._cash(ESCROW)
    extcall book.CORE.transfer(account, ESCROW, COLLATERAL, amount)
    arrived: uint256 = convert(book._cash(ESCROW) - held, uint256)
    self._request(account, requests.DEPOSIT, arrived, least_shares, deadline)


@external
def request_redeem(account: uint256, shares_in: uint256, least_assets: uint256, deadline: uint256):
    self._require_lp(account)
    shares._move(msg.sender, self, shares_in)
    self._request(account, requests.REDEEM, shares_in, least_assets, deadline)


@external
def process_epoch(epoch: uint256):
    close: uint256 = (epoch + 1) * EPOCH_SECONDS
    errors._require(close <= block.timestamp, errors.TOO_SOON)
    waiting: uint256 = requests._next(epoch)
    # what is still booked would cut the gains in these claims a second time
    self._absorb()

    equity: int256 = 0
    present: int256 = 0
    equity, present = book._worth(close)
    supply: uint256 = shares.totalSupply
    price: uint256 = self._price(equity, supply)
    settled: uint256 = requests._terms(price, requests.WHOLE)
    assets_in: uint256 = 0
    minted: uint256 = 0
    assets_out: uint256 = 0
    burnt: uint256 = 0
    assets_in, minted, assets_out, burnt = self._totals(epoch, waiting, settled)

    # redemptions, net of deposits, leave what the present positions may lose
    filled: uint256 = requests.WHOLE
    kept: int256 = rounding._div_up(present * PPM, convert(STRESS_SHARE, int256))
    most: int256 = equity
    if book.instruments == 0:
        # without a pool to draw from only the treasury pays
        most = min(most, book._cash(book.TREASURY))
    room: uint256 = convert(max(most + convert(assets_in, int256) - kept, 0), uint256)
    if assets_out > room:
        filled = room * requests.WHOLE // assets_out
        settled = requests._terms(price, filled)
        assets_in, minted, assets_out, burnt = self._totals(epoch, waiting, settled)

    if burnt != 0:
        principal: uint256 = cash_word._principal(staticcall book.CORE.cash_word(book.TREASURY, COLLATERAL))
        settled = self._pay_out(assets_out, principal * burnt // supply, settled)
        shares._burn(self, burnt)
    if assets_in != 0:
        extcall book.CORE.transfer(ESCROW, book.TREASURY, COLLATERAL, assets_in)
        shares._mint(self, minted)
    requests._settle(epoch, settled)
    log ILiquidityVault.Processed(
        epoch=epoch,
        equity=equity,
        supply=supply,
        price=price,
        assets_in=assets_in,
        shares_burnt=burnt,
        filled=filled,
    )
    self._scale_caps(equity + convert(assets_in, int256) - convert(assets_out, int256))


@external
def claim(account: uint256):
    self._claim(account, max_value(uint256))


@external
def claim_part(account: uint256, most: uint256):
    errors._require(most != 0, errors.ZERO_AMOUNT)
    self._claim(account, most)


# Governance


@external
def set_quote(instrument: uint256, word: uint256):
    errors._require(msg.sender == OWNER, errors.NOT_OWNER)
    old: uint256 = book.quote_words[instrument]
    interest: uint256 = staticcall book.CORE.interest_word(instrument)
    if word == 0:
        errors._require(old != 0, errors.NOT_LISTED)
        errors._require(not book._is_open(interest), errors.TOO_SOON)
        book.instruments = account_word._remove(book.instruments, instrument)
        self._empty_pool(book._pool(instrument))
    else:
        risk: uint256 = staticcall book.CORE.risk_word(instrument)
        limits: uint256 = staticcall book.CORE.limits_word(instrument)
        errors._require(
            risk != 0 and terms._settle_asset(risk) == COLLATERAL and staticcall book.CORE.vault_of(COLLATERAL) == self,
            errors.NOT_LISTED,
        )
        max_premium: int256 = quotes._max_premium(word)
        max_half_spread: int256 = convert(quotes._ppm(word, 20), int256)
        errors._require(
            word >> 80 == 0
            and max_premium != 0
            and max_premium <= terms._max_premium(limits)
            and max_half_spread <= terms._max_half_spread(limits)
            and convert(quotes._ppm(word, 40), int256) <= max_half_spread
            and quotes._ppm(word, 60) <= 10**6,
            errors.OUT_OF_BOUNDS,
        )
        if old == 0:
            book.instruments = account_word._insert(book.instruments, instrument)
        else:
            # another premium would pay or charge whoever holds the skew: only where the potential stays the same
            skew: int256 = market_words._skew(interest)
            scale: int256 = terms._skew_scale(risk)
            errors._require(
                quotes._potential_numerator(skew, scale, max_premium)
                == quotes._potential_numerator(skew, scale, quotes._max_premium(old)),
                errors.TOO_SOON,
            )
    book.quote_words[instrument] = word
    log ILiquidityVault.QuoteSet(instrument=instrument, word=word)
    # a market begins with its whole cap, even against an empty vault
    self._scale_caps(book._worth(0)[0])


# Views


@view
@external
@reentrant
def quote_word(instrument: uint256) -> uint256:
    return book.quote_words[instrument]


@view
@external
@reentrant
def instruments_word() -> uint256:
    return book.instruments


@view
@external
@reentrant
def request_word(account: uint256) -> uint256:
    return requests.words[account]


@view
@external
@reentrant
def epoch_word(epoch: uint256) -> uint256:
    return requests.epochs[epoch]


@view
@external
@reentrant
def waiting_word(epoch: uint256) -> uint256:
    return requests.waiting[epoch]


@view
@external
@reentrant
def queue_word() -> uint256:
    return requests.queue


@view
@external
@reentrant
def account_at(epoch: uint256, redeem: bool, place: uint256) -> uint256:
    return requests.places[requests._place(epoch, requests.REDEEM if redeem else requests.DEPOSIT, place)]


@view
@external
@reentrant
def claimable(account: uint256) -> (bool, uint256, uint256):
    request: uint256 = requests.words[account]
    kind: uint256 = request & 7
    settled: uint256 = requests.epochs[(request >> 3) & (2**29 - 1)]
    if kind <= requests.CLOSED or settled == 0:
        return False, 0, 0
    principal: uint256 = 0
    gain: uint256 = 0
    handed: uint256 = 0
    principal, gain, handed = requests._outcome(request, settled)
    return True, principal + gain, handed


@view
@external
@reentrant
def share_price() -> uint256:
    return self._price(book._worth(0)[0], shares.totalSupply)


@view
@external
@reentrant
def asset() -> address:
    return asset_word._token(staticcall book.CORE.asset_word(COLLATERAL))


@view
@external
@reentrant
def totalAssets() -> uint256:
    return convert(max(book._worth(0)[0], 0), uint256) // self._unit()


@view
@external
@reentrant
def convertToShares(assets: uint256) -> uint256:
    price: uint256 = self._price(book._worth(0)[0], shares.totalSupply)
    if price == 0:
        return 0
    return assets * self._unit() * requests.PRICE_ONE // (price + 1)


@view
@external
@reentrant
def convertToAssets(shares_in: uint256) -> uint256:
    price: uint256 = self._price(book._worth(0)[0], shares.totalSupply)
    return shares_in * price // requests.PRICE_ONE // self._unit()


@view
@external
@reentrant
def maxDeposit(receiver: address) -> uint256:
    return 0


@view
@external
@reentrant
def maxMint(receiver: address) -> uint256:
    return 0


@view
@external
@reentrant
def maxWithdraw(owner: address) -> uint256:
    return 0


@view
@external
@reentrant
def maxRedeem(owner: address) -> uint256:
    return 0


@view
@external
@reentrant
def previewDeposit(assets: uint256) -> uint256:
    errors._require(False, errors.NOT_SYNCHRONOUS)
    return 0


@view
@external
@reentrant
def previewMint(shares_out: uint256) -> uint256:
    errors._require(False, errors.NOT_SYNCHRONOUS)
    return 0


@view
@external
@reentrant
def previewWithdraw(assets: uint256) -> uint256:
    errors._require(False, errors.NOT_SYNCHRONOUS)
    return 0


@view
@external
@reentrant
def previewRedeem(shares_in: uint256) -> uint256:
    errors._require(False, errors.NOT_SYNCHRONOUS)
    return 0


# Value


@internal
@pure
def _price(equity: int256, supply: uint256) -> uint256:
    """
    @return Collateral per share, 1e-27, rounded down; 0: no price that is fair to both sides.
    """
    if equity < 0:
        return 0
    if supply < VIRTUAL:
        # what is left over belongs to nobody: whoever comes next gets it
        return requests.PRICE_ONE
    price: uint256 = (convert(equity, uint256) + VIRTUAL) * requests.PRICE_ONE // (supply + VIRTUAL)
    if price < MIN_PRICE or price > requests.MAX_PRICE:
        return 0
    return price


@internal
def _scale_caps(equity: int256):
    caps: int256 = book._caps_stress() * PPM
    allowed: int256 = max(equity, 0) * convert(STRESS_SHARE, int256)
    scale: uint256 = market_words.FULL_SCALE
    if caps > allowed:
        scale = scale * convert(allowed, uint256) // convert(caps, uint256)
    ids: uint256 = book.instruments
    for place: uint256 in range(15):
        instrument: uint256 = account_word._instrument(ids, place)
        if instrument == 0:
            break
        if market_words._scale(staticcall book.CORE.interest_word(instrument)) != scale:
            extcall book.CORE.scale_caps(instrument, scale)


@internal
def _absorb():
    pool: uint256 = 0
    ids: uint256 = book.instruments
    for place: uint256 in range(15):
        instrument: uint256 = account_word._instrument(ids, place)
        if instrument == 0:
            break
        if book._pool(instrument) != pool:
            pool = book._pool(instrument)
            extcall book.CORE.sweep_fees(pool, COLLATERAL)
    booked: int256 = -book._cash(book.DEFICIT)  # insurance paid what it could when it got its fees
    if booked > 0:
        payment: int256 = min(booked, book._worth(0)[0] + booked)
        if payment > 0:
            amount: uint256 = convert(payment, uint256)
            self._fund_treasury(amount)
            extcall book.CORE.transfer(book.TREASURY, book.DEFICIT, COLLATERAL, amount)
            log ILiquidityVault.Absorbed(asset=COLLATERAL, amount=amount)


@internal
def _fund_treasury(amount: uint256):
    """
    @notice Draws what the treasury lacks from the first pool: only their sum has a meaning.
    """
    lack: int256 = convert(amount, int256) - book._cash(book.TREASURY)
    if lack > 0:
        pool: uint256 = book._pool(account_word._instrument(book.instruments, 0))
        extcall book.CORE.transfer(pool, book.TREASURY, COLLATERAL, convert(lack, uint256))


@internal
def _empty_pool(pool: uint256):
    """
    @notice Takes over what a pool without instruments holds or owes, as equity no longer counts it.
    """
    ids: uint256 = book.instruments
    for place: uint256 in range(15):
        instrument: uint256 = account_word._instrument(ids, place)
        if instrument == 0:
            break
        if book._pool(instrument) == pool:
            return
    extcall book.CORE.sweep_fees(pool, COLLATERAL)
    cash: int256 = book._cash(pool)
    if cash > 0:
        extcall book.CORE.transfer(pool, book.TREASURY, COLLATERAL, convert(cash, uint256))
    elif cash < 0:
        lack: uint256 = convert(-cash, uint256)
        self._fund_treasury(lack)
        extcall book.CORE.transfer(book.TREASURY, pool, COLLATERAL, lack)


# Requests


@internal
@view
def _require_lp(account: uint256):
    errors._require(staticcall book.CORE.may(account, msg.sender, LP), errors.NOT_PERMITTED)


@internal
def _request(account: uint256, kind: uint256, amount: uint256, least: uint256, deadline: uint256):
    epoch: uint256 = block.timestamp // EPOCH_SECONDS
    requests._enter(account, kind, amount, least, deadline, epoch)
    log ILiquidityVault.Requested(
        account=account,
        epoch=epoch,
        redeem=kind == requests.REDEEM,
        amount=amount,
        least=least,
        deadline=deadline,
    )


@internal
@view
def _totals(epoch: uint256, waiting: uint256, settled: uint256) -> (uint256, uint256, uint256, uint256):
    """
    @return Sums of what the claims will do: collateral in, shares minted, collateral out, shares burnt.
    """
    assets_in: uint256 = 0
    minted: uint256 = 0
    assets_out: uint256 = 0
    burnt: uint256 = 0
    back: uint256 = 0
    if settled >> 70 & requests.MAX_PRICE != 0:
        assets_in = requests._sum(waiting, requests.DEPOSIT)
        minted = requests._bought(assets_in, settled)
        burnt = requests._sum(waiting, requests.REDEEM)
        assets_out, back = requests._sold(burnt, settled)
        burnt -= back
    for kind: uint256 in [requests.DEPOSIT, requests.REDEEM]:
        for place: uint256 in range(requests._count(waiting, kind), bound=32):
            request: uint256 = requests.words[requests.places[requests._place(epoch, kind, place)]]
            if requests._is_taken(request, settled):
                amount: uint256 = request >> 160
                if kind == requests.DEPOSIT:
                    assets_in += amount
                    minted += requests._bought(amount, settled)
                else:
                    assets: uint256 = 0
                    assets, back = requests._sold(amount, settled)
                    assets_out += assets
                    burnt += amount - back
    return assets_in, minted, assets_out, burnt


@internal
def _pay_out(assets: uint256, principal: uint256, settled: uint256) -> uint256:
    """
    @notice Sets aside what redemptions got. The treasury gives up their part of its principal; what they won comes
            from a pool, whose cash carries none, and what they lost stays in it: it frees no later gain.
    @param principal Of the shares that are burnt.
    @return The epoch's word with the share of principal.
    """
    share: uint256 = requests.ALL
    if assets > principal:
        share = principal * requests.ALL // assets
    kept: uint256 = assets * share // requests.ALL
    # without any market, a treasury has nobody to win from
    purse: uint256 = book.TREASURY
    if book.instruments != 0:
        purse = book._pool(account_word._instrument(book.instruments, 0))
        if principal > assets:
            extcall book.CORE.transfer(book.TREASURY, purse, COLLATERAL, principal - assets)
    if kept != 0:
        extcall book.CORE.transfer(book.TREASURY, PAYOUTS, COLLATERAL, kept)
    if assets != kept:
        extcall book.CORE.transfer(purse, GAINS, COLLATERAL, assets - kept)
    return requests._with_principal(settled, share)


@internal
def _claim(account: uint256, most: uint256):
    request: uint256 = requests.words[account]
    kind: uint256 = request & 7
    epoch: uint256 = (request >> 3) & (2**29 - 1)
    errors._require(kind > requests.CLOSED, errors.NO_REQUEST)
    settled: uint256 = requests.epochs[epoch]
    errors._require(settled != 0, errors.NOT_PROCESSED)
    principal: uint256 = 0
    gain: uint256 = 0
    handed: uint256 = 0
    principal, gain, handed = requests._outcome(request, settled)
    paid: uint256 = min(principal, most)
    won: uint256 = min(gain, most - paid)
    requests._close(account, principal - paid, gain - won, kind, epoch)
    if handed != 0:
        shares._move(self, convert(account >> 96, address), handed)
    if paid != 0:
        source: uint256 = ESCROW if requests._is_deposit(kind) else PAYOUTS
        extcall book.CORE.transfer(source, account, COLLATERAL, paid)
    if won != 0:
        extcall book.CORE.transfer(GAINS, account, COLLATERAL, won)
    log ILiquidityVault.Claimed(account=account, epoch=epoch, assets=paid + won, shares=handed)


# Words


@internal
@view
def _unit() -> uint256:
    return asset_word._unit(staticcall book.CORE.asset_word(COLLATERAL))
