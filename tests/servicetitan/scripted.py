"""A real HTTP server in a thread that returns what a test tells it to, including broken responses.

st_pipeline/sandbox imitates the whole API; this server is for single unusual responses.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

TOKEN_PATH = "/connect/token"


@dataclass(frozen=True)
class Asked:
    """One received request; ``at`` is ``time.monotonic()``, ``connection`` numbers the connections."""

    method: str
    path: str
    query: dict[str, str]
    raw_query: str
    headers: dict[str, str]
    form: dict[str, str]
    at: float
    connection: int


@dataclass(frozen=True)
class Reply:
    """A response; ``cut`` sends only that many bytes of the body and hangs up, ``reset`` sends nothing at all.

    ``raw`` sends its bytes instead, beginning with the status line, until they end or the client hangs up.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    reset: bool = False
    delay: float = 0.0
    raw: Callable[[], Iterator[bytes]] | None = None


def reply(value: Any, status: int = 200, **headers: str) -> Reply:
    """A JSON response; in header names, _ stands for -."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json"} | named)


def token_reply(value: str = "token-1", **more: Any) -> Reply:
    return reply(
        {"access_token": value, "expires_in": 900, "token_type": "Bearer", "scope": "tn.crm.customers:r"} | more
    )


class ScriptedServer:
    """Answers API calls with ``script(asked, n)``, n counting from 1, and token requests with ``tokens(asked, n)``."""

    def __init__(self, script: Callable[[Asked, int], Reply]) -> None:
        self.script = script
        self.tokens: Callable[[Asked, int], Reply] = lambda asked, n: token_reply(f"token-{n}")
        self.calls: list[Asked] = []
        self.token_calls: list[Asked] = []
        self._lock = threading.Lock()
        self._connections = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> ScriptedServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, asked: Asked) -> Reply:
        with self._lock:
            kept = self.token_calls if asked.path == TOKEN_PATH else self.calls
            kept.append(asked)
            number = len(kept)
        return self.tokens(asked, number) if asked.path == TOKEN_PATH else self.script(asked, number)

    def connected(self) -> int:
        with self._lock:
            self._connections += 1
            return self._connections

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                super().setup()
                self.number = server.connected()

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                length = int(self.headers.get("Content-Length") or 0)
                asked = Asked(
                    method=self.command,
                    path=parts.path,
                    query=dict(parse_qsl(parts.query, keep_blank_values=True)),
                    raw_query=parts.query,
                    headers={name.lower(): value for name, value in self.headers.items()},
                    form=dict(parse_qsl(self.rfile.read(length).decode())),
                    at=time.monotonic(),
                    connection=self.number,
                )
                self._send(server.answer(asked))

            do_POST = do_GET

            def _send(self, sent: Reply) -> None:
                time.sleep(sent.delay)
                if sent.reset:
                    # RST instead of FIN, like a crashed server or a firewall.
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.close_connection = True
                    self.connection.close()
                    return
                if sent.raw is not None:
                    self.close_connection = True
                    for piece in sent.raw():
                        self.wfile.write(piece)
                    return
                self.send_response(sent.status)
                for name, value in sent.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(sent.body)))
                self.end_headers()
                self.wfile.write(sent.body[: sent.cut])
                self.close_connection = self.close_connection or sent.cut is not None

            def handle(self) -> None:
                try:
                    super().handle()
                except (OSError, ValueError):
                    return  # the client hung up, or was hung up on

            def finish(self) -> None:
                try:
                    super().finish()
                except (OSError, ValueError):
                    return

            def log_message(self, format: str, *args: Any) -> None:
                return

        return Handler
