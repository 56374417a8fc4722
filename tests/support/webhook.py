"""A real HTTP server in a thread that takes what webhooks are sent, or refuses it when told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SILENT_SECONDS = 120
"""After this long, requests are answered anyway."""


class Webhook:
    """``received`` has the JSON bodies that were taken, ``asked`` the paths of all requests, as they come in."""

    def __init__(self) -> None:
        self.status = 200
        self._may_answer = threading.Event()
        self._may_answer.set()
        self.received: list[dict[str, Any]] = []
        self.asked: list[str] = []
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if webhook.status == 200:
                    webhook.received.append(json.loads(body))
                self.answer()

            def do_GET(self) -> None:
                self.answer()

            def answer(self) -> None:
                webhook.asked.append(self.path)
                webhook._may_answer.wait(SILENT_SECONDS)
                self.send_response(webhook.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"127.0.0.1:{self.server.server_address[1]}"

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Requests get no response until the block ends."""
        self._may_answer.clear()
        try:
            yield
        finally:
            self._may_answer.set()

    def take(self) -> list[dict[str, Any]]:
        """What came since the last look."""
        taken, self.received = self.received, []
        return taken


@contextmanager
def webhook() -> Iterator[Webhook]:
    hook = Webhook()
    thread = threading.Thread(target=hook.server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield hook
    finally:
        hook.server.shutdown()
        thread.join()
        hook.server.server_close()
