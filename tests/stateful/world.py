"""What the machine deploys: times, prices, terms of the markets; an ordinary world and a corner."""

from dataclasses import dataclass

from tidegate.spec import words
from tidegate.spec.rounding import WAD
from tidegate.spec.vault import Quote
from tidegate.spec.words import Limits, Risk, Trade

SLOT = 4
EPOCH = 600
UNIT = 10**12  # the token has 6 decimals
BTC = words.instrument_id(1)
BTC_SMALL = words.instrument_id(1, 1)  # a second instrument of one underlying: hedges net
ETH = words.instrument_id(2)
INSTRUMENTS = (BTC, BTC_SMALL, ETH)
STRESS_SHARE = 800_000
OUTFLOW_WINDOW = 1_800
OUTFLOW_SHARE = 100_000  # ppm of the tokens held
MAX_AGE = 120
MAX_STEP = 100_000  # ppm a slot
WINDOW = 30
MIN_KEEPER_FEE = WAD // 2
LAPSE_RATIO = 500  # ppm
REWARD_WINDOW = 60
BUCKET = 1_000_000, 10  # ppm of K, seconds: the machine is to empty accounts, not buckets
T2 = 60
NEVER = 2**32 - 1

LIMITS = Limits.human(
    reward=5,
    stress="0.25",
    buffer="0.2",
    max_cost="0.025",
    penalty="0.0075",
    max_half_spread="0.002",
    max_premium="0.01",
)
QUOTE = Quote.human(
    volatility_share="0.2", half_spread="0.0005", max_half_spread="0.002", max_premium="0.01"
)

Terms = tuple[Risk, Trade, Limits]


def risk(scale: int) -> Risk:
    """K in 1e-6 units."""
    return Risk(
        kind=1,
        initial_shock=50_000,
        maintenance_shock=30_000,
        contingency=5_000,
        size_slope=10_000,
        scale=scale,
        max_velocity=30_000_000,  # so that lives of days meet the cap
        max_rate=100_000,
        half_life=8 * 3600,
        calm_skew=200,
    )


def trade(soft: int, hard: int) -> Trade:
    """Caps in 1e-6 units."""
    return Trade(
        taker_fee=500,
        insurance_share=200_000,
        band=30_000,
        crowding=20_000,
        minimum=100 * 10**6,
        soft=soft,
        hard=hard,
    )


@dataclass(frozen=True)
class World:
    """Prices by underlying, terms by instrument."""

    prices: dict[int, int]
    terms: dict[int, Terms]


def world(prices: dict[int, int], depth: int) -> World:
    """Markets as deep as this at their prices: K, and caps in proportion, in collateral."""

    def terms(underlying: int, part: int) -> Terms:
        scale = depth * 10**6 * WAD // (prices[underlying] * part)
        return risk(scale), trade(scale * 3 // 100, scale * 6 // 100), LIMITS

    return World(prices, {BTC: terms(1, 1), BTC_SMALL: terms(1, 4), ETH: terms(2, 1)})


ORDINARY = world({1: 60_000 * WAD, 2: 2_500 * WAD}, 120_000_000)
# Above this a quote, premium and spread included, may leave the width of a fill's price.
HIGHEST_PRICE = 2**90 * 95 // 100
# One coin near the highest price there is; of the other K is at the edge of its field.
CORNER = world({1: 2**90 // 3, 2: WAD // 10**5}, 120_000_000)
