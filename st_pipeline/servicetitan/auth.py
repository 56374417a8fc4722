"""One tenant's tokens: request one, reuse it until it nears expiry, and replace it once if the API rejects it.

``Signature`` signs a request; client.py decides what a rejected token means for a call.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import requests
from requests.auth import AuthBase

from st_pipeline.secret import Secret
from st_pipeline.servicetitan.errors import ServiceTitanError

# Renew a token this long before it expires, or a fifth of its life if that is shorter. This leaves time for the call to
# reach the server and for clock differences.
_MARGIN_SECONDS = 60.0
_MARGIN_SHARE = 0.2
# The documented life, if the response gives none.
_LIFE_SECONDS = 900.0
_LONGEST = 65_536  # characters; servers reject headers that are far shorter


@dataclass(frozen=True, slots=True)
class Token:
    """An access token, when to stop using it (``time.monotonic()``), and what it may read."""

    value: Secret
    use_until: float
    scopes: frozenset[str]


class _Granted(msgspec.Struct):
    access_token: str
    expires_in: msgspec.Raw = msgspec.Raw(b"null")  # of any kind, because an odd one must not lose the token
    scope: str | list[str] | None = None


def parse_token(body: bytes, now: float) -> Token | None:
    """The token in a token endpoint response received at ``now``; None if there is no usable token.

    Scopes are a space-separated string, a list, or absent. Never raises: a decoding error would contain the body, and
    so the token.
    """
    try:
        granted = msgspec.json.decode(body, type=_Granted)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    value = granted.access_token.strip()
    if not (value and len(value) <= _LONGEST and _is_plain(value)):
        return None
    scopes = granted.scope.split() if isinstance(granted.scope, str) else granted.scope or []
    life = _life(granted.expires_in)
    return Token(
        Secret(value), now + life - min(_MARGIN_SECONDS, life * _MARGIN_SHARE), frozenset(filter(_is_plain, scopes))
    )


def _is_plain(text: str) -> bool:
    """Whether it can be sent in a header and stored."""
    return text.isascii() and text.isprintable()


def _life(expires_in: msgspec.Raw) -> float:
    try:
        life = float(bytes(expires_in).strip(b'"'))
    except ValueError:
        return _LIFE_SECONDS
    return life if 0 < life < 86400 else _LIFE_SECONDS


class Tokens:
    """One tenant's current token; ``ask`` gets a new one.

    Thread-safe: while one thread asks, the others wait for the result, be it a token or an error. If each of them
    asked again, a token endpoint that does not respond would cost every thread the retries of all the others.
    """

    def __init__(self, ask: Callable[[], Token]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._current: Token | None = None
        self._failures = 0
        self._failed: ServiceTitanError | None = None

    def current(self) -> Token:
        """A valid token; asks for a new one if there is none or the current one is about to expire."""
        token = self._current
        if token is not None and time.monotonic() < token.use_until:
            return token
        known = self._failures
        with self._lock:
            if self._current is None or time.monotonic() >= self._current.use_until:
                self._current = self._asked(known)
            return self._current

    def instead_of(self, refused: Token) -> Token:
        """A replacement for a rejected token: the one another thread got in the meantime, or a new one."""
        known = self._failures
        with self._lock:
            if self._current is refused or self._current is None:
                self._current = None
                self._current = self._asked(known)
            return self._current

    def _asked(self, known: int) -> Token:
        """A new token. Raises the newest error instead of asking if there were only ``known`` when the wait began."""
        if self._failed and self._failures > known:
            raise self._failed
        try:
            return self._ask()
        except ServiceTitanError as error:
            self._failures, self._failed = self._failures + 1, error
            raise


class Signature(AuthBase):
    """Signs one request with the app key and the token that is current when it is sent, after any wait.

    After a rejected token, it uses another one. ``used`` is the token on the request, so the caller can report it as
    rejected.
    """

    def __init__(self, tokens: Tokens, app_key: Secret, refused: Token | None = None) -> None:
        self._tokens = tokens
        self._app_key = app_key
        self._refused = refused
        self.used: Token | None = None

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        token = self._tokens.current() if self._refused is None else self._tokens.instead_of(self._refused)
        self.used = token
        request.headers["Authorization"] = f"Bearer {token.value.reveal()}"
        request.headers["ST-App-Key"] = self._app_key.reveal()
        return request
