"""What can go wrong with tenants, grouped by what the caller should do next.

    TenantsError
    ├── FieldInvalid          give another value for the field it names
    ├── TenantUnknown         use one of the keys that exist
    ├── TenantExists          choose another key, or use the tenant that is there
    ├── TenantBound           add a second tenant: a key never moves to another account
    ├── CredentialsMissing    give the tenant credentials
    ├── ImportRefused         correct the file it names; nothing was stored
    └── VaultError            look at the setting it names
        ├── VaultKeyInvalid       the key itself cannot be used
        └── VaultLocked           no key opens what is stored

No message carries a secret, nor a value that may have been a secret in the wrong place.
"""

from __future__ import annotations

from st_pipeline.steps.advised_error import AdvisedError


class TenantsError(AdvisedError):
    """Base of all; the message is one line for a person, with the next step."""


class FieldInvalid(TenantsError):
    """A field cannot hold the value. ``field`` is its name, ``expected`` what is expected of it."""

    def __init__(
        self,
        field: str,
        expected: str,
        *,
        tenant: str | None = None,
        suggestion: str | None = None,
        is_malformed: bool = False,
    ) -> None:
        """``suggestion``: a value to try instead. ``is_malformed``: the value has none of the accepted forms."""
        said = f"{field} {expected}{f'; try {suggestion}' if suggestion else ''}"
        super().__init__(f"tenant {tenant}: {said}" if tenant else said)
        self.field = field
        self.expected = expected
        self.tenant = tenant
        self.suggestion = suggestion
        self.is_malformed = is_malformed

    def of_tenant(self, tenant: str) -> FieldInvalid:
        """The same error, naming the tenant too."""
        return FieldInvalid(
            self.field, self.expected, tenant=tenant, suggestion=self.suggestion, is_malformed=self.is_malformed
        )


class TenantUnknown(TenantsError):
    """No tenant has this key."""


class TenantExists(TenantsError):
    """The key, or the ServiceTitan account, is taken. ``said`` is the problem without the tenant's name."""

    def __init__(self, said: str, tenant: str, *, is_key: bool = False) -> None:
        super().__init__(f"tenant {tenant}{' ' if is_key else ': '}{said}")
        self.said = said
        self.is_key = is_key


class TenantBound(TenantsError):
    """A key with data and its ServiceTitan account stay together."""


class CredentialsMissing(TenantsError):
    """A tenant has no credentials, or no app key and there is no shared one."""


class ImportRefused(TenantsError):
    """A credential file cannot be read as such."""


class VaultError(TenantsError):
    """Base of what goes wrong with keys."""


class VaultKeyInvalid(VaultError):
    """A key is malformed, missing, or readable by others."""


class VaultLocked(VaultError):
    """What is stored was encrypted with a key that is not there."""
