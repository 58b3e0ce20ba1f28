"""One JSON question over HTTP with a bound on everything: time, length, status."""

import http.client
import json
import socket
import time
from typing import Any
from urllib.parse import urlsplit

from tidegate.prices.observation import Reason, SourceError

LIMIT = 256 * 1024  # bytes of an answer
PIECE = 16 * 1024
MAX_BRACKETS = 4000  # of a JSON text, which bounds its depth


def ask(
    url: str,
    seconds: float,
    body: Any = None,
    headers: dict[str, str] | None = None,
    limit: int = LIMIT,
) -> tuple[int, Any]:
    """Status and decoded JSON of a GET, or of a POST if there is a body; SourceError else.

    `seconds` bounds the whole exchange: an answer that trickles in is a timeout too. Nothing is
    retried and no redirect followed.
    """
    deadline = time.monotonic() + seconds
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    sent = {"Accept": "application/json", "Connection": "close", **(headers or {})}
    payload = None
    if body is not None:
        payload = json.dumps(body).encode()
        sent["Content-Type"] = "application/json"
    connection = kind(parts.hostname or "", parts.port, timeout=seconds)
    try:
        connection.request("GET" if payload is None else "POST", path, payload, sent)
        wire = connection.sock  # http.client lets go of it when the answer ends the connection
        _hurry(wire, deadline)
        answer = connection.getresponse()
        text = _read(answer, wire, deadline, limit)
    except TimeoutError:
        raise SourceError(Reason.TIMEOUT, f"{seconds:g} s") from None
    except (OSError, http.client.HTTPException) as error:
        raise SourceError(Reason.UNREACHABLE, type(error).__name__) from None
    finally:
        connection.close()
    return answer.status, _decoded(answer.status, text)


def _hurry(wire: socket.socket, deadline: float) -> None:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    wire.settimeout(left)


def _read(
    answer: http.client.HTTPResponse, wire: socket.socket, deadline: float, limit: int
) -> bytes:
    text = b""
    while True:
        _hurry(wire, deadline)
        # read1 returns what is there: read would wait for the whole piece, however slow it comes
        piece = answer.read1(PIECE)
        if not piece:
            break
        text += piece
        if len(text) > limit:
            raise SourceError(Reason.TOO_LONG, f"more than {limit} bytes")
    if answer.length:
        raise http.client.IncompleteRead(text, answer.length)
    return text


def parse(text: bytes) -> Any:
    """JSON with numbers as they were written (a float would round them); ValueError if it is none.

    Brackets are counted first: libraries that we import raise Python's recursion limit so far that
    a deeply nested text would end the process.
    """
    if text.count(b"[") + text.count(b"{") > MAX_BRACKETS:
        raise ValueError(f"more than {MAX_BRACKETS} brackets")
    return json.loads(text, parse_float=str, parse_constant=str)


def _decoded(status: int, text: bytes) -> Any:
    try:
        return parse(text)
    except ValueError:
        if status == 200:
            raise SourceError(Reason.NOT_JSON, f"{len(text)} bytes") from None
        return None


def get(url: str, seconds: float, headers: dict[str, str] | None = None) -> Any:
    """The JSON of a successful GET; SourceError else."""
    status, answer = ask(url, seconds, headers=headers)
    if status == 429:
        raise SourceError(Reason.RATE_LIMITED, "HTTP 429")
    if status != 200:
        raise SourceError(Reason.REFUSED, f"HTTP {status}")
    return answer
