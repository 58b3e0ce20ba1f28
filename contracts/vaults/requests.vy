# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Requests
@license AGPL-3.0-only
@notice Who asked for what in which epoch, and at what terms each epoch was settled. What a request got is computed
        from its word and its epoch's, by one function, when it is claimed; nothing is written per request before.

        A request without bounds (no least amount, the last deadline) is only added to its epoch's sums: any number
        of them costs the processing nothing, so nobody can crowd them out. A bound has to be judged one by one:
        such a request takes one of the epoch's places of its kind.

        Sums and claims round alike and down: the claims of an epoch never exceed what its sums moved, and leave less
        than one unit a request.

        request word (one an account)
        160..255  amount     uint96   collateral in or shares in, 1e-18
        64..159   least      uint96   shares or collateral out, 1e-18, if all of it is served
        32..63    deadline   uint32   last second of processing
        3..31     epoch      uint29
        0..2      kind                1 closed, 2 deposit, 3 redeem; a used word is never zero
                                      claimed in part: 4 deposit that comes back, 5 redemption; then
        144..255  gain       uint112  collateral still to be claimed, 1e-18: through the outflow bucket
        32..143   principal  uint112  and at once

        waiting word (of an epoch, 0 once processed)
        152..255  shares     uint104  of redemptions without bounds, 1e-18
        48..151   assets     uint104  of deposits without bounds, 1e-18
        40..47    redeeming  uint8    places taken by redemptions
        32..39    depositing uint8    and by deposits
        0..31     previous   uint32   the epoch with requests before this one

        epoch word (0: not processed)
        230..255  principal  uint26   share of what redemptions got that is principal, 1e-7
        70..229   price      uint160  collateral per share, 1e-27; 0: none, everything comes back
        40..69    filled     uint30   share of the redemptions that was served, 1e-9
        0..39     time       uint40   of processing

        queue word
        32..159   rings      4 uint32 the epochs that hold the four rings of places, epoch e in ring e % 4
        0..31     newest     uint32   epoch with requests
