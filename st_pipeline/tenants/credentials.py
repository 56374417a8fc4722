"""What a tenant brings to identify itself, as it was entered: checked, and shown only in part.

Encryption is in vault.py; what a client needs to sign in is servicetitan/credentials.py, which ``complete`` makes.
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
    """Client id and secret of one tenant; ``app_key`` None: it uses the shared one. Made by ``own_credentials``."""

    client_id: str
    client_secret: Secret
    app_key: Secret | None = None
    app_id: str | None = None
    older_secret: Secret | None = None
    """The secret that ``client_secret`` is to replace, as long as it is kept."""


def own_credentials(
    client_id: str, client_secret: Secret, app_key: Secret | None = None, app_id: str | None = None
) -> OwnCredentials:
    """Credentials without surrounding white space, which alone makes ServiceTitan answer ``invalid_client``.

    Raises:
        FieldInvalid: a part is empty, too long, or holds anything but printable ASCII (it goes into HTTP headers).
    """
    return OwnCredentials(
        client_id=_token("client id", client_id),
        client_secret=_secret("client secret", client_secret),
        app_key=None if app_key is None else _secret("app key", app_key),
        app_id=_token("app id", app_id) if app_id and app_id.strip() else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoSecrets(Credentials):
    """What to sign in with while a client secret is rotated; clients.py makes the client that tries both."""

    older_secret: Secret


@dataclass(frozen=True, slots=True)
class NewParts:
    """What is to be replaced of a tenant's credentials; None stays as it is. Made by ``new_parts``."""

    client_id: str | None = None
    client_secret: Secret | None = None
    app_key: Secret | None = None
    drops_app_key: bool = False
    """Use the shared app key from now on."""


def new_parts(
    client_id: str | None = None,
    client_secret: Secret | None = None,
    app_key: Secret | None = None,
    drops_app_key: bool = False,
) -> NewParts:
    """Parts trimmed and checked. Raises FieldInvalid, without a value."""
    return NewParts(
        client_id=None if client_id is None else _token("client id", client_id),
        client_secret=None if client_secret is None else _secret("client secret", client_secret),
        app_key=None if app_key is None else _secret("app key", app_key),
        drops_app_key=drops_app_key,
    )


def complete(tenant: str, own: OwnCredentials, shared_app_key: Secret | None) -> Credentials:
    """What a client signs in with: the tenant's own app key, else the shared one; TwoSecrets where there are two.

    Raises:
        CredentialsMissing: there is neither.
    """
    app_key = own.app_key or shared_app_key
    if app_key is None:
        raise CredentialsMissing(f"tenant {tenant} has no app key", Step(Do.ENTER_APP_KEY), tenant=tenant)
    one = Credentials(client_id=own.client_id, client_secret=own.client_secret, app_key=app_key, app_id=own.app_id)
    if own.older_secret is None:
        return one
    return TwoSecrets(one.client_id, one.client_secret, one.app_key, one.app_id, older_secret=own.older_secret)


def masked(client_id: str) -> str:
    """The last four characters, enough to tell two apart; nothing of an id so short that they would be half of it."""
    return f"…{client_id[-SHOWN:]}" if len(client_id) > 2 * SHOWN else "…"


def _secret(field: str, secret: Secret) -> Secret:
    return Secret(_token(field, secret.reveal()))


def _token(field: str, text: str) -> str:
    trimmed = text.strip()
    if not trimmed:
        raise FieldInvalid(field, "is empty")
    if len(trimmed) > LONGEST:
        raise FieldInvalid(field, f"is longer than {LONGEST} characters, which none of ServiceTitan's is")
    if not (trimmed.isascii() and trimmed.isprintable()) or " " in trimmed:
        raise FieldInvalid(field, "must be one word of plain ASCII, as ServiceTitan shows it")
    return trimmed
