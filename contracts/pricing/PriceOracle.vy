# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Price oracle
@license AGPL-3.0-only
@notice Slots and the price in force, fed by a set of signers; see IPriceOracle.
@custom:kill Nothing to switch off: without signatures every price is stale after the feed's max age, and the
             clearing house then lets exposure only fall. The owner replaces the signers, at once by a set that
             signs nothing.
"""

from ..interfaces import IPriceOracle
from ..libraries import errors
from . import signed_feed
from . import slots

implements: IPriceOracle

initializes: slots
initializes: signed_feed

exports: (
    slots.SLOT_SECONDS,
    slots.latest,
    slots.slot_price,
    slots.mark,
    slots.latest_word,
    slots.slot_word,
    slots.volatility,
    slots.feed_word,
    signed_feed.signers,
    signed_feed.message_hash,
)

OWNER: public(immutable(address))


@deploy
def __init__(
    owner: address,
    slot_seconds: uint256,
    signers: DynArray[address, 16],
    threshold: uint256,
    faulty: uint256,
):
    """
    @param slot_seconds 1 to 60.
    """
    errors._require(owner != empty(address), errors.OUT_OF_BOUNDS)
    OWNER = owner
    slots.__init__(slot_seconds)
    signed_feed.__init__(signers, threshold, faulty)


@external
@reentrant  # it calls nobody; within another contract's call it may come as at any other moment of the second
def push(
    feed: uint256,
    slot: uint256,
    price: uint256,
    published: uint256,
    signatures: DynArray[Bytes[65], 16],
):
    if slots._is_stored(feed, slot):
        return
    digest: bytes32 = signed_feed._message_hash(feed, slot, price, published)
    seat: uint256 = 0
    threshold: uint256 = 0
    for signature: Bytes[65] in signatures:
        seat, threshold = signed_feed._next_seat(digest, signature, seat)
    # The threshold is still zero if there was no signature.
    errors._require(threshold != 0 and len(signatures) == threshold, errors.BAD_SIGNATURE)
    slots._store(feed, slot, price, published)


@external
def set_feed(feed: uint256, max_age: uint256, max_step: uint256):
    errors._require(msg.sender == OWNER, errors.NOT_OWNER)
    slots._set_feed(feed, max_age, max_step)


@external
def set_signers(signers: DynArray[address, 16], threshold: uint256, faulty: uint256):
    errors._require(msg.sender == OWNER, errors.NOT_OWNER)
    signed_feed._set_signers(signers, threshold, faulty)
