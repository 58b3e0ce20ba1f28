"""Answers built from the documented formats of Pyth Hermes and of venues; no live server was
asked. A server that gives them, or gives them badly."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BTC_ID = "e62df6c8b4a85fe1a67db44dc12de5db330f7ac66b72dc658afedf0f4a415b43"


def hermes(published: int, previous: int | None = None, data: bytes = b"PNAU update") -> dict:
    """GET /v2/updates/price/latest?ids[]=..., as Pyth describes it."""
    price = {
        "price": "6012345678900",
        "conf": "2100000001",
        "expo": -8,
        "publish_time": published,
    }
    return {
        "binary": {"encoding": "hex", "data": [data.hex()]},
        "parsed": [
            {
                "id": BTC_ID,
                "price": price,
                "ema_price": dict(price, price="6010000000000"),
                "metadata": {
                    "slot": 190_000_000,
                    "proof_available_time": published + 1,
                    "prev_publish_time": published - 1 if previous is None else previous,
                },
            }
        ],
    }


class Badly:
    """How the server answers: a status, bytes, and pauses."""

    def __init__(self, body: Any = None, status: int = 200) -> None:
        self.status = status
        self.bytes = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.length: int | None = None  # another Content-Length than the true one
        self.pause = 0.0  # seconds before anything
        self.drip = 0.0  # seconds between two bytes
        self.asked: list[tuple[str, dict[str, str]]] = []


@contextmanager
def serve(how: Badly) -> Iterator[str]:
    """The URL of a server that answers every GET like this."""
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            how.asked.append((self.path, dict(self.headers)))
            ended.wait(how.pause)
            self.send_response(how.status)
            length = len(how.bytes) if how.length is None else how.length
            self.send_header("Content-Length", str(length))
            self.end_headers()
            pieces = [how.bytes] if not how.drip else [bytes([b]) for b in how.bytes]
            for piece in pieces:
                try:
                    self.wfile.write(piece)
                except OSError:
                    return
                if how.drip and ended.wait(how.drip):
                    return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


def elapsed(since: float) -> float:
    return time.monotonic() - since
