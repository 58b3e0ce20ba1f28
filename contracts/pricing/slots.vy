# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Slots
@license AGPL-3.0-only
@notice The ring of slot prices and the price in force; see IPriceOracle. A feed's guards share the word of its
        price in force, so that reading a price costs one word. Max step 0 there says that the price is an adapter's,
        which may be of no slot; the feed's own max step is then in the word of its source, which only posts read, until
        the signers' next price. A price of the signers is its slot's too: who asks for that slot is spared the ring.

        word in force (latest_word shows another layout: it spells out `changed`)
        244..255  volatility      uint12  10 ppm, saturates
        233..243  max step        uint11  100 ppm per slot
        223..232  max age         uint10  seconds, not zero for a listed feed
        222       previous fresh  bool    whether the previous price was fresh when it changed
        212..221  lag             uint10  seconds from the slot's start to the change, at most the max age
        180..211  slot            uint32
        90..179   previous        uint90  in force until the second of the change is past
        0..89     price           uint90  1e-18

        word of a slot
        162..173  volatility      uint12  10 ppm, after this post
        122..161  published       uint40
        90..121   slot            uint32
        0..89     price           uint90  never zero once stored

        word of a source
        161..171  max step        uint11  100 ppm per slot
        160       reads           bool    the adapter reads an outside price: no slot of the feed has one
        0..159    source          address
