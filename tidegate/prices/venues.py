"""Spot prices of venues, through ccxt.

The price is the middle of bid and ask, or the last trade where a venue says no quote; half the
spread is the confidence. Numbers stay the strings that the venue wrote. Some venues put no time on
their ticker: then it is the time we asked.
"""

from typing import Any

import ccxt

from tidegate.prices.observation import (
    Observation,
    Reason,
    SourceError,
    field_of,
    price_of,
    whole,
)

TIMEOUT = 2.0  # seconds, of each of the two waits that requests knows: to connect, for a byte
MILLISECONDS = 1000


def open_venue(venue: str, timeout: float = TIMEOUT) -> Any:
    """A ccxt exchange by its id, e.g. "kraken". It fetches its list of markets at the first
    question."""
    if venue not in ccxt.exchanges:
        raise ValueError(f"{venue} is no venue of ccxt {ccxt.__version__}")
    exchange = getattr(ccxt, venue)({"timeout": int(timeout * MILLISECONDS)})
    exchange.number = str
    return exchange


def parse_ticker(ticker: Any, feed: int, symbol: str, name: str, now: int) -> Observation:
    """A ticker in ccxt's common form; SourceError names what is wrong with it."""
    if field_of(ticker, "symbol") != symbol:
        raise SourceError(Reason.WRONG_SYMBOL, str(ticker["symbol"])[:60])
    stamp = ticker.get("timestamp")
    time = now if stamp is None else whole(stamp, "timestamp") // MILLISECONDS
    if ticker.get("bid") is None or ticker.get("ask") is None:
        return Observation(feed, name, price_of(field_of(ticker, "last"), "last"), time)
    bid, ask = price_of(ticker["bid"], "bid"), price_of(ticker["ask"], "ask")
    if bid > ask:
        raise SourceError(Reason.CROSSED, f"{ticker['bid']} > {ticker['ask']}")
    # down, as every price of a source; the half spread up
    return Observation(feed, name, (bid + ask) // 2, time, -(-(ask - bid) // 2))


class Venue:
    """One symbol of one venue."""

    def __init__(self, feed: int, venue: str, symbol: str, exchange: Any = None) -> None:
        self.feed = feed
        self.symbol = symbol
        self.name = venue
        self.exchange = exchange or open_venue(venue)

    def observe(self, now: int) -> Observation:
        try:
            ticker = self.exchange.fetch_ticker(self.symbol)
        except (ccxt.RateLimitExceeded, ccxt.DDoSProtection):
            raise SourceError(Reason.RATE_LIMITED, self.name) from None
        except ccxt.RequestTimeout:
            raise SourceError(Reason.TIMEOUT, self.name) from None
        except ccxt.BadSymbol:
            raise SourceError(Reason.WRONG_SYMBOL, self.symbol) from None
        except ccxt.NetworkError as error:
            raise SourceError(Reason.UNREACHABLE, type(error).__name__) from None
        except ccxt.BaseError as error:
            raise SourceError(Reason.VENUE_ERROR, type(error).__name__) from None
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            # ccxt's parsers take what a venue sends at its word; a wrong shape ends anywhere.
            raise SourceError(Reason.MISSING, f"unreadable: {type(error).__name__}") from None
        return parse_ticker(ticker, self.feed, self.symbol, self.name, now)
