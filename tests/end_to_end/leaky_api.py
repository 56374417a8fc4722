"""An API whose responses repeat everything it received, including secrets: the worst input for an error message."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.servicetitan.catalogue.lookup import endpoint

SCOPES = " ".join(sorted({endpoint(entity).scope for entity in ASSET_ENTITIES}))
TOKEN = json.dumps({"access_token": "token", "expires_in": 900, "token_type": "Bearer", "scope": SCOPES}).encode()
MODES = ("refused", "forbidden", "broken", "malformed")


class LeakyApi:
    """The server for a ``with`` block; ``url(mode)`` is the base URL of an API that fails in that way."""

    def __enter__(self) -> LeakyApi:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        threading.Thread(target=self._server.serve_forever, name="leaky", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def url(self, mode: str) -> str:
        """``refused``: no token; ``forbidden``: 403; ``broken``: 500; ``malformed``: 200 without a page in it."""
        assert mode in MODES
        return f"http://127.0.0.1:{self._server.server_port}/{mode}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if self._mode == "refused":
            self._repeat(400, body)
        else:
            self._send(200, TOKEN)

    def do_GET(self) -> None:
        self._repeat({"forbidden": 403, "broken": 500, "malformed": 200}[self._mode], "")

    @property
    def _mode(self) -> str:
        return self.path.split("/")[1]

    def _repeat(self, status: int, body: str) -> None:
        heard = f"{dict(self.headers)} {body}"
        problem = {"type": heard, "title": heard, "status": status, "traceId": heard, "errors": {heard: [heard]}}
        text = heard if self._mode == "malformed" else json.dumps({**problem, "error": heard})
        self._send(status, text.encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass
