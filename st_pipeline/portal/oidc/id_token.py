"""What an id token says, once it is known to be the provider's, meant for us, of this sign-in, and not too old. Pure.

The rules are OpenID Connect Core 1.0, section 3.1.3.7. How tokens and keys are fetched is provider.py.
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
"""Of key pairs alone: with a shared secret, or none, whoever knows the public key could sign."""
LEEWAY_SECONDS = 60
"""So far the provider's clock may be from ours."""
LONGEST_SUBJECT = 255  # Core 1.0, section 2
LONGEST_EMAIL = 254  # RFC 5321


class NotTrusted(Exception):
    """The token is not one to act upon; the message says why, and quotes nothing of it."""


class KeyUnknown(NotTrusted):
    """None of these keys signed it; newer ones may have."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is at a provider: ``subject`` stays the same for good, ``email`` (in lower case) may change."""

    issuer: str
    subject: str
    email: str | None
    email_verified: bool


def read_keys(document: object) -> KeySet:
    """The public keys of a JWK Set; what is no key, or a shared one, is left out (RFC 7517, section 5).

    Raises:
        NotTrusted: there is none.
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
    """The claims of ``token``, if all is right with it. ``now`` is aware.

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
        # Headers of the provider's own say nothing to us; those marked as critical are refused all the same.
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
    """Who it is by verified ``claims``. Raises NotTrusted for a subject that cannot be one."""
    subject, email = claims.get("sub"), claims.get("email")
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT or not subject.isprintable():
        raise NotTrusted("the id token's sub is invalid (invalid_claim)")
    if not isinstance(email, str) or not 0 < len(email) <= LONGEST_EMAIL or not email.isprintable():
        email = None
    # Microsoft's Entra ID says nothing of the address, but of its domain's owner: the same for one directory.
    verified = claims.get("email_verified", claims.get("xms_edov"))
    return Identity(issuer, subject, email.lower() if email else None, _is_true(verified))


def _is_true(said: object) -> bool:
    """Some providers write a boolean as a text or a number."""
    return isinstance(said, bool | int | str) and str(said).lower() in ("true", "1")
