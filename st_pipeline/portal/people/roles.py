"""The three roles and what each may do. Pure.

guards.py enforces it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """A person's role in the portal."""

    OPERATOR = "operator"
    VIEWER = "viewer"
    CLIENT = "client"
    """Uses an invitation, and sees one tenant."""


class Permission(StrEnum):
    """The permission that a page needs. On a page with ``{key}`` in its path, it applies to that tenant."""

    PUBLIC = "public"
    """No session at all: sign-in, invitation, health."""
    OWN_ACCOUNT = "own account"
    """Any session, for example to sign out."""
    OWN_PASSWORD = "own password"  # noqa: S105 - the name of a permission
    """Anyone with an account here."""
    SEE_ALL = "see all"
    """The overview, alerts, audit."""
    ADMINISTER = "administer"
    """New tenants, invitations, pausing, full refreshes."""
    SEE_TENANT = "see tenant"
    """Its status, syncs, quarantine, drift, schedule."""
    SYNC = "sync"
    CONNECT = "connect"
    """See and change its credentials."""
    SCHEDULE = "schedule"
    """Change its schedule."""


GRANTED: Mapping[Role, frozenset[Permission]] = {
    Role.OPERATOR: frozenset(Permission),
    Role.VIEWER: frozenset(
        {
            Permission.PUBLIC,
            Permission.OWN_ACCOUNT,
            Permission.OWN_PASSWORD,
            Permission.SEE_ALL,
            Permission.SEE_TENANT,
        }
    ),
    Role.CLIENT: frozenset(
        {
            Permission.PUBLIC,
            Permission.OWN_ACCOUNT,
            Permission.SEE_TENANT,
            Permission.SYNC,
            Permission.CONNECT,
            Permission.SCHEDULE,
        }
    ),
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes the request. ``name`` is the name in the audit and history."""

    name: str
    role: Role
    user_id: int | None = None
    invitation_id: int | None = None
    tenant: str | None = None
    """A client's tenant; None for all tenants."""

    def may(self, permission: Permission) -> bool:
        """Whether the role allows it; ``sees`` says for which tenants."""
        return permission in GRANTED[self.role]

    def sees(self, tenant: str) -> bool:
        """Whether the actor may know that this tenant exists."""
        return self.tenant is None or self.tenant == tenant
