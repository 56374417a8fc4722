"""Another imitation of ServiceTitan's API, written from its documentation alone, with other habits than the sandbox.

Opaque tokens full of ``+/=``, pages of 7 and 113, an empty page within an export, no ``continueFrom`` on the last page,
a token response without type and scopes, ``expires_in`` as a string, lists capped at 200 without a total, 429 without
``Retry-After``, no compression, and records with little more than an id.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Record = dict[str, Any]
EXPORTS = {
    "crm_customers": "crm/export/customers",
    "crm_customer_contacts": "crm/export/customers/contacts",
    "crm_locations": "crm/export/locations",
    "accounting_invoices": "accounting/export/invoices",
    "accounting_invoice_items": "accounting/export/invoice-items",
    "accounting_payments": "accounting/export/payments",
    "jpm_jobs": "jpm/export/jobs",
    "jpm_appointments": "jpm/export/appointments",
    "memberships_memberships": "memberships/export/memberships",
    "memberships_membership_types": "memberships/export/membership-types",
    "settings_business_units": "settings/export/business-units",
}
LISTS = {"jpm_job_types": "jpm/job-types"}
LARGEST_PAGE = 200
BY_PATH = {path: entity for entity, path in (EXPORTS | LISTS).items()}


class ForeignApi:
    """The server for a ``with`` block. ``records`` is by tenant number and entity; it may grow meanwhile."""

    def __init__(self, app_key: str, clients: dict[str, tuple[str, int]]) -> None:
        """``clients``: client id -> (secret, tenant number)."""
        self.app_key, self.clients = app_key, clients
        self.records: dict[int, dict[str, list[Record]]] = {}
        self.tokens: dict[str, int] = {}
        self.places: dict[str, tuple[int, str, int]] = {}
        self.given: dict[tuple[int, str, int], str] = {}
        self.refused: set[int] = set()
        self.calls = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> ForeignApi:
        threading.Thread(target=self._server.serve_forever, name="foreign", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def sign_in(self, form: dict[str, list[str]]) -> tuple[int, Record]:
        secret, tenant = self.clients.get(form.get("client_id", [""])[0], ("", 0))
        if form.get("grant_type") != ["client_credentials"] or form.get("client_secret") != [secret]:
            return 400, {"error": "invalid_client"}
        token = f"{secrets.token_urlsafe(40)}+/=="
        self.tokens[token] = tenant
        return 200, {"access_token": token, "expires_in": "900"}

    def answer(self, path: str, query: dict[str, str], headers: Any) -> tuple[int, Record]:
        module, version, word, number, *rest = [*path.strip("/").split("/"), "", "", "", ""]
        entity = BY_PATH.get("/".join([module, *filter(None, rest)]))
        scheme, _, token = headers.get("Authorization", "").partition(" ")
        if headers.get("ST-App-Key") != self.app_key or scheme != "Bearer" or token not in self.tokens:
            return 401, {"title": "Unauthorized", "status": 401}
        if entity is None or (version, word) != ("v2", "tenant") or number != str(self.tokens[token]):
            return 404, {"title": "Not Found", "status": 404}
        tenant = int(number)
        self.calls += 1
        if self.calls > 20 and tenant not in self.refused:
            self.refused.add(tenant)
            return 429, {"status": 429, "title": "Rate limit is exceeded. Try again in 1 seconds."}
        held = self.records[tenant][entity]
        return self._list(held, query) if entity in LISTS else self._export(tenant, entity, held, query)

    def _export(self, tenant: int, entity: str, held: list[Record], query: dict[str, str]) -> tuple[int, Record]:
        start = 0
        if "from" in query:
            place = self.places.get(query["from"])
            if place is None or place[:2] != (tenant, entity):
                return 400, {"title": "Bad Request", "status": 400, "errors": {"from": ["not valid"]}}
            start = place[2]
        size = 7 if entity.startswith(("crm", "settings")) else 113
        if start < 0:  # the page after the empty one
            start = -start
        elif start == size:  # an empty page within the export, with a token to continue
            return 200, {"data": [], "continueFrom": self._token(tenant, entity, -start), "hasMore": True}
        end = start + size
        if end >= len(held):
            return 200, {"data": held[start:], "hasMore": False}
        return 200, {"data": held[start:end], "continueFrom": self._token(tenant, entity, end), "hasMore": True}

    def _token(self, *place: Any) -> str:
        """The same opaque text for the same place; standard base64, so with all three awkward characters."""
        if place not in self.given:
            text = base64.b64encode(b"\xfb\xef\xbe\xff" + secrets.token_bytes(9)).decode()
            self.given[place] = text
            self.places[text] = place
        return self.given[place]

    def _list(self, held: list[Record], query: dict[str, str]) -> tuple[int, Record]:
        size = min(int(query.get("pageSize", 50)), LARGEST_PAGE)
        first = (int(query.get("page", 1)) - 1) * size
        since = query.get("modifiedOnOrAfter", "")
        found = [record for record in held if record.get("modifiedOn", "9") >= since]
        return 200, {"data": found[first : first + size], "hasMore": first + size < len(found), "pageSize": size}


def _handler(api: ForeignApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            is_token = self.path == "/connect/token"
            self._send(*(api.sign_in(parse_qs(body)) if is_token else (404, {"status": 404})))

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            self._send(*api.answer(parts.path, query, self.headers))

        def _send(self, status: int, content: Record) -> None:
            body = json.dumps(content, ensure_ascii=False, indent=1).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
