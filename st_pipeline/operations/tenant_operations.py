"""Everything that people do to a tenant. Each change and its audit row are one transaction.

Reads go to tenants/registry.py and its neighbors directly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from st_pipeline.operations import audit, invitations
from st_pipeline.operations.audit import Author
from st_pipeline.operations.invitations import Invitation
from st_pipeline.operations.tenant_changes import PAUSED, list_actions
from st_pipeline.schedule import sync_requests
from st_pipeline.secret import Secret
from st_pipeline.settings import Settings
from st_pipeline.tenants import tenant_table
from st_pipeline.tenants.cadence_parsing import parse
from st_pipeline.tenants.credentials import NewParts, OwnCredentials
from st_pipeline.tenants.errors import FieldInvalid
from st_pipeline.tenants.model import DEFAULT_CADENCE, NewTenant, Tenant
from st_pipeline.tenants.recheck import check_connection
from st_pipeline.tenants.registry import Registry


@dataclass(frozen=True, slots=True)
class TenantOperations:
    """Operations of ``author``, dated by ``clock``. Methods raise what the registry raises; then nothing changed."""

    connection: psycopg.Connection[Any]
    registry: Registry
    author: Author
    clock: Callable[[], datetime]

    def register(self, tenants: Iterable[tuple[NewTenant, OwnCredentials | None]]) -> list[Tenant]:
        """Register several tenants, all or none. Missing credentials are entered later."""
        pairs = list(tenants)
        with self.connection.transaction():
            added = self.registry.add_all(pairs)
            for tenant, own in pairs:
                self.record("tenant registered", tenant.key, credentials="entered" if own else "to be entered")
            return added

    def set(self, key: str, **changes: Any) -> Tenant:
        """Change fields of a tenant."""
        with self._compared(key):
            return self.registry.set(key, **changes)

    def enable(self, key: str) -> bool:
        """Turn its syncs back on with the cadence it has; False if they already are on."""
        with self._compared(key) as before:
            self.registry.enable(key)
        return not before.enabled

    def disable(self, key: str) -> Tenant:
        """Turn its syncs off."""
        with self._compared(key):
            return self.registry.disable(key)

    def pause(self, key: str) -> bool:
        """Stop automatic syncs; False if it is already paused."""
        with self._compared(key) as before:
            if before.cadence == PAUSED:
                return False
            self.registry.set(key, cadence=PAUSED)
        return True

    def resume(self, key: str) -> str | None:
        """Go back to the cadence from before the pause, and return it; None if it was not paused.

        A tenant that was paused before there was an audit gets the default cadence.
        """
        with self._compared(key) as before:
            if before.cadence != PAUSED:
                return None
            cadence = self._read_former_cadence(key)
            self.registry.set(key, cadence=cadence)
        return cadence

    def remove(self, key: str) -> Tenant:
        """Remove the tenant and its credentials; its data is kept."""
        with self.connection.transaction():
            tenant = self.registry.remove(key)
            self.record("tenant removed", key, environment=tenant.environment.value, tenant_id=tenant.tenant_id)
            return tenant

    def request_sync(
        self, key: str, requested_by: str, *, full: bool = False, entities: Sequence[str] | None = None
    ) -> int:
        """Request a sync, which the daemon starts within seconds. Returns the request's ID."""
        with self.connection.transaction():
            number = sync_requests.request_sync(
                self.connection, key, requested_by, self.clock(), full=full, entities=entities
            )
            detail = {"request": number} | ({"entities": list(entities)} if entities else {})
            self.record("full re-sync asked for" if full else "sync asked for", key, **detail)
        return number

    def check(self, key: str, settings: Settings, *, only_changes: bool = False) -> Tenant:
        """Test the connection and record the result; with ``only_changes``, audit it only if the status changed.

        No transaction is open during the calls to ServiceTitan.
        """
        result = check_connection(self.registry, settings, key, self.clock())
        with self.connection.transaction():
            before = tenant_table.read(self.connection, key, lock=True)
            tenant = self.registry.record_check(key, result, self.clock())
            if not only_changes or tenant.status is not before.status:
                self.record("credentials tried", key, found=tenant.status.value)
        return tenant

    def replace_credentials(self, key: str, parts: NewParts) -> None:
        """Replace credentials; whatever ``parts`` leaves out stays."""
        with self.connection.transaction():
            action = "credentials replaced" if self.registry.outline(key) else "credentials entered"
            self.registry.replace_credentials(key, parts)
            self.record(action, key, parts=name_parts(parts))

    def add_secret(self, key: str, secret: Secret) -> bool:
        """Store a newer client secret beside the current one; False if there are already two."""
        with self.connection.transaction():
            if was_added := self.registry.add_secret(key, secret):
                self.record("secret added", key)
        return was_added

    def revoke_secret(self, key: str, added_at: datetime, which: str) -> bool:
        """Delete the client secret added at that instant; ``which`` names it in the audit. False if there is none."""
        with self.connection.transaction():
            if was_there := self.registry.revoke_secret(key, added_at):
                self.record("secret revoked", key, which=which, days=max((self.clock() - added_at).days, 0))
        return was_there

    def invite(self, key: str) -> tuple[Invitation, Secret]:
        """A new invitation to the tenant, and the token for its link, which is shown only once."""
        with self.connection.transaction():
            made, token = invitations.invite(self.connection, key, self.author.name, self.clock())
            until = f"{made.expires_at:%Y-%m-%d %H:%M} UTC"
            self.record("invitation made", key, invitation=made.id, until=until)
        return made, token

    def revoke_invitation(self, key: str, number: int) -> bool:
        """End an invitation and its sessions; False if the tenant has no such invitation."""
        with self.connection.transaction():
            if was_there := invitations.revoke(self.connection, key, number, self.author.name, self.clock()):
                self.record("invitation revoked", key, invitation=number)
        return was_there

    def renew_encryption(self) -> int:
        """Encrypt all stored secrets with the newest key; returns the number of tenants."""
        with self.connection.transaction():
            count = self.registry.renew_encryption()
            self.record("encryption renewed", None, tenants=count)
            return count

    def record(self, action: str, tenant: str | None, **detail: Any) -> None:
        """Add a row to the audit."""
        audit.record(self.connection, self.author, action, self.clock(), tenant=tenant, detail=detail)

    @contextmanager
    def _compared(self, key: str) -> Iterator[Tenant]:
        """Record how the tenant differs after the block. The row is locked, so only the block can change it."""
        with self.connection.transaction():
            before = tenant_table.read(self.connection, key, lock=True)
            yield before
            for action, detail in list_actions(before, tenant_table.read(self.connection, key)):
                self.record(action, key, **detail)

    def _read_former_cadence(self, key: str) -> str:
        row = self.connection.execute(
            """
            select detail ->> 'cadence' from control.audit
            where tenant = %s and action = 'paused' order by at desc, id desc limit 1
            """,
            (key,),
        ).fetchone()
        try:
            former = parse(row[0]) if row and row[0] else None
        except FieldInvalid:  # an older version accepted it
            former = None
        return former.text if former and not former.is_paused else DEFAULT_CADENCE


def name_parts(parts: NewParts) -> list[str]:
    """The names of the replaced parts, without their values. Pure."""
    given = {
        "client id": parts.client_id,
        "client secret": parts.client_secret,
        "app key": parts.app_key,
        "shared app key": parts.drops_app_key,
    }
    return [name for name, value in given.items() if value]
