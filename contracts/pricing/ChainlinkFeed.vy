# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Chainlink feed
@license AGPL-3.0-only
@notice Reads one Chainlink feed for margin and marks; see IChainlinkFeed.
@custom:kill Nothing to switch off: it holds nothing and has no owner. Once the oracle's owner has named another source,
             all that is posted here is refused.
@custom:security The outside feeds are called bounded in gas and in what they may return; a failure is an error of this
                 call and of nothing else. What they say is taken within the oracle's deviation guard.
"""

from ..interfaces import IAggregator
from ..interfaces import IChainlinkFeed
from ..interfaces import IPriceOracle
from ..libraries import errors
from ..libraries import price_scale

implements: IChainlinkFeed

ROUND: constant(Bytes[4]) = method_id("latestRoundData()")
ROUND_GAS: constant(uint256) = 200_000  # a proxy and its aggregator take about 20,000
ANSWER: constant(uint256) = 160
MAX_ROUND: constant(uint256) = 2**80 - 1
MOST_DECIMALS: constant(uint256) = 18
LEAST_HEARTBEAT: constant(uint256) = 60
MOST_HEARTBEAT: constant(uint256) = 2 * 86_400
LEAST_GRACE: constant(uint256) = 60
MOST_GRACE: constant(uint256) = 6 * 3600

ORACLE: public(immutable(address))
AGGREGATOR: public(immutable(address))
FEED: public(immutable(uint256))
HEARTBEAT: public(immutable(uint256))
UPTIME: public(immutable(address))
GRACE: public(immutable(uint256))
DECIMALS: public(immutable(uint256))


@deploy
def __init__(
    oracle: address,
    aggregator: address,
    feed: uint256,
    heartbeat: uint256,
    uptime: address,
    grace: uint256,
):
    """
    @param feed Listed.
    @param heartbeat Seconds, 60 to 172,800.
    @param uptime Empty on a chain without a sequencer.
    @param grace Seconds, 60 to 21,600; 0 without an uptime feed.
    """
    errors._require(
        oracle.is_contract
        and aggregator.is_contract
        and heartbeat >= LEAST_HEARTBEAT
        and heartbeat <= MOST_HEARTBEAT
        and grace <= MOST_GRACE,
        errors.OUT_OF_BOUNDS,
    )
    if uptime == empty(address):
        errors._require(grace == 0, errors.OUT_OF_BOUNDS)
    else:
        errors._require(uptime.is_contract and grace >= LEAST_GRACE, errors.OUT_OF_BOUNDS)
    errors._require(staticcall IPriceOracle(oracle).feed_word(feed) != 0, errors.NOT_LISTED)
    decimals: uint256 = convert(staticcall IAggregator(aggregator).decimals(), uint256)
    errors._require(decimals <= MOST_DECIMALS, errors.OUT_OF_BOUNDS)
    ORACLE = oracle
    AGGREGATOR = aggregator
    FEED = feed
    HEARTBEAT = heartbeat
    UPTIME = uptime
    GRACE = grace
    DECIMALS = decimals


@view
@external
def answer() -> (uint256, uint256):
    return self._answer()


@external
def post():
    price: uint256 = 0
    updated: uint256 = 0
    price, updated = self._answer()
    extcall IPriceOracle(ORACLE).observe(FEED, price, updated)


@internal
@view
def _answer() -> (uint256, uint256):
    answer: int256 = 0
    started: uint256 = 0
    updated: uint256 = 0
    if UPTIME != empty(address):
        answer, started, updated = self._round(UPTIME)
        # A feed that has never said anything has not said that the sequencer is up.
        errors._require(
            answer == 0 and started != 0 and started <= block.timestamp and block.timestamp - started > GRACE,
            errors.SEQUENCER_DOWN,
        )
    answer, started, updated = self._round(AGGREGATOR)
    errors._require(updated <= block.timestamp, errors.BAD_TIME)
    errors._require(block.timestamp - updated <= HEARTBEAT, errors.STALE_PRICE)
    return price_scale._price_of(answer, -convert(DECIMALS, int256)), updated


@internal
@view
def _round(feed: address) -> (int256, uint256, uint256):
    """
    @return Answer, started at, updated at, of a complete round.
    """
    ok: bool = False
    answer: Bytes[ANSWER + 1] = b""
    # One byte more than a true answer has, so that a longer one shows.
    ok, answer = raw_call(
        feed, ROUND, max_outsize=ANSWER + 1, gas=ROUND_GAS, is_static_call=True, revert_on_failure=False
    )
    errors._require(ok and len(answer) == ANSWER, errors.FEED_FAILED)
    round: uint256 = extract32(answer, 0, output_type=uint256)
    updated: uint256 = extract32(answer, 96, output_type=uint256)
    answered: uint256 = extract32(answer, 128, output_type=uint256)
    errors._require(round <= MAX_ROUND and updated != 0, errors.FEED_FAILED)
    # Older aggregators carry an answer over into rounds that found none.
    errors._require(answered >= round, errors.STALE_PRICE)
    return extract32(answer, 32, output_type=int256), extract32(answer, 64, output_type=uint256), updated
