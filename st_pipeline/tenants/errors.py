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


class TenantsError(Exception):
    """Base of all; the message is one line for a person, with the next step."""


class FieldInvalid(TenantsError):
    """A field cannot hold the value. ``field`` is its name, ``problem`` what is expected."""

    def __init__(self, field: str, problem: str, tenant: str | None = None) -> None:
        self.field = field
        self.problem = problem
        self.tenant = tenant
        super().__init__(f"tenant {tenant}: {field} {problem}" if tenant else f"{field} {problem}")


class TenantUnknown(TenantsError):
    """No tenant has this key."""


class TenantExists(TenantsError):
    """The key, or the ServiceTitan account, is taken."""


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
