"""Pyth prices from a Hermes server, and the update data that PythFeed.post takes.

    GET /v2/updates/price/latest?ids[]=ID                 the newest
    GET /v2/updates/price/TIME?ids[]=ID                   the first at or after a time

    {"binary": {"encoding": "hex", "data": ["504e4155..."]},
     "parsed": [{"id": "e62d...", "price": {"price": "6012345000000", "conf": "2100000000",
                 "expo": -8, "publish_time": 1732300000}, "ema_price": {...},
                 "metadata": {"slot": 1, "proof_available_time": 1732300001,
                              "prev_publish_time": 1731999999}}]}

Built from Pyth's published description of that answer; no live server was asked. Since August 2026
public servers want a key: `Authorization: Bearer KEY`.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from tidegate.client.errors import ProtocolError
from tidegate.client.price_message import publish_range
from tidegate.prices import web
from tidegate.prices.observation import (
    Observation,
    Reason,
    SourceError,
    field_of,
    whole,
)
from tidegate.spec.oracle import EXPONENT, is_first, price_of
from tidegate.spec.rounding import WAD

TIMEOUT = 2.0  # seconds
MAX_UPDATE = 4096  # bytes, of PythFeed.post


@dataclass(frozen=True, slots=True)
class PythUpdate:
    """One published price, and the data by which a contract can verify it."""

    observation: Observation
    previous: int  # publish time of the one before; 0: not said
    data: bytes

    @property
    def published(self) -> int:
        return self.observation.time


def parse(answer: Any, feed: int, price_id: str, name: str) -> PythUpdate:
    """A Hermes answer to a question for one id; SourceError names what is wrong with it."""
    parsed = field_of(answer, "parsed")
    if not isinstance(parsed, list) or len(parsed) != 1:
        raise SourceError(Reason.WRONG_SYMBOL, "not one price")
    if str(field_of(parsed[0], "id")).lower().removeprefix("0x") != price_id:
        raise SourceError(Reason.WRONG_SYMBOL, str(parsed[0]["id"])[:70])
    fields = field_of(parsed[0], "price")
    mantissa = whole(field_of(fields, "price"), "price")
    confidence = whole(field_of(fields, "conf"), "conf")
    exponent = whole(field_of(fields, "expo"), "expo")
    published = whole(field_of(fields, "publish_time"), "publish_time")
    if mantissa <= 0:
        raise SourceError(Reason.NOT_POSITIVE, f"price is {mantissa}")
    if confidence < 0:
        raise SourceError(Reason.OUT_OF_RANGE, f"conf is {confidence}")
    try:
        price = price_of(mantissa, exponent)
    except ProtocolError:
        raise SourceError(Reason.OUT_OF_RANGE, f"{mantissa} * 10**{exponent}") from None
    # price_of has bounded the exponent; the quotient is rounded up, doubt is never made smaller
    width = confidence * WAD * 10 ** (EXPONENT + exponent)
    observation = Observation(feed, name, price, published, -(-width // 10**EXPONENT))
    metadata = parsed[0].get("metadata") or {}
    previous = metadata.get("prev_publish_time")
    previous = 0 if previous is None else whole(previous, "prev_publish_time")
    return PythUpdate(observation, previous, _data(field_of(answer, "binary")))


def _data(binary: Any) -> bytes:
    pieces = field_of(binary, "data")
    if binary.get("encoding") != "hex" or not isinstance(pieces, list) or len(pieces) != 1:
        raise SourceError(Reason.MISSING, "binary.data: one piece, as hex")
    try:
        data = bytes.fromhex(str(pieces[0]).removeprefix("0x"))
    except ValueError:
        raise SourceError(Reason.NOT_A_NUMBER, "binary.data is no hex") from None
    if not 0 < len(data) <= MAX_UPDATE:
        raise SourceError(Reason.OUT_OF_RANGE, f"binary.data has {len(data)} bytes")
    return data


@dataclass(frozen=True)
class Hermes:
    """One price id of one server. `key` is never shown."""

    feed: int
    url: str
    price_id: str  # hex, without 0x
    key: str = ""
    name: str = "pyth"
    timeout: float = TIMEOUT

    def __repr__(self) -> str:
        return f"<Hermes {self.price_id[:8]}>"

    def _ask(self, which: str) -> PythUpdate:
        query = urlencode({"ids[]": self.price_id, "encoding": "hex", "parsed": "true"})
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else None
        url = f"{self.url.rstrip('/')}/v2/updates/price/{which}?{query}"
        return parse(web.get(url, self.timeout, headers), self.feed, self.price_id, self.name)

    def observe(self, now: int) -> Observation:
        """The newest price."""
        return self._ask("latest").observation

    def update(self, slot: int, slot_seconds: int) -> PythUpdate:
        """The update that prices a slot: the arguments of PythFeed.post are (slot, data)."""
        found = self._ask(str(publish_range(slot, slot_seconds)[0]))
        if not is_first(found.previous, found.published, slot, slot_seconds):
            detail = f"published {found.published}, the one before {found.previous}"
            raise SourceError(Reason.NOT_FIRST, detail)
        return found
