# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Ledger
@license AGPL-3.0-only
@notice Cash and positions: one word per account and asset, one per account and instrument. Every movement of cash
        is one integer applied with both signs; tokens move only in _take and _give.
"""

from ethereum.ercs import IERC20
from ..interfaces import IClearingHouse
from ..interfaces import ILiquidityVault
from ..libraries import account_word
from ..libraries import asset_word
from ..libraries import cash_word
from ..libraries import errors
from ..libraries import position_word
from . import accounts
from . import carry
from . import instruments

uses: accounts
uses: carry
uses: instruments

cash: HashMap[uint256, HashMap[uint256, uint256]]
positions: HashMap[uint256, HashMap[uint256, uint256]]
# gains that may leave now, 1e-18 << 40 | timestamp
outflow: HashMap[uint256, uint256]


@internal
@view
def _insurance(asset: uint256) -> uint256:
    return (convert(self, uint256) << 96) | (1 << 32) | asset


@internal
@view
def _deficit(asset: uint256) -> uint256:
    """
    @return The account whose negative cash is the booked deficit.
    """
    return unsafe_add(self._insurance(asset), 1 << 32)


@internal
@pure
def _names_pool(account: uint256) -> bool:
    """
    @return Whether the sub-account is of the form kept for pools; fills refuse it to anybody else.
    """
    return (account & (2**96 - 1)) >> 64 == 1


@internal
def _add(account: uint256, asset: uint256, change: int256, principal: int256) -> uint256:
    """
    @param change Of cash. @param principal Change of the middle field; one that would leave its width reverts.
    @return The word afterwards.
    """
    word: uint256 = self.cash[account][asset]
    if word == 0:
        accounts.words[account] |= 1 << asset
    word = cash_word._plus(word, change)
    if principal != 0:
        word = cash_word._plus_principal(word, principal)
    self.cash[account][asset] = word
    return word


@internal
def _flag(account: uint256, asset: uint256, flag: uint256):
    self.cash[account][asset] |= cash_word.ALIVE | flag


@internal
def _hold_principal(account: uint256, asset: uint256, word: uint256, net: int256):
    """
    @notice A lost deposit frees no later gain. @param word Of the account and asset, as it stands.
    """
    lost: int256 = unsafe_sub(max(net, 0), convert(convert(cash_word._principal(word), bytes32), int256))
    if lost < 0:
        self.cash[account][asset] = cash_word._plus_principal(word, lost)


@internal
def _move(source: uint256, target: uint256, asset: uint256, amount: uint256, principal: uint256) -> uint256:
    """
    @notice One integer, both signs. @param principal For the event: what of it the target may withdraw at once.
    @return The source's word afterwards.
    """
    left: uint256 = self._add(source, asset, unsafe_sub(0, convert(convert(amount, bytes32), int256)), 0)
    self._add(target, asset, convert(convert(amount, bytes32), int256), 0)
    log IClearingHouse.Moved(source=source, target=target, asset=asset, amount=amount, principal=principal)
    return left


@internal
def _fill_side(
    account: uint256,
    instrument: uint256,
    asset: uint256,
    risk: uint256,
    change: int256,
    pays: int256,
    indices: uint256,
) -> (int256, int256):
    """
    @notice One side of a fill: settles what the position owes the pot, then moves position and cash.
    @param account No pool. @param pays Cash out of it, apart from what is due.
    @return What was due, and the size before.
    """
    word: uint256 = self.positions[account][instrument]
    stored: int256 = position_word._size(word)
    before: int256 = 0
    due: int256 = 0
    before, due = carry._standing(instrument, risk, word, indices)
    after: int256 = unsafe_add(before, change)
    self.positions[account][instrument] = carry._position(instrument, risk, after, indices)
    if stored != before:
        self._back(instrument, unsafe_sub(stored, before))
        log IClearingHouse.Shared(account=account, instrument=instrument, size=unsafe_sub(before, stored), due=due)

    purse: uint256 = cash_word._plus(self.cash[account][asset], unsafe_sub(0, unsafe_add(pays, due))) | cash_word.HOLDS
    errors._require(purse & (cash_word.ESCROW | cash_word.RESERVED) == 0, errors.BAD_FILL)
    if stored == 0 or after == 0:
        holds: uint256 = accounts.words[account]
        if stored == 0:
            holds = account_word._insert(holds | (1 << asset), instrument)
        else:
            holds = account_word._remove(holds, instrument)
            if holds >> 16 == 0:
                purse ^= cash_word.HOLDS
        accounts.words[account] = holds
    self.cash[account][asset] = purse
    return due, before


@internal
@view
def _backstop() -> uint256:
    """
    @return The other party of a loss that a side shares.
    """
    return (convert(self, uint256) << 96) | (3 << 32)


@internal
def _back(instrument: uint256, change: int256):
    """
    @notice Keeps what positions are written to hold, and no longer do: so that they sum to zero as written.
    """
    backstop: uint256 = self._backstop()
    size: int256 = position_word._size(self.positions[backstop][instrument]) + change
    self.positions[backstop][instrument] = position_word._pack(size, 0, position_word.FIRST_EPOCH)


@internal
@view
def _pool(instrument: uint256, asset: uint256) -> uint256:
    """
    @return The vault's account for the instruments of one underlying.
    """
    return (convert(instruments.vaults[asset], uint256) << 96) | (1 << 64) | (instrument >> 6)


@internal
@view
def _held(word: uint256) -> uint256:
    """
    @return Tokens of an asset in custody, in their own decimals.
    """
    return staticcall IERC20(asset_word._token(word)).balanceOf(self)


@internal
def _take(asset: uint256, amount: uint256) -> uint256:
    """
    @return The amount in 1e-18. The token must deliver exactly what was asked for.
    """
    word: uint256 = instruments.assets[asset]
    errors._require(word != 0, errors.NOT_LISTED)
    errors._require(amount != 0, errors.ZERO_AMOUNT)
    errors._require(amount >> 112 == 0, errors.AMOUNT_TOO_LARGE)
    held: uint256 = self._held(word)
    # the bucket fills by what was held so far: tokens that come for a moment let no gain out
    self._refill(asset, word, held, 0)
    taken: bool = extcall IERC20(asset_word._token(word)).transferFrom(
        msg.sender, self, amount, default_return_value=True
    )
    errors._require(taken and self._held(word) == unsafe_add(held, amount), errors.TOKEN_MISBEHAVED)
    return unsafe_mul(amount, asset_word._unit(word))


@internal
def _give(word: uint256, receiver: address, tokens: uint256):
    """
    @param word Of the asset. @param tokens In their own decimals.
    """
    # no look at the balance: a token that began to charge its sender would else lock everybody in
    given: bool = extcall IERC20(asset_word._token(word)).transfer(receiver, tokens, default_return_value=True)
    errors._require(given, errors.TOKEN_MISBEHAVED)


@internal
def _refill(asset: uint256, word: uint256, tokens: uint256, gain: uint256) -> uint256:
    """
    @notice Brings the outflow bucket to now and takes a gain out of it.
    @param word Of the asset. @param tokens Held since the bucket was last looked at, in their own decimals.
    @return The same in 1e-18.
    """
    # tokens < 2**128, shares < 2**20, windows < 2**24: no product reaches 2**256
    held: uint256 = unsafe_mul(tokens, asset_word._unit(word))
    size: uint256 = unsafe_div(unsafe_mul(held, asset_word._outflow_share(word)), 10**6)
    bucket: uint256 = self.outflow[asset]
    window: uint256 = asset_word._outflow_window(word)
    elapsed: uint256 = min(unsafe_sub(block.timestamp, bucket & (2**40 - 1)), window)
    available: uint256 = min(size, unsafe_add(bucket >> 40, unsafe_div(unsafe_mul(size, elapsed), window)))
    errors._require(gain <= available, errors.OUTFLOW_LIMIT)
    self.outflow[asset] = (unsafe_sub(available, gain) << 40) | block.timestamp
    return held


@internal
def _release(asset: uint256, amount: uint256, principal: uint256, unit: uint256) -> uint256:
    """
    @notice Lets an amount out. What is more than its principal is a gain: through the bucket, only while the vault
            covers its stress, and only the share that is real while the vault, booked deficits taken off, is below
            zero; the rest repays the deficit.
    @param unit What leaves is a multiple of it, if the amount is.
    @return What of the amount may leave.
    """
    gain: uint256 = unsafe_sub(amount, principal)
    if gain == 0:
        return amount
    word: uint256 = instruments.assets[asset]
    held: uint256 = self._refill(asset, word, self._held(word), gain)
    covered: bool = False
    residue: uint256 = 0
    covered, residue = staticcall ILiquidityVault(instruments.vaults[asset]).covers_stress()
    errors._require(covered, errors.VAULT_SHORT)
    if residue == 0:
        return amount
    # gain < 2**120 and held < 2**128
    paid: uint256 = unsafe_add(principal, unsafe_div(unsafe_mul(gain, held), unsafe_add(held, residue)))
    paid = unsafe_mul(unsafe_div(paid, unit), unit)
    self._add(self._deficit(asset), asset, convert(convert(unsafe_sub(amount, paid), bytes32), int256), 0)
    return paid


@internal
def _insure(asset: uint256):
    """
    @notice The insurance account pays what it can of the booked deficit.
    """
    insurance: uint256 = self._insurance(asset)
    payment: int256 = min(
        unsafe_sub(0, cash_word._cash(self.cash[self._deficit(asset)][asset])),
        cash_word._cash(self.cash[insurance][asset]),
    )
    if payment > 0:
        self._move(insurance, self._deficit(asset), asset, convert(convert(payment, bytes32), uint256), 0)
