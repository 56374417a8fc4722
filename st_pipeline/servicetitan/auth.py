"""Tokens of one tenant: asked for once, used for their life, renewed in time and once when refused.

Signing a request is ``Signature``; what a refused token means for a call is decided in client.py.
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

# A token is renewed this long before it ends, or a fifth of its life if that is shorter: longer than a call may take to
# reach the server, and room for clocks that differ.
_MARGIN_SECONDS = 60.0
_MARGIN_SHARE = 0.2
# Where the answer does not say, the documented life.
_LIFE_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Token:
    """An access token, until when it is to be used (``time.monotonic()``), and what it may read."""

    value: Secret
    use_until: float
    scopes: frozenset[str]


class _Granted(msgspec.Struct):
    access_token: str
    expires_in: float | str | None = None
    scope: str | list[str] | None = None


def parse_token(body: bytes, now: float) -> Token | None:
    """The token in an answer of the token endpoint, which came at ``now``; None where there is no usable one.

    Scopes come as one text with blanks or as a list, or not at all. Nothing is raised: a decoding error would hold the
    body, and the body the token.
    """
    try:
        granted = msgspec.json.decode(body, type=_Granted)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    value = granted.access_token.strip()
    if not (value and value.isascii() and value.isprintable()):
        return None
    scopes = granted.scope.split() if isinstance(granted.scope, str) else granted.scope or []
    life = _life(granted.expires_in)
    return Token(Secret(value), now + life - min(_MARGIN_SECONDS, life * _MARGIN_SHARE), frozenset(scopes))


def _life(expires_in: float | str | None) -> float:
    try:
        life = float(expires_in) if expires_in is not None else _LIFE_SECONDS
    except ValueError:
        return _LIFE_SECONDS
    return life if 0 < life < 86400 else _LIFE_SECONDS


class Tokens:
    """The current token of one tenant; ``ask`` gets a new one.

    Safe to use from many threads: while one asks, the others wait for its answer.
    """

    def __init__(self, ask: Callable[[], Token]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._current: Token | None = None

    def current(self) -> Token:
        """A token that is good for a while; asks for one where there is none or its time is nearly up."""
        token = self._current
        if token is not None and time.monotonic() < token.use_until:
            return token
        with self._lock:
            if self._current is None or time.monotonic() >= self._current.use_until:
                self._current = self._ask()
            return self._current

    def instead_of(self, refused: Token) -> Token:
        """A token other than the refused one: the one another thread got meanwhile, else a new one."""
        with self._lock:
            if self._current is refused or self._current is None:
                self._current = None
                self._current = self._ask()
            return self._current


class Signature(AuthBase):
    """Signs one request with the token that is current when it is sent, after any wait, and with the app's key.

    Given a refused token it takes another one. ``used`` is the token on the request, for when it is refused.
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
