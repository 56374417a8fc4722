"""A plain HTTP client of the sandbox for its tests: a token, single calls, whole exports and lists; no retries."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import msgspec
import requests

from st_pipeline.sandbox import Account, Sandbox
from st_pipeline.sandbox.endpoints import entity


class Caller:
    """One account's client; it keeps one token until told to renew it."""

    def __init__(self, sandbox: Sandbox, account: Account) -> None:
        self.sandbox = sandbox
        self.account = account
        self.session = requests.Session()
        self.headers = {"ST-App-Key": account.app_key}

    def __enter__(self) -> Caller:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.session.close()

    def ask_token(self, **changes: Any) -> requests.Response:
        form = {
            "grant_type": "client_credentials",
            "client_id": self.account.client_id,
            "client_secret": self.account.client_secret,
        }
        return self.session.post(f"{self.sandbox.url}/connect/token", data=form | changes, timeout=60)

    def authorize(self) -> Caller:
        self.headers["Authorization"] = f"Bearer {self.ask_token().json()['access_token']}"
        return self

    def wait(self, seconds: float) -> None:
        """Advance the sandbox's clock, and get a new token because the old one may have expired."""
        self.sandbox.advance(seconds)
        self.authorize()

    def path(self, name: str, *, export: bool) -> str:
        one = entity(name)
        return f"/{one.module}/v2/tenant/{self.account.tenant_id}/{'export/' if export else ''}{one.resource}"

    def get(self, path: str, params: Any = None, headers: dict[str, str] | None = None) -> requests.Response:
        return self.session.get(
            self.sandbox.url + path, params=params, headers=self.headers if headers is None else headers, timeout=60
        )

    def export(self, name: str, start: str | None = None, /, **params: str) -> tuple[list[list[Any]], str]:
        """All pages from a start, and the last token."""
        pages = []
        while True:
            given = params if start is None else {"from": start, **params}
            response = self.get(self.path(name, export=True), given)
            assert response.status_code == 200, response.text
            body = response.json()
            pages.append(body["data"])
            start = body["continueFrom"]
            assert isinstance(start, str)
            if not body["hasMore"]:
                return pages, start

    def exported(self, name: str, start: str | None = None, /, **params: str) -> list[Any]:
        """All records from a start."""
        return [record for page in self.export(name, start, **params)[0] for record in page]

    def listed(self, name: str, /, **params: str) -> list[Any]:
        """All records of a list."""
        records, page = [], 1
        while True:
            response = self.get(self.path(name, export=False), {"page": str(page), **params})
            assert response.status_code == 200, response.text
            body = response.json()
            records += body["data"]
            page += 1
            if not body["hasMore"]:
                return records

    def errors(self, name: str, /, **params: str) -> dict[str, list[str]]:
        """The errors of a list call that fails with 400."""
        return self._refused(self.path(name, export=False), params)

    def export_errors(self, name: str, /, **params: str) -> dict[str, list[str]]:
        """The errors of an export call that fails with 400."""
        return self._refused(self.path(name, export=True), params)

    def _refused(self, path: str, params: dict[str, str]) -> dict[str, list[str]]:
        response = self.get(path, params)
        assert response.status_code == 400, response.text
        return response.json()["errors"]


class _Page(msgspec.Struct):
    data: list[msgspec.Raw]


def raw_records(response: requests.Response) -> list[bytes]:
    """A page's records, byte for byte."""
    return [bytes(raw) for raw in msgspec.json.decode(response.content, type=_Page).data]
