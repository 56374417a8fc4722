"""Verifies an id token (signed by the provider, for us, for this sign-in, not expired) and reads it. Pure.

The rules are in OpenID Connect Core 1.0, section 3.1.3.7. provider.py fetches tokens and keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import ClaimError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet, OctKey, import_key
from joserfc.jws import JWSRegistry

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519")
"""Only key pairs: with a shared secret or no signature, anyone who knows the public key could sign."""
LEEWAY_SECONDS = 60
"""How far the provider's clock may differ from ours."""
LONGEST_SUBJECT = 255  # Core 1.0, section 2
LONGEST_EMAIL = 254  # RFC 5321


class NotTrusted(Exception):
    """The token cannot be trusted; the message says why and quotes nothing from it."""


class KeyUnknown(NotTrusted):
    """None of these keys signed the token; a newer one may have."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A person's identity at a provider: ``subject`` never changes, ``email`` (in lower case) may."""

    issuer: str
    subject: str
    email: str | None
    email_verified: bool


def read_keys(document: object) -> KeySet:
    """The public keys of a JWK Set; invalid and shared keys are left out (RFC 7517, section 5).

    Raises:
        NotTrusted: there are none.
    """
    listed = document.get("keys") if isinstance(document, dict) else None
    keys = []
    for one in listed if isinstance(listed, list) else ():
        try:
            key = import_key(one)
        except (JoseError, ValueError, TypeError, KeyError, AttributeError):
            continue
        if not isinstance(key, OctKey):
            keys.append(key)
    if not keys:
        raise NotTrusted("the provider's jwks_uri lists no key that can sign an id token")
    return KeySet(keys)


def verify(
    token: object, keys: KeySet, *, issuer: str, client_id: str, nonce: str, access_token: object, now: datetime
) -> dict[str, Any]:
    """The verified claims of ``token``. ``now`` has a time zone.

    Raises:
        KeyUnknown: it names a key that is not among ``keys``.
        NotTrusted: anything else is wrong.
    """
    if not isinstance(token, str):
        raise NotTrusted("the provider sent no id token; check that it allows the client the openid scope")
    options = {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": client_id}}
    options["sub"] = {"essential": True}
    expected = {"nonce": nonce, "client_id": client_id, "access_token": access_token}
    try:
        # We ignore the provider's own headers, but a token with a critical one is still refused.
        found = jwt.decode(token, keys, registry=JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False))
        claims = CodeIDToken(found.claims, found.header, options, expected)
        claims.validate(int(now.timestamp()), LEEWAY_SECONDS)
    except InvalidKeyIdError:
        raise KeyUnknown("the provider has no key with the id named in the id token") from None
    except ClaimError as error:
        raise NotTrusted(f"the id token's {error.claim} is invalid ({error.error})") from None
    except JoseError as error:
        raise NotTrusted(f"the id token cannot be verified ({error.error})") from None
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        raise NotTrusted("the id token cannot be read") from None
    return dict(claims)


def identity(issuer: str, claims: Mapping[str, Any]) -> Identity:
    """The identity in verified ``claims``. Raises NotTrusted for an invalid subject."""
    subject, email = claims.get("sub"), claims.get("email")
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT or not subject.isprintable():
        raise NotTrusted("the id token's sub is invalid (invalid_claim)")
    if not isinstance(email, str) or not 0 < len(email) <= LONGEST_EMAIL or not email.isprintable():
        email = None
    # Entra ID verifies the owner of the address's domain instead of the address: the same within one directory.
    verified = claims.get("email_verified", claims.get("xms_edov"))
    return Identity(issuer, subject, email.lower() if email else None, _is_true(verified))


def _is_true(said: object) -> bool:
    """Whether a claim is true. Some providers send a boolean as text or a number."""
    return isinstance(said, bool | int | str) and str(said).lower() in ("true", "1")
