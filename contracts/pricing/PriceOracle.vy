# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Price oracle
@license AGPL-3.0-only
@notice Slots and the price in force, each feed from one source: a set of signers, or an adapter of an outside
        oracle; see IPriceOracle.
@custom:kill Nothing to switch off: without its source every price is stale after the feed's max age, and the
             clearing house then lets exposure only fall. The owner replaces the signers, at once by a set that
             signs nothing, and a feed's source.
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
    slots.marks,
    slots.latest_word,
    slots.slot_word,
    slots.volatility,
    slots.feed_word,
    slots.source,
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
    signatures: Bytes[16 * 65],
):
    if slots._is_stored(feed, slot):
        return
    signed_feed._require_quorum(signed_feed._message_hash(feed, slot, price, published), signatures)
    slots._store(feed, slot, price, published, empty(address))


@external
@reentrant  # as push
def store(feed: uint256, slot: uint256, price: uint256, published: uint256):
    if slots._is_stored(feed, slot):
        return
    slots._store(feed, slot, price, published, msg.sender)


@external
@reentrant  # as push
def observe(feed: uint256, price: uint256, updated: uint256):
    slots._observe(feed, price, updated, msg.sender)


@external
def set_feed(feed: uint256, max_age: uint256, max_step: uint256):
    errors._require(msg.sender == OWNER, errors.NOT_OWNER)
    slots._set_feed(feed, max_age, max_step)


@external
def set_source(feed: uint256, adapter: address, reads: bool):
    errors._require(msg.sender == OWNER, errors.NOT_OWNER)
    slots._set_source(feed, adapter, reads)


@external
def set_signers(signers: DynArray[address, 16], threshold: uint256, faulty: uint256):
    errors._require(msg.sender == OWNER, errors.NOT_OWNER)
    signed_feed._set_signers(signers, threshold, faulty)
