"""The start of a sign-in through the provider, to compare the response with. Pure.

It travels in a cookie (cookies.py, pages/signin_oidc.py); provider.py uses it in requests.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Attempt:
    """The values that a sign-in started with; ``next`` is the path in the portal to open afterwards."""

    state: str
    nonce: str
    verifier: str
    next: str

    @classmethod
    def new(cls, next: str) -> Attempt:
        """A new, unpredictable attempt. Its verifier has 64 characters, more than RFC 7636 requires."""
        return cls(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48), next)

    def __repr__(self) -> str:
        return "Attempt()"
