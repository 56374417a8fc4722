"""Finds the account of a person who signed in at the OpenID Connect provider: two columns of ``control.users``.

The first time, the account is found by its name, the verified e-mail address; after that, by the provider's subject.
Addresses are reassigned when people leave, subjects are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import psycopg

from st_pipeline.portal.people import accounts
from st_pipeline.portal.people.accounts import AccountError, User

if TYPE_CHECKING:  # keeps token verification out of the command line's startup
    from st_pipeline.portal.oidc.id_token import Identity


@dataclass(frozen=True, slots=True)
class Admitted:
    """The account to sign in to; ``is_new``: it has just been bound."""

    user_id: int
    name: str
    is_new: bool


class NotAdmitted(Exception):
    """The person is verified but has no account to sign in to. The message is for that person."""

    def __init__(self, why: str, words: str, *, account: str | None = None, command: str | None = None) -> None:
        super().__init__(words)
        self.why = why
        """The reason for the audit."""
        self.account = account
        self.command = command
        """The command with which an operator can fix it; safe to paste into a shell."""


def admit(connection: psycopg.Connection[Any], identity: Identity, now: datetime) -> Admitted:
    """The enabled account of ``identity``, bound to it now if it isn't yet. Runs in the caller's transaction.

    Raises:
        NotAdmitted: the message says what to do.
    """
    known = connection.execute(
        "select id, name, enabled from control.users where (oidc_issuer, oidc_subject) = (%s, %s)",
        (identity.issuer, identity.subject),
    ).fetchone()
    if known:
        user_id, name, is_enabled = known
        return Admitted(user_id, _enabled(name, is_enabled), False)
    name = _address(identity)
    found = connection.execute(
        "select id, enabled, oidc_subject is not null from control.users where name = %s for update", (name,)
    ).fetchone()
    if found is None:
        raise NotAdmitted(
            "no account",
            "You do not have an account yet. Ask an operator to run:",
            command=f"st-pipeline users add {name} --without-password",
        )
    user_id, is_enabled, is_bound = found
    _enabled(name, is_enabled)
    if is_bound:
        raise NotAdmitted(
            "bound to somebody else",
            f"The account {name} is linked to a different login at the provider: either someone who had this email "
            "address before, or an older login of yours. If the account is yours, ask an operator to run:",
            account=name,
            command=f"st-pipeline users unbind {name}",
        )
    connection.execute(
        "update control.users set oidc_issuer = %s, oidc_subject = %s, changed_at = %s where id = %s",
        (identity.issuer, identity.subject, now, user_id),
    )
    return Admitted(user_id, name, True)


def unbind(connection: psycopg.Connection[Any], user: User, now: datetime) -> None:
    """Unbind the account and end its sessions. The next person who signs in with its address is bound to it."""
    with connection.transaction():
        connection.execute(
            "update control.users set oidc_issuer = null, oidc_subject = null, changed_at = %s where id = %s",
            (now, user.id),
        )
        connection.execute("delete from control.sessions where user_id = %s", (user.id,))


def _address(identity: Identity) -> str:
    """The name that the account must have."""
    if identity.email is None or not identity.email_verified:
        missing = "did not send your email address" if identity.email is None else "has not verified your email address"
        raise NotAdmitted(
            "e-mail address not verified" if identity.email else "no e-mail address",
            f"The provider {missing}, which is needed to find your account. Verify it there, or ask the provider's "
            "administrator to send the claims email and email_verified (email and xms_edov for Entra ID).",
        )
    try:
        return accounts.valid_name(identity.email)
    except AccountError:
        raise NotAdmitted(
            "no account", "Your email address cannot be used as an account name. Ask an operator for a password."
        ) from None


def _enabled(name: str, is_enabled: bool) -> str:
    if not is_enabled:
        raise NotAdmitted(
            "disabled",
            f"The account {name} is disabled. If this is a mistake, ask an operator to run:",
            account=name,
            command=f"st-pipeline users enable {name}",
        )
    return name
