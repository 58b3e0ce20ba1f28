# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Pyth feed
@license AGPL-3.0-only
@notice Brings one Pyth price into the slots of one feed; see IPythFeed.
@custom:kill Nothing to switch off: it holds nothing and has no owner. Once the oracle's owner has named another source,
             all that is posted here is refused.
@custom:security Pyth's contract is not trusted to answer: the call is bounded in gas and in what it may return, and a
                 failure is an error of this call and of nothing else. It is trusted to verify: a false one prices the
                 feed within the oracle's deviation guard.
"""

from ..interfaces import IPriceOracle
from ..interfaces import IPythFeed
from ..libraries import errors
from ..libraries import price_scale

implements: IPythFeed

PARSE: constant(Bytes[4]) = method_id("parsePriceFeedUpdatesUnique(bytes[],bytes32[],uint64,uint64)")
# Several times what thirteen guardians' signatures and a Merkle proof take; for a contract that burns what it gets.
PARSE_GAS: constant(uint256) = 3_000_000
WORDS: constant(uint256) = 11  # offset, length, id, price of four words, average of four
ANSWER: constant(uint256) = 32 * WORDS
MAX_AGE: constant(uint256) = 2**10 - 1  # of any feed; the oracle holds each to its own
MAX_SLOT: constant(uint256) = 2**32 - 1
LEAST_CONFIDENCE: constant(uint256) = 100  # ppm
MOST_CONFIDENCE: constant(uint256) = 50_000
PPM: constant(uint256) = 10**6

ORACLE: public(immutable(address))
PYTH: public(immutable(address))
FEED: public(immutable(uint256))
PRICE_ID: public(immutable(bytes32))
MAX_CONFIDENCE: public(immutable(uint256))
SLOT_SECONDS: immutable(uint256)


@deploy
def __init__(oracle: address, pyth: address, feed: uint256, price_id: bytes32, max_confidence: uint256):
    """
    @param feed Listed.
    @param max_confidence ppm of the price, 100 to 50,000.
    """
    errors._require(
        oracle.is_contract
        and pyth.is_contract
        and price_id != empty(bytes32)
        and max_confidence >= LEAST_CONFIDENCE
        and max_confidence <= MOST_CONFIDENCE,
        errors.OUT_OF_BOUNDS,
    )
    errors._require(staticcall IPriceOracle(oracle).feed_word(feed) != 0, errors.NOT_LISTED)
    ORACLE = oracle
    PYTH = pyth
    FEED = feed
    PRICE_ID = price_id
    MAX_CONFIDENCE = max_confidence
    SLOT_SECONDS = staticcall IPriceOracle(oracle).SLOT_SECONDS()


@payable
@external
def post(slot: uint256, update: Bytes[4096]):
    errors._require(slot <= MAX_SLOT, errors.BAD_TIME)
    errors._require((staticcall IPriceOracle(ORACLE).slot_price(FEED, slot))[0] == 0, errors.ALREADY_SET)
    price: uint256 = 0
    published: uint256 = 0
    price, published = self._parsed(slot * SLOT_SECONDS, update, msg.value)
    extcall IPriceOracle(ORACLE).store(FEED, slot, price, published)


@internal
def _parsed(opened: uint256, update: Bytes[4096], fee: uint256) -> (uint256, uint256):
    """
    @return The first price published at or after this time, 1e-18, and when; whether it is, the oracle asks again.
    """
    updates: DynArray[Bytes[4096], 1] = [update]
    ids: DynArray[bytes32, 1] = [PRICE_ID]
    ok: bool = False
    answer: Bytes[ANSWER + 1] = b""
    # One byte more than a true answer has, so that a longer one shows.
    ok, answer = raw_call(
        PYTH,
        abi_encode(updates, ids, convert(opened, uint64), convert(opened + MAX_AGE, uint64), method_id=PARSE),
        max_outsize=ANSWER + 1,
        gas=PARSE_GAS,
        value=fee,
        revert_on_failure=False,
    )
    errors._require(ok and len(answer) == ANSWER, errors.FEED_FAILED)
    errors._require(
        extract32(answer, 0, output_type=uint256) == 32
        and extract32(answer, 32, output_type=uint256) == 1
        and extract32(answer, 64) == PRICE_ID,
        errors.FEED_FAILED,
    )
    mantissa: int256 = extract32(answer, 96, output_type=int256)
    confidence: uint256 = extract32(answer, 128, output_type=uint256)
    exponent: int256 = extract32(answer, 160, output_type=int256)
    published: uint256 = extract32(answer, 192, output_type=uint256)
    price: uint256 = price_scale._price_of(mantissa, exponent)
    errors._require(
        confidence < 2**64 and confidence * PPM <= convert(mantissa, uint256) * MAX_CONFIDENCE,
        errors.UNCERTAIN_PRICE,
    )
    return price, published
