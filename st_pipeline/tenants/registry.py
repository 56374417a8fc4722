"""The registry: tenants and their credentials, and what may be done to them.

The rows are in tenant_table.py and credential_table.py (schema ``control``, migration 0001), what a field may hold in
fields.py, what a check found in connection_check.py.
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
from st_pipeline.tenants.vault import Vault, open_vault

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
    """Every method is one transaction, or part of the caller's where one is open.

    Not for several threads at once: a connection is one conversation.
    """

    def __init__(self, connection: psycopg.Connection[Any], vault: Vault, shared_app_key: Secret | None = None) -> None:
        """``shared_app_key``: what tenants without an app key of their own use."""
        self._connection = connection
        self._vault = vault
        self._shared_app_key = shared_app_key

    @classmethod
    def of(cls, connection: psycopg.Connection[Any], settings: Settings) -> Registry:
        """The registry behind ``connection`` with the vault and the shared app key of ``settings``.

        Raises:
            VaultKeyInvalid: the keys of the vault cannot be used.
        """
        return cls(connection, open_vault(settings), settings.servicetitan.app_key)

    def add(self, tenant: NewTenant, own: OwnCredentials | None) -> Tenant:
        """Register one tenant, enabled and not checked yet; ``own`` None: its credentials are entered later.

        Raises:
            TenantExists: the key, or the ServiceTitan account, is taken.
            TenantBound: data of another account is stored under the key, or this account's under another key.
            FieldInvalid: Postgres doesn't know the time zone.
        """
        return self.add_all([(tenant, own)])[0]

    def add_all(self, tenants: Iterable[tuple[NewTenant, OwnCredentials | None]]) -> builtins.list[Tenant]:
        """Register several tenants, all or none. Raises like ``add``."""
        with self._connection.transaction():
            added = []
            for tenant, own in tenants:
                added.append(tenant_table.insert(self._connection, tenant))
                if own:
                    credential_table.insert(self._connection, self._vault, tenant.key, own)
            return added

    def get(self, key: str) -> Tenant:
        """Raises TenantUnknown, with the nearest keys."""
        with self._connection.transaction():
            return tenant_table.read(self._connection, key)

    def list(self) -> builtins.list[Tenant]:
        """All tenants, the disabled ones too, by key."""
        with self._connection.transaction():
            return tenant_table.read_all(self._connection)

    def set(self, key: str, **changes: Any) -> Tenant:
        """Change name, company_code, trade, timezone or cadence. ``updated_at`` moves if reports depend on a change.

        ``environment`` and ``tenant_id`` can be corrected as long as the tenant was never connected.

        Raises:
            TenantUnknown; FieldInvalid; TenantExists: the account is another tenant's already; TenantBound: another
            environment or tenant_id of a tenant that was connected, or as in ``add``.
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
        """Take part in syncs again. Raises TenantUnknown."""
        return self._set_enabled(key, True)

    def disable(self, key: str) -> Tenant:
        """Keep everything, but take part in no sync. Raises TenantUnknown."""
        return self._set_enabled(key, False)

    def remove(self, key: str) -> Tenant:
        """Delete the tenant and its credentials; its data stays, and so key and account belong together from then on.

        Returns what was removed. Raises TenantUnknown.
        """
        with self._connection.transaction():
            tenant = tenant_table.read(self._connection, key, lock=True)
            tenant_table.remove(self._connection, tenant)
            return tenant

    def record_check(self, key: str, result: CheckResult, at: datetime) -> Tenant:
        """Note what a check, or a sync, found at ``at``. ``status_since`` moves when the status changes.

        Scopes are kept from the last time it was connected: a refusal says nothing about them. Raises TenantUnknown.
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
        """What to sign in with: decrypted, with the shared app key where the tenant has none of its own.

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
        """What may be told of the tenant's credentials, none of them opened. Raises TenantUnknown."""
        with self._connection.transaction():
            tenant_table.read(self._connection, key)
            return credential_table.outline(self._connection, key)

    def replace_credentials(self, key: str, parts: NewParts) -> None:
        """New parts in the place of the old; what ``parts`` leaves out stays.

        Raises:
            TenantUnknown; CredentialsMissing: the tenant has none yet, and id and secret are not both among the parts.
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
        """A newer client secret beside the present one; False: there are two already, and one is to be revoked first.

        Sign-in tries the newest first. Raises TenantUnknown, FieldInvalid; CredentialsMissing: there is none yet.
        """
        parts = new_parts(client_secret=secret)
        assert parts.client_secret
        with self._connection.transaction():
            tenant_table.read(self._connection, key, lock=True)
            if credential_table.outline(self._connection, key) is None:
                raise _missing(key)
            return credential_table.add_secret(self._connection, self._vault, key, parts.client_secret)

    def revoke_secret(self, key: str, added_at: datetime) -> bool:
        """Delete the client secret that was added at that instant; False: there is none such any more.

        The other one stays; without one the tenant has no credentials. Raises TenantUnknown.
        """
        with self._connection.transaction():
            tenant_table.read(self._connection, key, lock=True)
            return credential_table.revoke_secret(self._connection, key, added_at)

    def record_secret_use(self, key: str, outline: Outline, tried: Sequence[bool], at: datetime) -> None:
        """What a check at ``at`` found of the secrets of ``outline``, the newest first: whether each signed in.

        Of one that was revoked or replaced in the meantime nothing is noted.
        """
        with self._connection.transaction():
            for secret, worked in zip((outline.newest, outline.older), tried, strict=False):
                if secret:
                    credential_table.record_secret_use(self._connection, key, secret.added_at, at, worked=worked)

    def renew_encryption(self) -> int:
        """Encrypt all stored secrets anew with the vault's newest key, all or none; of how many tenants.

        Raises:
            VaultLocked: one of them opens with no key; nothing is changed then.
        """
        with self._connection.transaction():
            return credential_table.renew(self._connection, self._vault)

    def _set_enabled(self, key: str, enabled: bool) -> Tenant:
        with self._connection.transaction():
            tenant_table.read(self._connection, key, lock=True)
            return tenant_table.update(self._connection, key, {"enabled": enabled}, touch=False)


def _missing(key: str) -> CredentialsMissing:
    return CredentialsMissing(f"tenant {key} has no credentials", Step(Do.ENTER_CREDENTIALS), tenant=key)


def _changed(tenant: Tenant, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Of the changes asked for those that change something, valid; TenantBound for what it keeps once connected."""
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
