"""A tenant's credentials as they were entered: validated, and shown only in part.

vault.py encrypts them. ``complete`` turns them into what a client signs in with (servicetitan/credentials.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from st_pipeline.secret import Secret
from st_pipeline.servicetitan.credentials import Credentials
from st_pipeline.steps.step import Do, Step
from st_pipeline.tenants.errors import CredentialsMissing, FieldInvalid

LONGEST = 1000
SHOWN = 4


@dataclass(frozen=True, slots=True)
class OwnCredentials:
    """One tenant's credentials, made by ``own_credentials``. If ``app_key`` is None, it uses the shared app key."""

    client_id: str
    client_secret: Secret
    app_key: Secret | None = None
    app_id: str | None = None
    older_secret: Secret | None = None
    """The secret that ``client_secret`` replaces, as long as it is kept."""


def own_credentials(
    client_id: str, client_secret: Secret, app_key: Secret | None = None, app_id: str | None = None
) -> OwnCredentials:
    """Validated credentials without surrounding white space, for which ServiceTitan would answer ``invalid_client``.

    Raises:
        FieldInvalid: a part is empty, too long, or not printable ASCII, as HTTP headers require.
    """
    return OwnCredentials(
        client_id=_token("client id", client_id),
        client_secret=_secret("client secret", client_secret),
        app_key=None if app_key is None else _secret("app key", app_key),
        app_id=_token("app id", app_id) if app_id and app_id.strip() else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoSecrets(Credentials):
    """What to sign in with during a rotation of the client secret; the client in clients.py tries both."""

    older_secret: Secret


@dataclass(frozen=True, slots=True)
class NewParts:
    """The parts of a tenant's credentials to replace, made by ``new_parts``; None leaves a part unchanged."""

    client_id: str | None = None
    client_secret: Secret | None = None
    app_key: Secret | None = None
    drops_app_key: bool = False
    """Delete the tenant's own app key and use the shared one."""


def new_parts(
    client_id: str | None = None,
    client_secret: Secret | None = None,
    app_key: Secret | None = None,
    drops_app_key: bool = False,
) -> NewParts:
    """The parts, trimmed and validated. Raises FieldInvalid; its message never contains a value."""
    return NewParts(
        client_id=None if client_id is None else _token("client id", client_id),
        client_secret=None if client_secret is None else _secret("client secret", client_secret),
        app_key=None if app_key is None else _secret("app key", app_key),
        drops_app_key=drops_app_key,
    )


def complete(tenant: str, own: OwnCredentials, shared_app_key: Secret | None) -> Credentials:
    """What a client signs in with: the tenant's own app key or else the shared one; TwoSecrets if there are two.

    Raises:
        CredentialsMissing: there is no app key.
    """
    app_key = own.app_key or shared_app_key
    if app_key is None:
        raise CredentialsMissing(f"{tenant} has no app key yet", Step(Do.ENTER_APP_KEY), tenant=tenant)
    one = Credentials(client_id=own.client_id, client_secret=own.client_secret, app_key=app_key, app_id=own.app_id)
    if own.older_secret is None:
        return one
    return TwoSecrets(one.client_id, one.client_secret, one.app_key, one.app_id, older_secret=own.older_secret)


def masked(client_id: str) -> str:
    """The last four characters, enough to tell two ids apart; none if they would be half of the id or more."""
    return f"…{client_id[-SHOWN:]}" if len(client_id) > 2 * SHOWN else "…"


def _secret(field: str, secret: Secret) -> Secret:
    return Secret(_token(field, secret.reveal()))


def _token(field: str, text: str) -> str:
    trimmed = text.strip()
    if not trimmed:
        raise FieldInvalid(field, "is empty")
    if len(trimmed) > LONGEST:
        raise FieldInvalid(field, f"is longer than {LONGEST} characters; copy it again from ServiceTitan")
    if not (trimmed.isascii() and trimmed.isprintable()) or " " in trimmed:
        raise FieldInvalid(field, "must not contain spaces or non-ASCII characters; copy it again from ServiceTitan")
    return trimmed
