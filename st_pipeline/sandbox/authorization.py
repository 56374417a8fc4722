"""The token endpoint's decisions and the checks before any data is served, in the API's order.

Decisions only: app.py has the HTTP, world/ the data.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace

from starlette.responses import Response

from st_pipeline.sandbox import answers, instants
from st_pipeline.sandbox.account import Account
from st_pipeline.sandbox.endpoints import Entity, entities

TOKEN_SECONDS = 900
NO_APP_KEY = "Application key not present, check ST-App-Key header value."


@dataclass(frozen=True)
class Grant:
    """What an access token grants: one tenant, its scopes, and its expiry (ticks)."""

    tenant_id: int
    scopes: frozenset[str]
    expires: int


class Gate:
    """The accounts and the tokens issued to them. Not thread-safe: the sandbox holds one lock."""

    def __init__(self, accounts: Mapping[int, Account]) -> None:
        self.accounts = dict(accounts)
        self._grants: dict[str, Grant] = {}

    def connect(self, tenant_id: int, *, connected: bool = True) -> None:
        """Connect the app to a tenant, or disconnect it, as the tenant's administrator would."""
        self.accounts[tenant_id] = replace(self.accounts[tenant_id], connected=connected)

    def account_of_client(self, client_id: str) -> Account | None:
        """The account a client id belongs to."""
        return next((one for one in self.accounts.values() if one.client_id == client_id), None)

    def token(self, form: Mapping[str, str], now: int, seconds: float | None) -> Response:
        """The token endpoint's response to a form: a token, or 400 ``invalid_client`` for any wrong credentials."""
        if form.get("grant_type") != "client_credentials":
            return answers.json({"error": "unsupported_grant_type"}, 400)
        account = self.account_of_client(form.get("client_id", ""))
        secret = form.get("client_secret", "")
        if (
            account is None
            or not account.connected
            or not secrets.compare_digest(account.client_secret.encode(), secret.encode())
        ):
            return answers.json({"error": "invalid_client"}, 400)
        life = TOKEN_SECONDS if seconds is None else seconds
        scopes = granted(account)
        token = _write(account, sorted(scopes), now // instants.SECOND, life)
        self._grants[token] = Grant(account.tenant_id, scopes, now + round(life * instants.SECOND))
        return answers.json(
            {
                "access_token": token,
                "expires_in": max(1, round(life)),
                "token_type": "Bearer",
                "scope": " ".join(sorted(scopes)),
            }
        )

    def refusal(
        self, headers: Mapping[str, str], tenant_id: int, entity: Entity, path: str, now: int
    ) -> Response | None:
        """Why a request is rejected, checking app key, token, tenant, then scope; None if it may pass."""
        app_key = headers.get("st-app-key", "")
        if not any(secrets.compare_digest(one.app_key.encode(), app_key.encode()) for one in self.accounts.values()):
            return answers.problem(401, NO_APP_KEY)
        authorization = headers.get("authorization", "")
        token = authorization[7:] if authorization[:7].lower() == "bearer " else authorization
        grant = self._grants.get(token.strip())
        if grant is None or grant.expires <= now:
            return answers.problem(401, "Unauthorized")
        account = self.accounts[grant.tenant_id]
        if account.app_key != app_key or not account.connected:
            return answers.problem(403, "Forbidden")
        if tenant_id != grant.tenant_id:
            return answers.problem(404, "Not Found")
        if entity.scope not in grant.scopes:
            wanted = f"GET /tenant/{{tenant}}/{path}"
            return answers.problem(
                403, f"Scope validation failed. Access token does not have permission to access '{wanted}'"
            )
        return None


def granted(account: Account) -> frozenset[str]:
    """The scopes in an account's tokens: the ones it lists, or every scope the sandbox knows."""
    if account.scopes is None:
        return frozenset(one.scope for one in entities())
    return frozenset(account.scopes)


def _write(account: Account, scopes: list[str], issued: int, life: float) -> str:
    """A string shaped like the API's JWT. The sandbox looks it up and never verifies it."""

    def part(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    header = {"alg": "RS256", "kid": "sandbox", "typ": "at+jwt"}
    payload = {
        "nbf": issued,
        "exp": issued + round(life),
        "iss": "https://sandbox.invalid",
        "client_id": account.client_id,
        "tenant": str(account.tenant_id),
        "jti": secrets.token_hex(16),
        "iat": issued,
        "scope": scopes,
    }
    parts = [part(json.dumps(one, separators=(",", ":")).encode()) for one in (header, payload)]
    return ".".join([*parts, part(secrets.token_bytes(32))])
