"""The registry: tenants, their credentials, and the operations on them.

tenant_table.py and credential_table.py have the rows (schema ``control``, migration 0001), fields.py validates the
fields, connection_check.py makes the results of checks.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import psycopg

from st_pipeline.secret import Secret
from st_pipeline.servicetitan.credentials import Credentials
from st_pipeline.settings import Settings
from st_pipeline.steps.step import Do, Step, to_json
from st_pipeline.tenants import account_binding, credential_table, fields, tenant_table
from st_pipeline.tenants.connection_check import CheckResult
from st_pipeline.tenants.credential_table import Outline
from st_pipeline.tenants.credentials import NewParts, OwnCredentials, complete, new_parts
from st_pipeline.tenants.errors import CredentialsMissing, FieldInvalid
from st_pipeline.tenants.model import NewTenant, Status, Tenant
from st_pipeline.tenants.vault import Vault, open_vault_of

_CHANGEABLE: Mapping[str, Callable[[Any], Any]] = {
    "name": fields.valid_name,
    "company_code": fields.valid_company_code,
    "trade": fields.valid_trade,
    "timezone": fields.valid_timezone,
    "cadence": fields.valid_cadence,
    "environment": fields.valid_environment,
    "tenant_id": fields.valid_tenant_id,
}
_REPORTS_DEPEND_ON = frozenset({"company_code", "trade", "timezone"})


class Registry:
    """Every method is one transaction, or part of the caller's if one is open.

    Not thread-safe, because it uses one connection.
    """

    def __init__(self, connection: psycopg.Connection[Any], vault: Vault, shared_app_key: Secret | None = None) -> None:
        """``shared_app_key``: used by tenants without their own app key."""
        self._connection = connection
        self._vault = vault
        self._shared_app_key = shared_app_key

    @classmethod
    def of(cls, connection: psycopg.Connection[Any], settings: Settings) -> Registry:
        """The registry on ``connection``, with the vault and shared app key of ``settings``.

        Raises:
            VaultKeyInvalid: the vault's keys are unusable.
        """
        return cls(connection, open_vault_of(connection, settings), settings.servicetitan.app_key)

    def add(self, tenant: NewTenant, own: OwnCredentials | None) -> Tenant:
        """Register one tenant, enabled and not checked yet. ``own``: None if its credentials are entered later.

        Raises:
            TenantExists: the key or the ServiceTitan account is taken.
            TenantBound: data of another account is stored under the key, or this account's under another key.
            FieldInvalid: Postgres doesn't know the time zone.
        """
        return self.add_all([(tenant, own)])[0]

    def add_all(self, tenants: Iterable[tuple[NewTenant, OwnCredentials | None]]) -> builtins.list[Tenant]:
        """Register several tenants, all or none. Raises the same errors as ``add``."""
        with self._connection.transaction():
            added = []
            for tenant, own in tenants:
                added.append(tenant_table.insert(self._connection, tenant))
                if own:
                    credential_table.insert(self._connection, self._vault, tenant.key, own)
            return added

    def get(self, key: str) -> Tenant:
        """The tenant with this key. Raises TenantUnknown, which suggests similar keys."""
        with self._connection.transaction():
            return tenant_table.read(self._connection, key)

    def list(self) -> builtins.list[Tenant]:
        """All tenants, including disabled ones, sorted by key."""
        with self._connection.transaction():
            return tenant_table.read_all(self._connection)

    def set(self, key: str, **changes: Any) -> Tenant:
        """Change name, company_code, trade, timezone or cadence. Sets ``updated_at`` if reports depend on a change.

        ``environment`` and ``tenant_id`` can be corrected until the tenant first connects.

        Raises:
            TenantUnknown; FieldInvalid; TenantExists: another tenant has the account; TenantBound: a new environment
            or tenant_id for a tenant that has connected, or as in ``add``.
        """
        with self._connection.transaction():
            before = tenant_table.read(self._connection, key, lock=True)
            changed = _changed(before, changes)
            if "timezone" in changed:
                tenant_table.require_known_zone(self._connection, key, changed["timezone"])
            if not changed:
                return before
            account_binding.require_free(self._connection, before, changed)
            touch = not _REPORTS_DEPEND_ON.isdisjoint(changed)
            return tenant_table.update(self._connection, key, changed, touch=touch)

    def enable(self, key: str) -> Tenant:
        """Turn the tenant's syncs back on. Raises TenantUnknown."""
        return self._set_enabled(key, True)

    def disable(self, key: str) -> Tenant:
        """Turn the tenant's syncs off and keep everything. Raises TenantUnknown."""
        return self._set_enabled(key, False)

    def remove(self, key: str) -> Tenant:
        """Delete the tenant and its credentials. Its data is kept, so its key stays bound to its account.

        Returns the removed tenant. Raises TenantUnknown.
        """
        with self._connection.transaction():
            tenant = tenant_table.read(self._connection, key, lock=True)
            tenant_table.remove(self._connection, tenant)
            return tenant

    def record_check(self, key: str, result: CheckResult, at: datetime) -> Tenant:
        """Record what a check or a sync found at ``at``. Sets ``status_since`` if the status changes.

        A refusal says nothing about scopes, so the last granted ones are kept. Raises TenantUnknown.
        """
        with self._connection.transaction():
            before = tenant_table.read(self._connection, key, lock=True)
            changed: dict[str, Any] = {
                "status": result.status,
                "status_detail": result.detail,
                "status_cause": result.cause,
                "status_steps": to_json(result.steps),
                "checked_at": at,
            }
            if result.status is not before.status:
                changed["status_since"] = at
            if result.status is Status.CONNECTED:
                changed |= {"connected_at": at, "granted_scopes": sorted(result.scopes)}
            return tenant_table.update(self._connection, key, changed, touch=False)

    def credentials(self, key: str) -> Credentials:
        """What to sign in with, decrypted; with the shared app key if the tenant doesn't have its own.

        Raises:
            TenantUnknown; CredentialsMissing; VaultLocked.
        """
        with self._connection.transaction():
            tenant_table.read(self._connection, key)
            own = credential_table.read(self._connection, self._vault, key)
        if own is None:
            raise _missing(key)
        return complete(key, own, self._shared_app_key)

    def outline(self, key: str) -> Outline | None:
        """What may be shown of the tenant's credentials, without decrypting them. Raises TenantUnknown."""
        with self._connection.transaction():
            tenant_table.read(self._connection, key)
            return credential_table.outline(self._connection, key)

    def replace_credentials(self, key: str, parts: NewParts) -> None:
        """Replace credentials; whatever ``parts`` leaves out stays.

        Raises:
            TenantUnknown; CredentialsMissing: the tenant has none yet, and the parts lack a client id or secret.
        """
        with self._connection.transaction():
            tenant_table.read(self._connection, key, lock=True)
            if credential_table.outline(self._connection, key):
                credential_table.replace(self._connection, self._vault, key, parts)
            elif parts.client_id and parts.client_secret:
                own = OwnCredentials(parts.client_id, parts.client_secret, parts.app_key)
                credential_table.insert(self._connection, self._vault, key, own)
            else:
                raise _missing(key)

    def add_secret(self, key: str, secret: Secret) -> bool:
        """Add a newer client secret beside the current one; False if there are already two, so one must go first.

        Sign-in tries the newest first. Raises TenantUnknown; FieldInvalid; CredentialsMissing: there is none yet.
        """
        parts = new_parts(client_secret=secret)
        assert parts.client_secret
        with self._connection.transaction():
            tenant_table.read(self._connection, key, lock=True)
            if credential_table.outline(self._connection, key) is None:
                raise _missing(key)
            return credential_table.add_secret(self._connection, self._vault, key, parts.client_secret)

    def revoke_secret(self, key: str, added_at: datetime) -> bool:
        """Delete the client secret that was added at that instant; False if it no longer exists.

        The other one stays; if there is no other, the tenant then has no credentials. Raises TenantUnknown.
        """
        with self._connection.transaction():
            tenant_table.read(self._connection, key, lock=True)
            return credential_table.revoke_secret(self._connection, key, added_at)

    def record_secret_use(self, key: str, outline: Outline, tried: Sequence[bool], at: datetime) -> None:
        """Record whether each secret in ``outline``, newest first, signed in during a check at ``at``.

        Skips secrets that were revoked or replaced in the meantime.
        """
        with self._connection.transaction():
            for secret, worked in zip((outline.newest, outline.older), tried, strict=False):
                if secret:
                    credential_table.record_secret_use(self._connection, key, secret.added_at, at, worked=worked)

    def renew_encryption(self) -> int:
        """Re-encrypt all stored secrets with the vault's newest key, all or none. Returns the number of tenants.

        Raises:
            VaultLocked: no key decrypts one of them; nothing is changed.
        """
        with self._connection.transaction():
            return credential_table.renew(self._connection, self._vault)

    def _set_enabled(self, key: str, enabled: bool) -> Tenant:
        with self._connection.transaction():
            tenant_table.read(self._connection, key, lock=True)
            return tenant_table.update(self._connection, key, {"enabled": enabled}, touch=False)


def _missing(key: str) -> CredentialsMissing:
    return CredentialsMissing(f"{key} has no client id and secret yet", Step(Do.ENTER_CREDENTIALS), tenant=key)


def _changed(tenant: Tenant, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The requested changes that change something, validated. Raises TenantBound for a new account after connecting."""
    if unknown := changes.keys() - _CHANGEABLE.keys():
        raise TypeError(f"a tenant has nothing called {', '.join(sorted(unknown))} to set")
    valid: dict[str, Any] = {}
    for name in changes.keys() & _CHANGEABLE.keys():
        try:
            valid[name] = _CHANGEABLE[name](changes[name])
        except FieldInvalid as invalid:
            raise invalid.of_tenant(tenant.key) from None
    account_binding.require_unbound(tenant, valid)
    return {name: value for name, value in valid.items() if getattr(tenant, name) != value}
