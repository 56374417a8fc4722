"""What can go wrong with tenants, grouped by what the caller should do next.

    TenantsError
    ├── FieldInvalid          enter another value for the field it names
    ├── TenantUnknown         use an existing key
    ├── TenantExists          choose another key, or use the existing tenant
    ├── TenantBound           add a new tenant: a key never moves to another account
    ├── CredentialsMissing    enter the tenant's credentials
    ├── ImportRefused         correct the file it names; nothing was stored
    └── VaultError            check the setting it names
        ├── VaultKeyInvalid       the key itself is unusable
        └── VaultLocked           no key decrypts what is stored

No message contains a secret, or a value that may be a secret in the wrong field.
"""

from __future__ import annotations

from st_pipeline.steps.advised_error import AdvisedError


class TenantsError(AdvisedError):
    """Base class; the message is one line for a person, with the next step."""


class FieldInvalid(TenantsError):
    """The value of a field is invalid. ``field`` is its name, ``expected`` says what is wrong or required."""

    def __init__(
        self,
        field: str,
        expected: str,
        *,
        tenant: str | None = None,
        suggestion: str | None = None,
        is_malformed: bool = False,
    ) -> None:
        """``suggestion``: a value to try instead. ``is_malformed``: the value matches none of the accepted formats."""
        said = f"{field} {expected}{f'; try {suggestion}' if suggestion else ''}"
        super().__init__(f"tenant {tenant}: {said}" if tenant else said)
        self.field = field
        self.expected = expected
        self.tenant = tenant
        self.suggestion = suggestion
        self.is_malformed = is_malformed

    def of_tenant(self, tenant: str) -> FieldInvalid:
        """The same error, which also names the tenant."""
        return FieldInvalid(
            self.field, self.expected, tenant=tenant, suggestion=self.suggestion, is_malformed=self.is_malformed
        )


class TenantUnknown(TenantsError):
    """No tenant has this key."""


class TenantExists(TenantsError):
    """The key or the ServiceTitan account is taken. ``said`` is the problem without the tenant's name."""

    def __init__(self, said: str, tenant: str, *, is_key: bool = False) -> None:
        super().__init__(f"tenant {tenant}{' ' if is_key else ': '}{said}")
        self.said = said
        self.is_key = is_key


class TenantBound(TenantsError):
    """A key with data and its ServiceTitan account stay together."""


class CredentialsMissing(TenantsError):
    """A tenant has no credentials, or no app key while no shared one is set."""


class ImportRefused(TenantsError):
    """A credential file is invalid."""


class VaultError(TenantsError):
    """Base class of errors with the vault's keys."""


class VaultKeyInvalid(VaultError):
    """A key is malformed, missing, or accessible to other users."""


class VaultLocked(VaultError):
    """A stored value was encrypted with a key that is no longer configured."""
