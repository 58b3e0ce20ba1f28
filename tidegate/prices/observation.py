"""What a source says of a price, and by what name it fails.

Prices are integers of 1e-18, times whole seconds since 1970.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Protocol

from tidegate.spec.oracle import MAX_PRICE
from tidegate.spec.rounding import PPM, WAD

# 78 digits are 256 bits; a number that needs more is refused before it is multiplied.
_EXACT = Context(prec=78)
MAX_DIGITS = 40
MAX_EXPONENT = 30


class Reason(StrEnum):
    """Why a source gives no price now."""

    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    TOO_LONG = "answer too long"
    RATE_LIMITED = "rate limited"
    REFUSED = "refused"  # an HTTP status that is no success
    NOT_JSON = "not JSON"
    MISSING = "missing field"
    NOT_A_NUMBER = "not a number"
    NOT_POSITIVE = "not positive"
    OUT_OF_RANGE = "out of range"
    WRONG_SYMBOL = "wrong symbol"
    CROSSED = "bid above ask"
    NOT_FIRST = "not the first of its slot"
    VENUE_ERROR = "error of the venue"
    OVER = "replay is over"
    # by the rules of the median
    STALE = "stale"
    FUTURE = "from the future"
    UNCERTAIN = "uncertain"
    FAR = "far from the median"


class SourceError(Exception):
    """A source has no price: it alone is left out."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}" if self.detail else str(self.reason)


@dataclass(frozen=True, slots=True)
class Observation:
    """One source's price of a feed. `confidence`: half width of its interval, 1e-18; 0: none."""

    feed: int
    source: str
    price: int
    time: int
    confidence: int = 0

    @property
    def confidence_ppm(self) -> int:
        """Rounded up: doubt is never made smaller."""
        return -(-self.confidence * PPM // self.price)


class Source(Protocol):
    """Something that knows the price of one feed."""

    name: str
    feed: int

    def observe(self, now: int) -> Observation:
        """The price now; SourceError says why there is none. May block for its timeout."""
        ...


def number(value: Any, what: str) -> Decimal:
    """A finite number out of somebody's JSON; a float is taken as it was written."""
    if isinstance(value, bool) or not isinstance(value, int | str | float | Decimal):
        raise SourceError(Reason.NOT_A_NUMBER, f"{what} is {_short(value)}")
    text = str(value)
    if not text.isascii() or "_" in text or len(text) > 2 * MAX_DIGITS:
        raise SourceError(Reason.NOT_A_NUMBER, f"{what} is {_short(value)}")
    try:
        found = Decimal(text)
    except InvalidOperation:
        raise SourceError(Reason.NOT_A_NUMBER, f"{what} is {_short(value)}") from None
    if not found.is_finite():
        raise SourceError(Reason.NOT_A_NUMBER, f"{what} is {_short(value)}")
    digits = found.as_tuple()
    if len(digits.digits) > MAX_DIGITS or abs(found.adjusted()) > MAX_EXPONENT:
        raise SourceError(Reason.OUT_OF_RANGE, f"{what} is {_short(value)}")
    return found


def whole(value: Any, what: str) -> int:
    """A whole number that JSON wrote as one."""
    found = number(value, what)
    if found != found.to_integral_value():
        raise SourceError(Reason.NOT_A_NUMBER, f"{what} is {_short(value)}")
    return int(found)


def scaled(value: Decimal) -> int:
    """In 1e-18, rounded down: of a price no account's side is known."""
    return int(_EXACT.multiply(value, Decimal(WAD)))


def price_of(value: Any, what: str) -> int:
    """A price in 1e-18 that the oracle can hold."""
    found = number(value, what)
    if found <= 0:
        raise SourceError(Reason.NOT_POSITIVE, f"{what} is {_short(value)}")
    price = scaled(found)
    if not 0 < price <= MAX_PRICE:
        raise SourceError(Reason.OUT_OF_RANGE, f"{what} is {_short(value)}")
    return price


def field_of(record: Any, name: str) -> Any:
    """A field of a JSON object, which must be there and not null."""
    if not isinstance(record, Mapping) or record.get(name) is None:
        raise SourceError(Reason.MISSING, name)
    return record[name]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
