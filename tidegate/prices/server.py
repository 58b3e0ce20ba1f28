"""A small HTTP server for JSON, with bounds: length, time, and connections at once.

It listens where it is told, by default on loopback, and speaks no TLS: what is reached from
elsewhere stands behind a proxy that does (docs/prices.md).
"""

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tidegate.prices.web import parse

LIMIT = 64 * 1024  # bytes of a question
SECONDS = 5.0  # for a question to arrive
AT_ONCE = 64  # connections

Answer = tuple[int, Any]  # HTTP status; JSON, or text
Get = Callable[[Mapping[str, str]], Answer]
Post = Callable[[Any], Answer]


def listen_at(text: str) -> tuple[str, int]:
    """ "host:port" in its parts."""
    host, separator, port = text.rpartition(":")
    if not separator or not host or not port.isdecimal() or int(port) > 65_535:
        raise ValueError(f"{text!r} is not HOST:PORT")
    return host.strip("[]"), int(port)


class Server:
    """Serves until `close`; port 0 takes a free one, `url` says which."""

    def __init__(
        self, where: tuple[str, int], gets: Mapping[str, Get], posts: Mapping[str, Post]
    ) -> None:
        self._server = _Bounded(where, _handler(gets, posts))
        host, port = self._server.server_address[:2]
        self.url = f"http://{host}:{port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Bounded(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = AT_ONCE

    def __init__(self, *arguments: Any) -> None:
        self._free = threading.BoundedSemaphore(AT_ONCE)
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who hangs up is no news; anything else is told as usual."""
        import sys

        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


def _handler(gets: Mapping[str, Get], posts: Mapping[str, Post]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = SECONDS
        server_version = "tidegate"
        sys_version = ""

        def log_message(self, *_: Any) -> None:
            """What matters is logged where it is decided."""

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            found = gets.get(parts.path)
            if found is None:
                return self._answer(404, {"error": "no such path"})
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            return self._answer(*found(query))

        def do_POST(self) -> None:
            found = posts.get(urlsplit(self.path).path)
            if found is None:
                return self._answer(404, {"error": "no such path"})
            length = self.headers.get("Content-Length", "")
            if not length.isdecimal() or int(length) > LIMIT:
                self.close_connection = True
                return self._answer(413, {"error": f"a question has at most {LIMIT} bytes"})
            try:
                body = parse(self.rfile.read(int(length)))
            except ValueError:
                return self._answer(400, {"error": "no JSON"})
            return self._answer(*found(body))

        def _answer(self, status: int, body: Any) -> None:
            is_text = isinstance(body, str)
            text = (body if is_text else json.dumps(body)).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain" if is_text else "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    return Handler
