"""What a sign-in through the provider begins with, and its end is measured against. Pure.

It travels in a cookie (cookies.py, pages/signin_oidc.py); what is asked with it is provider.py.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one sign-in began with, and its end is measured against; ``next`` is a path of ours to go to then."""

    state: str
    nonce: str
    verifier: str
    next: str

    @classmethod
    def new(cls, next: str) -> Attempt:
        """One that nobody can foresee; the verifier has the 64 letters that RFC 7636 allows and more than it asks."""
        return cls(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48), next)

    def __repr__(self) -> str:
        return "Attempt()"