"""

from ..interfaces import IPriceOracle
from ..libraries import errors

RING: constant(uint256) = 128
MAX_PRICE: constant(uint256) = 2**90 - 1
MAX_SLOT: constant(uint256) = 2**32 - 1
MAX_SLOT_SECONDS: constant(uint256) = 60
MAX_AGE: constant(uint256) = 2**10 - 1
STEP_UNIT: constant(uint256) = 100  # ppm
MAX_STEP: constant(uint256) = 2**11 - 1
ALL: constant(uint256) = 10**6 // STEP_UNIT  # 100 %, in step units
MAX_VOLATILITY: constant(uint256) = 2**12 - 1
VOLATILITY_UNIT: constant(uint256) = 10  # ppm
MEMORY: constant(uint256) = 8  # posts: weight 1/8 for the last return
GUARDS: constant(uint256) = (2**21 - 1) << 223
READS: constant(uint256) = 1 << 160
SOURCE: constant(uint256) = 2**161 - 1  # the adapter and what it does

SLOT_SECONDS: public(immutable(uint256))

_in_force_words: HashMap[uint256, uint256]
_rings: HashMap[uint256, uint256[RING]]
_sources: HashMap[uint256, uint256]


@deploy
def __init__(slot_seconds: uint256):
    errors._require(slot_seconds != 0 and slot_seconds <= MAX_SLOT_SECONDS, errors.OUT_OF_BOUNDS)
    SLOT_SECONDS = slot_seconds


@view
@external
@reentrant
def latest(feed: uint256) -> (uint256, bool):
    return self._in_force(self._in_force_words[feed])


@view
@external
@reentrant
def slot_price(feed: uint256, slot: uint256) -> (uint256, uint256):
    word: uint256 = self._in_force_words[feed]
    if self._is_of_slot(word, slot):
        return word & MAX_PRICE, unsafe_mul(word >> 244, VOLATILITY_UNIT)
    word = self._rings[feed][slot % RING]
    if (word >> 90) & MAX_SLOT != slot:
        return 0, 0
    return word & MAX_PRICE, unsafe_mul(word >> 162, VOLATILITY_UNIT)


@view
@external
@reentrant
def marks(feed: uint256, slot: uint256) -> uint256:
    word: uint256 = self._in_force_words[feed]
    price: uint256 = 0
    fresh: bool = False
    price, fresh = self._in_force(word)
    of_slot: uint256 = price
    if slot != 0:
        of_slot = word & MAX_PRICE
        if not self._is_of_slot(word, slot):
            word = self._rings[feed][slot % RING]
            of_slot = word & MAX_PRICE if (word >> 90) & MAX_SLOT == slot else 0
    return of_slot | (convert(fresh, uint256) << 90) | (price << 91)


@view
@external
@reentrant
def latest_word(feed: uint256) -> uint256:
    word: uint256 = self._in_force_words[feed]
    changed: uint256 = ((word >> 180) & MAX_SLOT) * SLOT_SECONDS + ((word >> 212) & MAX_AGE)
    return (word & (2**212 - 1)) | (changed << 212) | (word >> 244 << 244)


@view
@external
@reentrant
def slot_word(feed: uint256, slot: uint256) -> uint256:
    return self._rings[feed][slot % RING]


@view
@external
@reentrant
def volatility(feed: uint256) -> uint256:
    return (self._in_force_words[feed] >> 244) * VOLATILITY_UNIT


@view
@external
@reentrant
def feed_word(feed: uint256) -> uint256:
    word: uint256 = self._in_force_words[feed]
    step: uint256 = (word >> 233) & MAX_STEP
    if step == 0:
        step = self._sources[feed] >> 161
    return ((word >> 223) & MAX_AGE) | (step * STEP_UNIT << 32)


@view
@external
@reentrant
def source(feed: uint256) -> (address, bool):
    word: uint256 = self._sources[feed]
    return convert(word & (READS - 1), address), word & READS != 0


@internal
def _set_feed(feed: uint256, max_age: uint256, max_step: uint256):
    errors._require(
        max_age >= SLOT_SECONDS
        and max_age <= MAX_AGE
        and max_step != 0
        and max_step <= MAX_STEP * STEP_UNIT
        and max_step % STEP_UNIT == 0,
        errors.OUT_OF_BOUNDS,
    )
    self._set_guards(feed, max_age, max_step // STEP_UNIT, self._sources[feed] & SOURCE)
    log IPriceOracle.FeedSet(feed=feed, word=max_age | (max_step << 32))


@internal
def _set_source(feed: uint256, adapter: address, reads: bool):
    word: uint256 = self._in_force_words[feed]
    errors._require((word >> 223) & MAX_AGE != 0, errors.NOT_LISTED)
    errors._require(adapter.is_contract if adapter != empty(address) else not reads, errors.OUT_OF_BOUNDS)
    step: uint256 = (word >> 233) & MAX_STEP
    if step == 0:
        step = self._sources[feed] >> 161
    source: uint256 = convert(adapter, uint256)
    if reads:
        source |= READS
    self._set_guards(feed, (word >> 223) & MAX_AGE, step, source)
    log IPriceOracle.SourceSet(feed=feed, source=adapter, reads=reads)


@internal
def _set_guards(feed: uint256, max_age: uint256, step: uint256, source: uint256):
    word: uint256 = self._in_force_words[feed]
    guards: uint256 = max_age << 223
    # a price that an adapter left behind keeps its mark
    if source == 0 and (word & MAX_PRICE == 0 or (word >> 233) & MAX_STEP != 0):
        guards |= step << 233
        self._sources[feed] = 0
    else:
        self._sources[feed] = source | (step << 161)
    self._in_force_words[feed] = (word & ~GUARDS) | guards


@internal
@view
def _is_stored(feed: uint256, slot: uint256) -> bool:
    word: uint256 = self._rings[feed][slot % RING]
    return word != 0 and (word >> 90) & MAX_SLOT == slot


@internal
def _store(feed: uint256, slot: uint256, price: uint256, published: uint256, adapter: address):
    """
    @dev The slot must not be stored, the message must be authentic.
    @param adapter Whose message it is; empty: the signers'.
    """
    word: uint256 = self._in_force_words[feed]
    max_age: uint256 = (word >> 223) & MAX_AGE
    errors._require(max_age != 0, errors.NOT_LISTED)
    step: uint256 = self._step_of(feed, word, convert(adapter, uint256))
    if adapter == empty(address):
        word |= step << 233
    # Once the first two hold a slot is at most the present one: sums and products with it are small.
    opened: uint256 = unsafe_mul(slot, SLOT_SECONDS)
    errors._require(
        published <= block.timestamp
        and slot <= unsafe_div(published, SLOT_SECONDS)
        and unsafe_sub(published, opened) <= max_age,
        errors.BAD_TIME,
    )
    # By the clock, not by the ring's content: what a stored slot replaces is then always older than it.
    errors._require(unsafe_add(slot, RING) > unsafe_div(block.timestamp, SLOT_SECONDS), errors.SLOT_GONE)
    volatility: uint256 = 0
    moved: bool = False
    volatility, moved = self._put_in_force(feed, word, slot, price, step)
    self._rings[feed][slot % RING] = price | (slot << 90) | (published << 122) | (volatility << 162)
    log IPriceOracle.Posted(feed=feed, slot=slot, price=price, published=published, moved=moved)


@internal
def _observe(feed: uint256, price: uint256, updated: uint256, adapter: address):
    """
    @notice What an outside contract says now becomes the price in force, as if it were of the open slot; no slot is
            stored, so nothing can be filled at it. The first one of a slot counts.
    """
    word: uint256 = self._in_force_words[feed]
    errors._require((word >> 223) & MAX_AGE != 0, errors.NOT_LISTED)
    step: uint256 = self._step_of(feed, word, convert(adapter, uint256) | READS)
    errors._require(updated <= block.timestamp, errors.BAD_TIME)
    slot: uint256 = unsafe_div(block.timestamp, SLOT_SECONDS)
    if word & MAX_PRICE != 0 and slot <= (word >> 180) & MAX_SLOT:
        return
    self._put_in_force(feed, word, slot, price, step)
    log IPriceOracle.Observed(feed=feed, slot=slot, price=price, updated=updated)


@internal
@view
def _step_of(feed: uint256, word: uint256, source: uint256) -> uint256:
    """
    @param source As in the low bits of the source's word: only this one may give the feed a price.
    @return The feed's max step, in step units.
    """
    step: uint256 = (word >> 233) & MAX_STEP
    known: uint256 = 0
    if step == 0:
        known = self._sources[feed]
        step = known >> 161
    errors._require(known & SOURCE == source, errors.WRONG_SOURCE)
    return step


@internal
def _put_in_force(feed: uint256, word: uint256, slot: uint256, price: uint256, step: uint256) -> (uint256, bool):
    """
    @notice Judges a price by its bounds and by the last one, and puts it in force if it is newer and fresh.
    @param slot Opened by now, at most a ring ago.
    @return The feed's volatility; whether the price in force moved.
    """
    errors._require(price != 0 and price <= MAX_PRICE, errors.BAD_PRICE)
    last: uint256 = word & MAX_PRICE
    last_slot: uint256 = (word >> 180) & MAX_SLOT
    newer: bool = last == 0 or slot > last_slot
    move: uint256 = unsafe_sub(max(last, price), min(last, price))
    if last != 0:
        # Relative to the earlier price in time, whichever was posted first: what passes in order passes late.
        room: uint256 = unsafe_mul(step, unsafe_sub(max(slot, last_slot), min(slot, last_slot)))
        earlier: uint256 = last if newer else price
        errors._require(room >= ALL or unsafe_mul(move, ALL) <= unsafe_mul(earlier, room), errors.BAD_PRICE)
    volatility: uint256 = word >> 244
    lag: uint256 = unsafe_sub(block.timestamp, unsafe_mul(slot, SLOT_SECONDS))
    if not newer or lag > (word >> 223) & MAX_AGE:
        return volatility, False
    if last != 0:
        # To the nearest: rounded down it would never leave zero, rounded up never return to it.
        change: uint256 = min(unsafe_div(unsafe_mul(move, 10**6 // VOLATILITY_UNIT), last), MAX_VOLATILITY)
        volatility = unsafe_div(unsafe_mul(volatility, MEMORY - 1) + change + MEMORY // 2, MEMORY)
    # A second change within one second carries on what was in force before the first.
    previous: uint256 = 0
    previous_fresh: bool = False
    previous, previous_fresh = self._in_force(word)
    self._in_force_words[feed] = (
        price
        | (previous << 90)
        | (slot << 180)
        | (lag << 212)
        | (convert(previous_fresh, uint256) << 222)
        | (word & GUARDS)
        | (volatility << 244)
    )
    return volatility, True


@internal
@pure
def _is_of_slot(word: uint256, slot: uint256) -> bool:
    """
    @param word In force. @return Whether its price is this slot's, as the ring has it.
    """
    return (word >> 180) & MAX_SLOT == slot and (word >> 233) & MAX_STEP != 0


@internal
@view
def _in_force(word: uint256) -> (uint256, bool):
    opened: uint256 = unsafe_mul((word >> 180) & MAX_SLOT, SLOT_SECONDS)
    if block.timestamp <= unsafe_add(opened, (word >> 212) & MAX_AGE):
        return (word >> 90) & MAX_PRICE, (word >> 222) & 1 == 1
    price: uint256 = word & MAX_PRICE
    return price, price != 0 and unsafe_sub(block.timestamp, opened) <= (word >> 223) & MAX_AGE
