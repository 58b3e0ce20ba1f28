# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Requests
@license AGPL-3.0-only
@notice Who asked for what in which epoch, and at what terms each epoch was settled. What a request got is computed
        from its word and its epoch's, by one function, when it is processed and again when it is claimed: nothing
        is written per request in between.

        request word (one an account)
        160..255  amount    uint96   collateral in or shares in, 1e-18
        64..159   least     uint96   shares or collateral out, 1e-18, if all of it is served
        32..63    deadline  uint32   last second of processing
        3..31     epoch     uint29
        0..2      kind               1 closed, 2 deposit, 3 redeem; a used word is never zero
                                     claimed in part: 4 deposit that comes back, 5 redemption; then
        32..255   owed      uint224  collateral still to be claimed, 1e-18

        epoch word (0: not processed)
        70..229   price     uint160  collateral per share, 1e-27; 0: none, everything comes back
        40..69    filled    uint30   share of the redemptions that was served, 1e-9
        0..39     time      uint40   of processing

        queue word: four rings of places, epoch e in ring e % 4 at bit 48 * (e % 4)
        8..47     epoch     uint40
        0..7      count     uint8    places taken, 0 once processed
"""

from ..libraries import errors

CLOSED: constant(uint256) = 1
DEPOSIT: constant(uint256) = 2
REDEEM: constant(uint256) = 3
RETURNED_IN_PART: constant(uint256) = 4
PAID_IN_PART: constant(uint256) = 5

RINGS: constant(uint256) = 4
PLACES: constant(uint256) = 64
# a smaller request finds room only in the first half of an epoch's places: filling them all costs something
SIZEABLE: constant(uint256) = 10 * 10**18
MAX_AMOUNT: constant(uint256) = 2**96 - 1
MAX_TIME: constant(uint256) = 2**32 - 1

PRICE_ONE: constant(uint256) = 10**27
MAX_PRICE: constant(uint256) = 2**160 - 1
WHOLE: constant(uint256) = 10**9  # filled

words: HashMap[uint256, uint256]
epochs: HashMap[uint256, uint256]
queue: uint256
# ring * PLACES + place -> account
places: HashMap[uint256, uint256]


@internal
def _enter(
    account: uint256, kind: uint256, amount: uint256, least: uint256, deadline: uint256, now_epoch: uint256
) -> uint256:
    """
    @notice Takes a place in the present epoch, or in the next one that has room.
    @return The epoch.
    """
    errors._require(amount != 0, errors.ZERO_AMOUNT)
    errors._require(amount <= MAX_AMOUNT and least <= MAX_AMOUNT, errors.AMOUNT_TOO_LARGE)
    errors._require(deadline >= block.timestamp, errors.TOO_LATE)
    errors._require(self.words[account] & 7 <= CLOSED, errors.REQUEST_PENDING)
    room: uint256 = PLACES if amount >= SIZEABLE else PLACES // 2
    queue: uint256 = self.queue
    for ahead: uint256 in range(RINGS):
        epoch: uint256 = unsafe_add(now_epoch, ahead)
        at: uint256 = unsafe_mul(epoch % RINGS, 48)
        count: uint256 = (queue >> at) & 255
        held: uint256 = (queue >> unsafe_add(at, 8)) & (2**40 - 1)
        # a ring still holding an earlier epoch waits for its processing
        if count == 0 or (held == epoch and count < room):
            self.places[unsafe_add(unsafe_mul(epoch % RINGS, PLACES), count)] = account
            ring: uint256 = (epoch << 8) | unsafe_add(count, 1)
            self.queue = (queue & ~((2**48 - 1) << at)) | (ring << at)
            self.words[account] = (
                (amount << 160) | (least << 64) | (min(deadline, MAX_TIME) << 32) | (epoch << 3) | kind
            )
            return epoch
    errors._require(False, errors.EPOCH_FULL)
    return 0


@internal
@view
def _count(epoch: uint256) -> uint256:
    """
    @return Requests waiting in an epoch. Reverts when an earlier epoch has any: epochs are processed in order.
    """
    found: uint256 = 0
    for ring: uint256 in range(RINGS):
        part: uint256 = (self.queue >> unsafe_mul(ring, 48)) & (2**48 - 1)
        if part & 255 != 0:
            errors._require(part >> 8 >= epoch, errors.TOO_SOON)
            if part >> 8 == epoch:
                found = part & 255
    return found


@internal
@view
def _account(epoch: uint256, place: uint256) -> uint256:
    return self.places[unsafe_add(unsafe_mul(epoch % RINGS, PLACES), place)]


@internal
def _settle(epoch: uint256, word: uint256):
    """
    @notice Keeps the epoch's terms and frees its ring.
    """
    self.epochs[epoch] = word
    self.queue = self.queue & ~(255 << unsafe_mul(epoch % RINGS, 48))


@internal
def _close(account: uint256, owed: uint256, kind: uint256, epoch: uint256):
    """
    @param owed What the claim left; 0 frees the account for its next request.
    """
    if owed == 0:
        self.words[account] = CLOSED
    else:
        part: uint256 = RETURNED_IN_PART if kind == DEPOSIT or kind == RETURNED_IN_PART else PAID_IN_PART
        self.words[account] = (owed << 32) | (epoch << 3) | part


@internal
@view
def _terms(price: uint256, filled: uint256) -> uint256:
    return (price << 70) | (filled << 40) | block.timestamp


@internal
@pure
def _outcome(request: uint256, terms: uint256) -> (uint256, uint256):
    """
    @param request Not closed. @param terms Its epoch's word.
    @return Collateral and shares for the requester, rounded down: what it got and what comes back.
    """
    if request & 7 > REDEEM:
        return request >> 32, 0
    amount: uint256 = request >> 160
    least: uint256 = (request >> 64) & MAX_AMOUNT
    price: uint256 = terms >> 70
    taken: bool = price != 0 and (request >> 32) & MAX_TIME >= terms & (2**40 - 1)
    if request & 7 == DEPOSIT:
        if taken:
            # the price was rounded down: one unit more is never too cheap
            shares: uint256 = amount * PRICE_ONE // (price + 1)
            if shares >= least and shares != 0:
                return 0, shares
        return amount, 0
    if taken and amount * price // PRICE_ONE >= least:
        served: uint256 = amount * ((terms >> 40) & (2**30 - 1)) // WHOLE
        assets: uint256 = served * price // PRICE_ONE
        if assets != 0:
            return assets, amount - served
    return 0, amount
