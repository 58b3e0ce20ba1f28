"""ccxt over a transport double: answers built from the venues' documented formats."""

import json

import pytest
import requests
from requests.adapters import BaseAdapter

from tidegate.prices.observation import Observation, Reason, SourceError
from tidegate.prices.venues import Venue, open_venue, parse_ticker

NOW = 1_800_000_000
KRAKEN = {
    "Assets": {
        name: {"aclass": "currency", "altname": alt, "decimals": 10, "display_decimals": 5}
        for name, alt in (("XXBT", "XBT"), ("ZUSD", "USD"))
    },
    "AssetPairs": {
        "XXBTZUSD": {
            "altname": "XBTUSD",
            "wsname": "XBT/USD",
            "aclass_base": "currency",
            "base": "XXBT",
            "aclass_quote": "currency",
            "quote": "ZUSD",
            "pair_decimals": 1,
            "lot_decimals": 8,
            "cost_decimals": 5,
            "lot_multiplier": 1,
            "leverage_buy": [],
            "leverage_sell": [],
            "fees": [[0, 0.4]],
            "fees_maker": [[0, 0.25]],
            "fee_volume_currency": "ZUSD",
            "ordermin": "0.0001",
            "costmin": "0.5",
            "tick_size": "0.1",
            "status": "online",
        }
    },
    "Ticker": {
        "XXBTZUSD": {
            "a": ["60010.10000", "1", "1.000"],
            "b": ["60010.00000", "2", "2.000"],
            "c": ["60010.00000", "0.00240000"],
            "v": ["1500.1", "2500.2"],
            "p": ["60000.1", "59900.2"],
            "t": [20000, 40000],
            "l": ["59000.0", "58000.0"],
            "h": ["61000.0", "61500.0"],
            "o": "59500.0",
        }
    },
}
BITSTAMP_MARKETS = [
    {
        "name": "BTC/USD",
        "market_symbol": "btcusd",
        "base_currency": "BTC",
        "base_decimals": 8,
        "counter_currency": "USD",
        "counter_decimals": 0,
        "minimum_order_value": "10",
        "instant_order_counter_decimals": 2,
        "market_type": "SPOT",
        "trading": "Enabled",
        "instant_and_market_orders": "Enabled",
        "description": "Bitcoin / U.S. dollar",
    }
]
BITSTAMP_TICKER = {
    "timestamp": str(NOW - 3),
    "open": "59500",
    "high": "61000",
    "low": "59000",
    "last": "60005",
    "volume": "1500.1",
    "vwap": "60000",
    "bid": "60004",
    "ask": "60007",
    "side": "0",
    "open_24": "59400",
    "percent_change_24": "1.02",
}


class Built(BaseAdapter):
    """Answers by the last part of the path."""

    def __init__(self, answers: dict[str, object]) -> None:
        super().__init__()
        self.answers = answers
        self.status = 200

    def send(self, request, **_):
        answer = self.answers[request.path_url.partition("?")[0].strip("/").rpartition("/")[2]]
        if isinstance(answer, Exception):
            raise answer
        response = requests.Response()
        text = answer if isinstance(answer, str) else json.dumps(answer)
        response._content = text.encode()
        response.status_code, response.reason = self.status, "said so"
        response.headers["Content-Type"] = "application/json"
        response.url, response.request = request.url, request
        return response

    def close(self) -> None:
        pass


def kraken(**changes: object) -> tuple[Venue, Built]:
    answers: dict[str, object] = {
        name: {"error": [], "result": result} for name, result in KRAKEN.items()
    }
    return _venue("kraken", {**answers, **changes})


def bitstamp(**ticker: object) -> tuple[Venue, Built]:
    said = {**BITSTAMP_TICKER, **ticker}
    answers = {"markets": BITSTAMP_MARKETS, "trading-pairs-info": BITSTAMP_MARKETS, "btcusd": said}
    return _venue("bitstamp", answers)


def _venue(name: str, answers: dict[str, object]) -> tuple[Venue, Built]:
    exchange = open_venue(name)
    exchange.enableRateLimit = False
    built = Built(answers)
    exchange.session.mount("https://", built)
    return Venue(1, name, "BTC/USD", exchange), built


def reason_of(venue: Venue) -> Reason:
    with pytest.raises(SourceError) as refused:
        venue.observe(NOW)
    return refused.value.reason


def test_the_middle_of_bid_and_ask_and_half_the_spread():
    venue, _ = kraken()
    assert venue.observe(NOW) == Observation(
        1, "kraken", 60_010_050 * 10**15, NOW, confidence=5 * 10**16
    )


def test_a_venue_that_says_when():
    venue, _ = bitstamp()
    assert venue.observe(NOW) == Observation(
        1, "bitstamp", 60_005_500 * 10**15, NOW - 3, confidence=15 * 10**17
    )


def test_the_last_trade_where_there_is_no_quote():
    ticker = {"symbol": "BTC/USD", "timestamp": None, "bid": "60000", "ask": None, "last": "60001"}
    assert parse_ticker(ticker, 1, "BTC/USD", "v", NOW).price == 60_001 * 10**18


@pytest.mark.parametrize(
    ("ticker", "reason"),
    [
        ({"bid": "61000"}, Reason.CROSSED),
        ({"bid": "-5"}, Reason.NOT_POSITIVE),
        ({"ask": "NaN"}, Reason.NOT_A_NUMBER),
        ({"ask": "1e30"}, Reason.OUT_OF_RANGE),
        ({"bid": None, "ask": None, "last": None}, Reason.MISSING),
    ],
)
def test_a_bad_ticker_is_named(ticker, reason):
    assert reason_of(bitstamp(**ticker)[0]) == reason


def test_another_symbol():
    with pytest.raises(SourceError) as refused:
        parse_ticker({"symbol": "ETH/USD", "last": "1"}, 1, "BTC/USD", "v", NOW)
    assert refused.value.reason == Reason.WRONG_SYMBOL
    venue, _ = kraken()
    venue.symbol = "DOGE/USD"
    assert reason_of(venue) == Reason.WRONG_SYMBOL


@pytest.mark.parametrize(
    ("status", "reason"), [(429, Reason.RATE_LIMITED), (500, Reason.UNREACHABLE)]
)
def test_a_status_that_is_no_success(status, reason):
    venue, built = bitstamp()
    venue.observe(NOW)
    built.status = status
    assert reason_of(venue) == reason


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"error": ["EAPI:Rate limit exceeded"]}, Reason.RATE_LIMITED),
        ({"error": ["EService:Unavailable"]}, Reason.UNREACHABLE),
        ({"error": ["EQuery:Invalid asset pair"]}, Reason.WRONG_SYMBOL),
        ({"error": [], "result": {}}, Reason.MISSING),
        ('{"error": [], "result": {"XXBTZ', Reason.MISSING),
        ({"error": [], "result": {"XXBTZUSD": {"a": 5, "b": [], "c": None}}}, Reason.MISSING),
        (requests.exceptions.ReadTimeout(), Reason.TIMEOUT),
        (requests.exceptions.ConnectionError("reset"), Reason.UNREACHABLE),
    ],
)
def test_a_venue_that_fails_is_named(answer, reason):
    venue, _ = kraken(Ticker=answer)
    assert reason_of(venue) == reason


def test_no_such_venue():
    with pytest.raises(ValueError, match="nowhere is no venue of ccxt"):
        open_venue("nowhere")
