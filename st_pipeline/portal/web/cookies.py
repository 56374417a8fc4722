"""Cookies and form tokens, signed with keys derived from the vault's. They contain only an id and, for minutes, the
start of a sign-in through the provider.

sessions.py knows what an id belongs to.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from itsdangerous import BadData, BadSignature, Signer, URLSafeSerializer
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from st_pipeline.secret import Secret

SESSION = "st_pipeline_session"
DEVICE = "st_pipeline_device"
"""The cookie of a browser that has signed in before (people/throttle.py)."""
DEVICE_LIVES = timedelta(days=365)
VISITOR = "st_pipeline_visitor"
"""The cookie of a browser without a session, so that its forms have tokens too."""


class Cookies:
    """Writes ids into cookies, and reads them back if the signature is ours."""

    def __init__(self, vault_keys: Sequence[Secret]) -> None:
        """``vault_keys``: newest first; cookies signed with an older one are still valid."""
        keys = [_derived(key) for key in vault_keys]
        self._signer = Signer(keys[::-1], salt="st-pipeline portal cookie", digest_method=hashlib.sha256)
        self._notes = URLSafeSerializer(
            keys[::-1], salt="st-pipeline portal note", signer_kwargs={"digest_method": hashlib.sha256}
        )
        # Use the oldest key, so that forms that are open while a key is added are still accepted.
        self._form_key = keys[-1]

    def read(self, request: HTTPConnection, name: str) -> str | None:
        """The id in the cookie; None if there is none or it was forged."""
        try:
            return self._signer.unsign(request.cookies.get(name, "")).decode()
        except (BadSignature, UnicodeError):
            return None

    def write(
        self, response: Response, name: str, value: str, *, is_secure: bool, lives: timedelta | None = None
    ) -> None:
        """Write the id into the cookie, for as long as it ``lives``, or as the browser is open."""
        response.set_cookie(
            name,
            self._signer.sign(value).decode(),
            max_age=int(lives.total_seconds()) if lives else None,
            path="/",
            secure=is_secure,
            httponly=True,
            samesite="lax",
        )

    def read_value(self, request: Request, name: str, now: datetime) -> dict[str, str] | None:
        """What ``write_value`` wrote; None if there is none, it was forged, or it has expired."""
        try:
            until, values = self._notes.loads(request.cookies.get(name, ""))
        except (BadData, UnicodeError):
            return None
        return values if now.timestamp() < until else None

    def write_value(
        self, response: Response, name: str, values: Mapping[str, str], now: datetime, lives: timedelta, *,
        path: str, is_secure: bool,
    ) -> None:  # fmt: skip
        """Write ``values`` into a cookie that is sent only to ``path`` and is valid for as long as it ``lives``."""
        response.set_cookie(
            name,
            self._notes.dumps([(now + lives).timestamp(), dict(values)]),
            max_age=int(lives.total_seconds()),
            path=path,
            secure=is_secure,
            httponly=True,
            samesite="lax",
        )

    def digest(self, text: str) -> bytes:
        """A keyed hash that does not reveal ``text``."""
        return hmac.new(self._form_key, b"digest " + text.encode(), hashlib.sha256).digest()

    def form_token(self, cookie_value: str) -> str:
        """The token for all forms in the browser that has this id."""
        return hmac.new(self._form_key, b"form " + cookie_value.encode(), hashlib.sha256).hexdigest()

    def is_form_token(self, cookie_value: str, given: str) -> bool:
        """Whether ``given`` is the right token, compared in constant time."""
        return hmac.compare_digest(self.form_token(cookie_value).encode(), given.encode())


def new_visitor() -> str:
    """An id for a browser without a session."""
    return secrets.token_urlsafe(24)


def _derived(key: Secret) -> bytes:
    """A separate key for cookies, which reveals nothing about the vault's (RFC 5869)."""
    material = urlsafe_b64decode(key.reveal())
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"st-pipeline portal cookies").derive(material)
