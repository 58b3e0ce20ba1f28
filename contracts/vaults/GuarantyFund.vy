# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Guaranty fund
@license AGPL-3.0-only
@author Tidegate
@notice Pays what insurance cannot and before the vault must, out of what its shareholders put in; see
        interfaces/IGuarantyFund.vyi for what it promises, vaults/tranches.vy for its books and docs/waterfall.md for
        the order. Its cash lies in one account of the core, which no venue can reach.

        W, S   worth of the shares; shares in being
        p      price of a share, 1e-27: (W + V) / (S + V), with V units of each that nobody owns; 1 while S < V
@custom:kill The core's owner takes the liquidator's role: no bidder is paid. Deficits are covered and shareholders
             leave by notice whatever anybody does.
"""

from ethereum.ercs import IERC20
from ..interfaces import IClearingHouse
from ..interfaces import IGuarantyFund
from ..interfaces import ILiquidityVault
from ..libraries import account_word
from ..libraries import asset_word
from ..libraries import cash_word
from ..libraries import errors
from . import notices
from . import shares
from . import tranches

implements: IERC20
implements: IGuarantyFund

initializes: notices
initializes: shares
initializes: tranches

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
LIQUIDATION: constant(uint256) = 2  # role at the core
PPM: constant(uint256) = 10**6
DAY: constant(uint256) = 86400
VIRTUAL: constant(uint256) = 10**6
PRICE_ONE: constant(uint256) = 10**27
# a share worth less than a millionth of a token: who came now would pay for what others lost
MIN_PRICE: constant(uint256) = 10**21
PARAMETERS_BITS: constant(uint256) = 2**208 - 1

OWNER: public(immutable(address))
CORE: immutable(IClearingHouse)
ACCOUNT: immutable(uint256)
INSURANCE: immutable(uint256)
DEFICIT: immutable(uint256)


@deploy
def __init__(core: address, owner: address, parameters: uint256):
    """
    @param parameters See vaults/tranches.vy; bounded as in set_parameters.
    """
    errors._require(core != empty(address) and owner != empty(address), errors.OUT_OF_BOUNDS)
    OWNER = owner
    CORE = IClearingHouse(core)
    ACCOUNT = convert(self, uint256) << 96
    INSURANCE = (convert(core, uint256) << 96) | (1 << 32) | COLLATERAL
    DEFICIT = (convert(core, uint256) << 96) | (2 << 32) | COLLATERAL
    self._set_parameters(parameters)
    shares.__init__("Tidegate Guaranty", "TIDE-GF")


# The waterfall


@external
def cover(asset: uint256) -> uint256:
    if asset != COLLATERAL:
        return 0
    return self._cover()[0]


@external
def pay_bidder(to_account: uint256, amount: uint256) -> uint256:
    errors._require(staticcall CORE.venue_word(msg.sender) & 255 == LIQUIDATION, errors.NOT_VENUE)
    self._cover()
    self._collect()
    paid: uint256 = self._payment(amount)
    if paid != 0:
        tranches._pay(paid)
        extcall CORE.transfer(ACCOUNT, to_account, COLLATERAL, paid)
        log IGuarantyFund.BidderPaid(account=to_account, amount=paid)
    return paid


@external
def collect():
    self._collect()


# Shareholders


@external
def contribute(account: uint256, amount: uint256, least_shares: uint256) -> uint256:
    self._require_lp(account)
    # what is booked is paid by those who were there; what they cannot pay, nobody shall pay who comes now
    errors._require(self._cover()[1] == 0, errors.DEFICIT_BOOKED)
    self._collect()
    price: uint256 = self._price()
    errors._require(price >= MIN_PRICE, errors.NO_SHARE_PRICE)
    before: uint256 = staticcall CORE.cash_word(ACCOUNT, COLLATERAL)
    errors._require(before & cash_word.RESERVED != 0, errors.NOT_RESERVED)

    # while a deficit is booked, gains arrive cut: the shares are for what did arrive
    extcall CORE.transfer(account, ACCOUNT, COLLATERAL, amount)
    arrived: uint256 = cash_word._principal(staticcall CORE.cash_word(ACCOUNT, COLLATERAL)) - cash_word._principal(
        before
    )
    errors._require(tranches._total() + arrived <= tranches.MAX_TOTAL, errors.AMOUNT_TOO_LARGE)
    # the price was rounded down: one unit more is never too cheap
    minted: uint256 = arrived * PRICE_ONE // (price + 1)
    errors._require(minted != 0, errors.ZERO_AMOUNT)
    errors._require(minted >= least_shares, errors.LIMIT_BROKEN)
    pledged: uint256 = arrived * tranches._ppm(tranches.parameters, 0) // PPM
    tranches._contribute(arrived - pledged, pledged)
    shares._mint(convert(account >> 96, address), minted)
    log IGuarantyFund.Contributed(account=account, assets=arrived, pledged=pledged, shares=minted)
    return minted


@external
def give_notice(account: uint256, shares_in: uint256):
    self._require_lp(account)
    self._cover()
    self._collect()
    price: uint256 = self._price()
    matures: uint256 = 0
    closes: uint256 = 0
    matures, closes = notices._open(
        account,
        shares_in,
        price,
        tranches._seconds(tranches.parameters, 112),
        tranches._seconds(tranches.parameters, 144),
    )
    shares._move(msg.sender, self, shares_in)
    log IGuarantyFund.NoticeGiven(account=account, shares=shares_in, price=price, matures=matures, closes=closes)


@external
def claim(account: uint256, least_assets: uint256) -> uint256:
    self._require_lp(account)
    notices._require_open(account)
    rest: uint256 = self._cover()[1]
    self._collect()
    burnt: uint256 = 0
    noted: uint256 = 0
    burnt, noted = notices._close(account)
    worth: uint256 = tranches._worth()
    price: uint256 = self._price()
    assets: uint256 = min(burnt * min(price, noted) // PRICE_ONE, worth)
    whole: uint256 = min(burnt * price // PRICE_ONE, worth)
    shares._burn(self, burnt)
    # what was won since the notice stays, for those who stay
    tranches._vest(min(whole - assets, tranches._leave(assets)))
    # what the fund may not pay now it might have to later: the leaver's part goes with it
    charge: uint256 = 0
    if rest != 0 and assets != 0:
        charge = (assets * min(rest, worth) + worth - 1) // worth
    paid: uint256 = assets - charge
    errors._require(paid >= least_assets, errors.LIMIT_BROKEN)
    if charge != 0:
        extcall CORE.transfer(ACCOUNT, DEFICIT, COLLATERAL, charge)
    if paid != 0:
        extcall CORE.transfer(ACCOUNT, account, COLLATERAL, paid)
    log IGuarantyFund.Claimed(account=account, shares=burnt, assets=paid, charge=charge)
    return paid


@external
def cancel(account: uint256):
    errors._require(
        block.timestamp >= notices._closes(account) or staticcall CORE.may(account, msg.sender, LP),
        errors.NOT_PERMITTED,
    )
    self._cover()
    self._collect()
    held: uint256 = 0
    noted: uint256 = 0
    held, noted = notices._close(account)
    price: uint256 = self._price()
    back: uint256 = held
    if price > noted:
        back = held * noted // price
        burnt: uint256 = held - back
        shares._burn(self, burnt)
        tranches._vest(min(burnt * price // PRICE_ONE, tranches._leave(0)))
    shares._move(self, convert(account >> 96, address), back)
    log IGuarantyFund.NoticeCancelled(account=account, shares=back, forfeited=held - back)


# Governance


@external
def set_parameters(word: uint256):
    errors._require(msg.sender == OWNER, errors.NOT_OWNER)
    self._set_parameters(word)


# Views


@view
@external
@reentrant
def drawn() -> (uint256, uint256):
    size: uint256 = 0
    drawn: uint256 = 0
    paid: uint256 = 0
    size, drawn, paid = tranches._today()
    return drawn, size


@view
@external
@reentrant
def capacity() -> (uint256, uint256):
    return tranches._mutual() + self._given(), tranches._assessable()


@view
@external
@reentrant
def payment_of(amount: uint256) -> uint256:
    return self._payment(amount)


@view
@external
@reentrant
def share_price() -> uint256:
    return self._price()


@view
@external
@reentrant
def parameters_word() -> uint256:
    return tranches.parameters


@view
@external
@reentrant
def funds_word() -> uint256:
    return tranches.funds


@view
@external
@reentrant
def vesting_word() -> uint256:
    return tranches.vesting


@view
@external
@reentrant
def assessment_word() -> uint256:
    return tranches.assessment


@view
@external
@reentrant
def day_word() -> uint256:
    return tranches.day


@view
@external
@reentrant
def notice_word(account: uint256) -> (uint256, uint256):
    return notices.words[account], notices.prices[account]


@view
@external
@reentrant
def asset() -> address:
    return asset_word._token(staticcall CORE.asset_word(COLLATERAL))


@view
@external
@reentrant
def totalAssets() -> uint256:
    return tranches._worth() // self._unit()


@view
@external
@reentrant
def convertToShares(assets: uint256) -> uint256:
    return assets * self._unit() * PRICE_ONE // (self._price() + 1)


@view
@external
@reentrant
def convertToAssets(shares_in: uint256) -> uint256:
    return shares_in * self._price() // PRICE_ONE // self._unit()


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


# Helpers


@internal
@view
def _price() -> uint256:
    """
    @return Collateral per share, 1e-27, rounded down.
    """
    supply: uint256 = shares.totalSupply
    if supply < VIRTUAL:
        # what is left over belongs to nobody: whoever comes next gets it
        return PRICE_ONE
    return (tranches._worth() + VIRTUAL) * PRICE_ONE // (supply + VIRTUAL)


@internal
def _cover() -> (uint256, uint256):
    """
    @return What the fund paid of the booked deficit; what neither insurance nor the fund can pay now.
    """
    if self._cash(DEFICIT) >= 0:
        return 0, 0
    # fees that wait in pools for insurance come before the fund
    pools: DynArray[uint256, 15] = self._pools()
    for pool: uint256 in pools:
        if self._unswept(pool) != 0:
            extcall CORE.sweep_fees(pool, COLLATERAL)
    lack: int256 = -self._cash(DEFICIT) - max(self._cash(INSURANCE), 0)
    if lack <= 0:
        return 0, 0
    need: uint256 = convert(lack, uint256)
    self._collect()
    mutual: uint256 = 0
    assessed: uint256 = 0
    mutual, assessed = tranches._draw(need)
    paid: uint256 = mutual + assessed
    if paid != 0:
        extcall CORE.transfer(ACCOUNT, DEFICIT, COLLATERAL, paid)
        log IGuarantyFund.Covered(asset=COLLATERAL, mutual=mutual, assessed=assessed)
    return paid, need - paid


@internal
def _collect():
    gift: uint256 = self._given()
    if gift != 0:
        # in the tranche at once, where it pays like all else; in the price only by and by
        tranches._contribute(gift, 0)
        tranches._vest(gift)
        log IGuarantyFund.Collected(amount=gift)


@internal
@view
def _given() -> uint256:
    """
    @return What came without a deposit and is in no book yet. Cash that carries no principal (a keeper's reward sent
            here) is left aside: who leaves must not wait for the outflow bucket.
    """
    known: uint256 = tranches._total()
    held: uint256 = min(cash_word._principal(staticcall CORE.cash_word(ACCOUNT, COLLATERAL)), tranches.MAX_TOTAL)
    return held - known if held > known else 0


@internal
@view
def _payment(amount: uint256) -> uint256:
    """
    @return What of an amount a bidder gets. What insurance holds is taken off: booking would cost it first.
    """
    insured: uint256 = convert(max(self._cash(INSURANCE), 0), uint256)
    pools: DynArray[uint256, 15] = self._pools()
    for pool: uint256 in pools:
        insured += self._unswept(pool)
    if amount <= insured:
        return 0
    return min(amount - insured, tranches._payable())


@internal
def _set_parameters(word: uint256):
    payment: uint256 = tranches._ppm(word, 40)
    assessed: uint256 = tranches._ppm(word, 20)
    pledged: uint256 = tranches._ppm(word, 0)
    assessment: uint256 = tranches._seconds(word, 80)
    notice: uint256 = tranches._seconds(word, 112)
    window: uint256 = tranches._seconds(word, 144)
    vesting: uint256 = tranches._seconds(word, 176)
    errors._require(
        word <= PARAMETERS_BITS
        # a pledge that a window cannot empty: the shares are never worth nothing
        and pledged >= 100_000
        and pledged <= 900_000
        and assessed >= 10_000
        and assessed <= 500_000
        and payment <= 50_000
        and tranches._ppm(word, 60) <= 200_000
        and payment <= tranches._ppm(word, 60)
        and assessment >= 7 * DAY
        and assessment <= 90 * DAY
        # longer than anything stays hidden that the shareholders will have to pay
        and notice >= 7 * DAY and notice <= 60 * DAY
        # who may leave at once, on seeing it come, is few
        and window >= DAY and window <= notice // 2 and vesting >= DAY and vesting <= 90 * DAY,
        errors.OUT_OF_BOUNDS,
    )
    tranches.parameters = word
    log IGuarantyFund.ParametersSet(word=word)


@internal
@view
def _require_lp(account: uint256):
    errors._require(staticcall CORE.may(account, msg.sender, LP), errors.NOT_PERMITTED)


@internal
@view
def _cash(account: uint256) -> int256:
    return cash_word._cash(staticcall CORE.cash_word(account, COLLATERAL))


@internal
@view
def _pools() -> DynArray[uint256, 15]:
    """
    @return The vault's pools, each once: instruments of one lie side by side.
    """
    vault: address = staticcall CORE.vault_of(COLLATERAL)
    ids: uint256 = staticcall ILiquidityVault(vault).instruments_word()
    pools: DynArray[uint256, 15] = []
    pool: uint256 = 0
    for place: uint256 in range(15):
        instrument: uint256 = account_word._instrument(ids, place)
        if instrument == 0:
            break
        here: uint256 = (convert(vault, uint256) << 96) | (1 << 64) | (instrument // 64)
        if here != pool:
            pool = here
            pools.append(pool)
    return pools


@internal
@view
def _unswept(pool: uint256) -> uint256:
    """
    @return Fees of insurance that are still in a pool.
    """
    return cash_word._principal(staticcall CORE.cash_word(pool, COLLATERAL))


@internal
@view
def _unit() -> uint256:
    return asset_word._unit(staticcall CORE.asset_word(COLLATERAL))
