"""A small OpenID Connect provider over real HTTP: discovery, authorize, token, keys, userinfo. It says yes to all.

What it does wrong it does by order of a test: ``claims`` and ``sign`` forge tokens, ``answers`` replaces whole answers.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote_plus, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import Key, KeySet, RSAKey

CLIENT_ID = "st-pipeline"
CLIENT_SECRET = "canary+oidc secret/%~é"  # letters that are written differently in a header and in a form
ACCESS_TOKEN = "canary-access-token-1f7a"


def new_key(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig"})


def signed(claims: dict[str, Any], key: RSAKey) -> str:
    return jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)


@dataclass
class OidcProvider:
    """The state of one, to be changed by tests while it runs."""

    issuer: str
    key: RSAKey
    person: dict[str, Any] = field(default_factory=dict)
    """Claims of who sits before the browser."""
    claims: dict[str, Any] = field(default_factory=dict)
    """Over those that the id token has; None takes one away."""
    sign: Callable[[dict[str, Any], RSAKey], str] = signed
    metadata: dict[str, Any] = field(default_factory=dict)
    """Over the discovery document; None takes one away."""
    answers: dict[str, Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=dict)
    """Path -> what to do instead of answering."""
    tokens: dict[str, Any] = field(default_factory=dict)
    """Over the answer of the token endpoint; None takes one away."""
    deny: str | None = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    """Paths, in order."""
    seen: list[str] = field(default_factory=list)
    """Codes and tokens that were handed out, for those who look for them."""
    published: list[Key] | None = None
    """Keys at jwks_uri; None: the one that signs."""

    def reset(self, **person: Any) -> OidcProvider:
        """As at first, with this person before the browser."""
        self.person = {"sub": "subject-1", "email": "ann@example.com", "email_verified": True, **person}
        self.claims, self.metadata, self.answers, self.tokens = {}, {}, {}, {}
        self.sign, self.deny, self.published = signed, None, None
        self.codes.clear()
        self.asked.clear()
        return self

    def document(self) -> dict[str, Any]:
        standard = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }
        return _without_none(standard | self.metadata)

    def authorize(self, query: dict[str, str]) -> str:
        """Where the browser goes: back with a code, or with an error."""
        assert (query["client_id"], query["response_type"]) == (CLIENT_ID, "code")
        assert query["code_challenge_method"] == "S256"
        assert set(query["scope"].split()) == {"openid", "email", "profile"}
        if self.deny:
            given = {"error": self.deny, "error_description": "canary-description"}
        else:
            code = f"canary-code-{secrets.token_hex(8)}"
            self.seen.append(code)
            self.codes[code] = query
            given = {"code": code}
        return f"{query['redirect_uri']}?{urlencode(given | {'state': query['state']})}"

    def exchange(self, form: dict[str, str], authorization: str | None) -> tuple[int, dict[str, Any]]:
        """RFC 6749, section 4.1.3: each code once, for the client and the verifier it was made for."""
        if not self._is_client(form, authorization):
            return 401, {"error": "invalid_client", "error_description": "canary-description"}
        begun = self.codes.pop(form.get("code", ""), None)
        challenge = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if (
            begun is None
            or form.get("grant_type") != "authorization_code"
            or begun["redirect_uri"] != form.get("redirect_uri")
            or begun["code_challenge"] != base64.urlsafe_b64encode(challenge).rstrip(b"=").decode()
        ):
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": begun["nonce"]}
        token = self.sign(_without_none(claims | self.person | self.claims), self.key)
        self.seen.append(token)
        standard = {"access_token": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": 300, "id_token": token}
        return 200, _without_none(standard | self.tokens)

    def _is_client(self, form: dict[str, str], authorization: str | None) -> bool:
        if self.metadata.get("token_endpoint_auth_methods_supported") == ["client_secret_post"]:
            return authorization is None and (form.get("client_id"), form.get("client_secret")) == (
                CLIENT_ID,
                CLIENT_SECRET,
            )
        kind, _, given = (authorization or "").partition(" ")
        user, _, password = base64.b64decode(given).decode().partition(":") if kind == "Basic" else ("", "", "")
        return (unquote_plus(user), unquote_plus(password)) == (CLIENT_ID, CLIENT_SECRET)

    def rotate(self) -> RSAKey:
        """A new key signs from now on; returns the one before."""
        before, self.key = self.key, new_key(secrets.token_hex(4))
        return before


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


class _Handler(BaseHTTPRequestHandler):
    provider: OidcProvider

    def do_GET(self) -> None:
        path = self._begin()
        if path in self.provider.answers:
            self.provider.answers[path](self)
        elif path == "/.well-known/openid-configuration":
            send_json(self, self.provider.document())
        elif path == "/jwks":
            send_json(self, KeySet(self.provider.published or [self.provider.key]).as_dict())
        elif path == "/authorize":
            send(self, 302, b"", location=self.provider.authorize(dict(parse_qsl(urlsplit(self.path).query))))
        elif path == "/userinfo" and self.headers["Authorization"] == f"Bearer {ACCESS_TOKEN}":
            send_json(self, self.provider.person)
        else:
            send(self, 404, b"no such page")

    def do_POST(self) -> None:
        path = self._begin()
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode(), strict_parsing=True)
        if path in self.provider.answers:
            self.provider.answers[path](self)
            return
        assert path == "/token"
        status, answer = self.provider.exchange({k: v[0] for k, v in form.items()}, self.headers["Authorization"])
        send_json(self, answer, status)

    def _begin(self) -> str:
        path = urlsplit(self.path).path
        self.provider.asked.append(path)
        return path

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: what is looked for in the output must not come from here."""


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def send_json(handler: BaseHTTPRequestHandler, value: object, status: int = 200) -> None:
    send(handler, status, json.dumps(value).encode(), content_type="application/json")


@contextmanager
def serving() -> Iterator[OidcProvider]:
    """A provider on a port of its own, for as long as the context is open."""
    handler = type("Handler", (_Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    provider = OidcProvider(f"http://127.0.0.1:{server.server_address[1]}", new_key("first"))
    handler.provider = provider.reset()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