"""

from ..libraries import errors

CLOSED: constant(uint256) = 1
DEPOSIT: constant(uint256) = 2
REDEEM: constant(uint256) = 3
RETURNED_IN_PART: constant(uint256) = 4
PAID_IN_PART: constant(uint256) = 5

RINGS: constant(uint256) = 4
PLACES: constant(uint256) = 32  # of a kind
MAX_AMOUNT: constant(uint256) = 2**96 - 1
MAX_SUM: constant(uint256) = 2**104 - 1
MAX_OWED: constant(uint256) = 2**112 - 1
MAX_TIME: constant(uint256) = 2**32 - 1

PRICE_ONE: constant(uint256) = 10**27
MAX_PRICE: constant(uint256) = 2**160 - 1
WHOLE: constant(uint256) = 10**9  # filled
ALL: constant(uint256) = 10**7  # principal

words: HashMap[uint256, uint256]
waiting: HashMap[uint256, uint256]
epochs: HashMap[uint256, uint256]
queue: uint256
# ring, kind and place -> account
places: HashMap[uint256, uint256]


@internal
def _enter(account: uint256, kind: uint256, amount: uint256, least: uint256, deadline: uint256, epoch: uint256):
    errors._require(amount != 0, errors.ZERO_AMOUNT)
    errors._require(amount <= MAX_AMOUNT and least <= MAX_AMOUNT, errors.AMOUNT_TOO_LARGE)
    errors._require(deadline >= block.timestamp, errors.TOO_LATE)
    errors._require(self.words[account] & 7 <= CLOSED, errors.REQUEST_PENDING)
    waiting: uint256 = self.waiting[epoch]
    if waiting == 0:
        waiting = self.queue & MAX_TIME
        self.queue = (self.queue & ~MAX_TIME) | epoch
    last: uint256 = min(deadline, MAX_TIME)
    if least == 0 and last == MAX_TIME:
        errors._require(self._sum(waiting, kind) + amount <= MAX_SUM, errors.AMOUNT_TOO_LARGE)
        waiting += amount << (152 if kind == REDEEM else 48)
    else:
        count: uint256 = self._count(waiting, kind)
        errors._require(count < PLACES, errors.EPOCH_FULL)
        at: uint256 = 32 + 32 * (epoch % RINGS)
        held: uint256 = (self.queue >> at) & MAX_TIME
        if held != epoch:
            # of an epoch that waits its places are still needed
            errors._require(held == 0 or self.epochs[held] != 0, errors.EPOCH_FULL)
            self.queue = (self.queue & ~(MAX_TIME << at)) | (epoch << at)
        self.places[self._place(epoch, kind, count)] = account
        waiting += 1 << (40 if kind == REDEEM else 32)
    self.waiting[epoch] = waiting
    self.words[account] = (amount << 160) | (least << 64) | (last << 32) | (epoch << 3) | kind


@internal
@view
def _next(epoch: uint256) -> uint256:
    """
    @return The epoch's waiting word. Reverts unless it has requests and no epoch before it has any.
    """
    waiting: uint256 = self.waiting[epoch]
    errors._require(waiting != 0, errors.NO_REQUEST)
    previous: uint256 = waiting & MAX_TIME
    errors._require(previous == 0 or self.epochs[previous] != 0, errors.TOO_SOON)
    return waiting


@internal
@pure
def _sum(waiting: uint256, kind: uint256) -> uint256:
    return (waiting >> (152 if kind == REDEEM else 48)) & MAX_SUM


@internal
@pure
def _count(waiting: uint256, kind: uint256) -> uint256:
    return (waiting >> (40 if kind == REDEEM else 32)) & 255


@internal
@pure
def _place(epoch: uint256, kind: uint256, place: uint256) -> uint256:
    return (epoch % RINGS << 8) | (kind << 5) | place


@internal
def _settle(epoch: uint256, word: uint256):
    self.epochs[epoch] = word
    self.waiting[epoch] = 0


@internal
def _close(account: uint256, principal: uint256, gain: uint256, kind: uint256, epoch: uint256):
    """
    @param principal, gain What the claim left; none frees the account for its next request.
    """
    if principal | gain == 0:
        self.words[account] = CLOSED
    else:
        errors._require((principal | gain) <= MAX_OWED, errors.AMOUNT_TOO_LARGE)
        part: uint256 = RETURNED_IN_PART if self._is_deposit(kind) else PAID_IN_PART
        self.words[account] = (gain << 144) | (principal << 32) | (epoch << 3) | part


@internal
@pure
def _is_deposit(kind: uint256) -> bool:
    return kind == DEPOSIT or kind == RETURNED_IN_PART


@internal
@view
def _terms(price: uint256, filled: uint256) -> uint256:
    """
    @return An epoch word in which everything is principal yet.
    """
    return (ALL << 230) | (price << 70) | (filled << 40) | block.timestamp


@internal
@pure
def _with_principal(terms: uint256, share: uint256) -> uint256:
    return (terms & (2**230 - 1)) | (share << 230)


@internal
@pure
def _is_taken(request: uint256, terms: uint256) -> bool:
    """
    @return Whether a request of kind deposit or redeem takes part: priced, in time, within its bound.
    """
    amount: uint256 = request >> 160
    price: uint256 = (terms >> 70) & MAX_PRICE
    if price == 0 or (request >> 32) & MAX_TIME < terms & (2**40 - 1):
        return False
    worth: uint256 = 0
    if request & 7 == DEPOSIT:
        worth = self._bought(amount, terms)
    else:
        worth = amount * price // PRICE_ONE
    return worth >= (request >> 64) & MAX_AMOUNT


@internal
@pure
def _bought(assets: uint256, terms: uint256) -> uint256:
    """
    @return Shares for a deposit that takes part. The price was rounded down: one unit more is never too cheap.
    """
    return assets * PRICE_ONE // (((terms >> 70) & MAX_PRICE) + 1)


@internal
@pure
def _sold(shares: uint256, terms: uint256) -> (uint256, uint256):
    """
    @return Collateral for a redemption that takes part, and shares that come back.
    """
    filled: uint256 = (terms >> 40) & (2**30 - 1)
    return (
        shares * filled // WHOLE * ((terms >> 70) & MAX_PRICE) // PRICE_ONE,
        shares * (WHOLE - filled) // WHOLE,
    )


@internal
@pure
def _outcome(request: uint256, terms: uint256) -> (uint256, uint256, uint256):
    """
    @param request Not closed. @param terms Its epoch's word.
    @return For the requester: collateral that is principal or a gain, and shares. What it got and what comes back.
    """
    kind: uint256 = request & 7
    amount: uint256 = request >> 160
    if kind > REDEEM:
        return (request >> 32) & MAX_OWED, request >> 144, 0
    if not self._is_taken(request, terms):
        if kind == DEPOSIT:
            return amount, 0, 0
        return 0, 0, amount
    if kind == DEPOSIT:
        return 0, 0, self._bought(amount, terms)
    assets: uint256 = 0
    back: uint256 = 0
    assets, back = self._sold(amount, terms)
    share: uint256 = terms >> 230
    return assets * share // ALL, assets * (ALL - share) // ALL, back
