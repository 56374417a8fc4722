"""The registry as commands open it: what they do to tenants is in the audit, done by the command line.

An entry is written in the transaction of its change: either both happened or neither. Actions and details are those of
the portal where it does the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from st_pipeline.portal.audit import audit
from st_pipeline.portal.tenant_changes import actions
from st_pipeline.tenants import tenant_table
from st_pipeline.tenants.connection_check import CheckResult
from st_pipeline.tenants.credentials import NewParts, OwnCredentials
from st_pipeline.tenants.model import NewTenant, Tenant
from st_pipeline.tenants.registry import Registry


class AuditedRegistry(Registry):
    """Every change that commands make, with its entry. A second secret is added and revoked in the portal alone."""

    def add_all(self, tenants: Iterable[tuple[NewTenant, OwnCredentials | None]]) -> list[Tenant]:
        pairs = list(tenants)
        with self._connection.transaction():
            added = super().add_all(pairs)
            for tenant, own in pairs:
                self._record("tenant registered", tenant.key, credentials="entered" if own else "to be entered")
            return added

    def set(self, key: str, **changes: Any) -> Tenant:
        with self._compared(key):
            return super().set(key, **changes)

    def enable(self, key: str) -> Tenant:
        with self._compared(key):
            return super().enable(key)

    def disable(self, key: str) -> Tenant:
        with self._compared(key):
            return super().disable(key)

    def remove(self, key: str) -> Tenant:
        with self._connection.transaction():
            tenant = super().remove(key)
            self._record("tenant removed", key, environment=tenant.environment.value, tenant_id=tenant.tenant_id)
            return tenant

    def record_check(self, key: str, result: CheckResult, at: datetime) -> Tenant:
        with self._connection.transaction():
            tenant = super().record_check(key, result, at)
            self._record("credentials tried", key, found=tenant.status.label)
            return tenant

    def replace_credentials(self, key: str, parts: NewParts) -> None:
        with self._connection.transaction():
            action = "credentials replaced" if self.outline(key) else "credentials entered"
            super().replace_credentials(key, parts)
            self._record(action, key, parts=names(parts))

    def renew_encryption(self) -> int:
        with self._connection.transaction():
            count = super().renew_encryption()
            self._record("encryption renewed", None, tenants=count)
            return count

    @contextmanager
    def _compared(self, key: str) -> Iterator[None]:
        """Record by what the tenant differs after the block. The row is locked, so it is the block that changed it."""
        with self._connection.transaction():
            before = tenant_table.read(self._connection, key, lock=True)
            yield
            for action, detail in actions(before, tenant_table.read(self._connection, key)):
                self._record(action, key, **detail)

    def _record(self, action: str, tenant: str | None, **detail: Any) -> None:
        audit.record(self._connection, audit.COMMAND_LINE, action, datetime.now(UTC), tenant=tenant, detail=detail)


def names(parts: NewParts) -> list[str]:
    """What is new of the credentials, in words and without a value. Pure."""
    given = {
        "client id": parts.client_id,
        "client secret": parts.client_secret,
        "app key": parts.app_key,
        "shared app key": parts.drops_app_key,
    }
    return [name for name, value in given.items() if value]
