"""Who may do what: three roles and what each is allowed. Pure.

Where it is enforced is guards.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What somebody is to the portal."""

    OPERATOR = "operator"
    VIEWER = "viewer"
    CLIENT = "client"
    """Came by an invitation, and has one tenant."""


class Permission(StrEnum):
    """What a page needs. In a page of one tenant (``{key}`` in its path) it is meant of that tenant."""

    PUBLIC = "public"
    """No session at all: sign-in, invitation, health."""
    OWN_ACCOUNT = "own account"
    """Any session: signing out."""
    OWN_PASSWORD = "own password"  # noqa: S105 - the name of a permission
    """Somebody who has an account here."""
    SEE_ALL = "see all"
    """The overview, alerts, audit."""
    ADMINISTER = "administer"
    """New tenants, invitations, pausing, full re-syncs."""
    SEE_TENANT = "see tenant"
    """Its status, syncs, quarantine, drift, schedule."""
    SYNC = "sync"
    CONNECT = "connect"
    """See and change what it connects with."""
    SCHEDULE = "schedule"
    """Change when it is synced."""


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
    """Who asks. ``name`` is what audit and history say."""

    name: str
    role: Role
    user_id: int | None = None
    invitation_id: int | None = None
    tenant: str | None = None
    """A client's own; None: everybody's."""

    def may(self, permission: Permission) -> bool:
        """Whether the role allows it; of which tenant is ``sees``."""
        return permission in GRANTED[self.role]

    def sees(self, tenant: str) -> bool:
        """Whether there is such a tenant, to this one."""
        return self.tenant is None or self.tenant == tenant
