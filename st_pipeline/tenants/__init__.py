"""The tenants and their credentials.

- ``model``: what a tenant is; ``fields``: the valid values of each field;
- ``credentials``: a tenant's credentials; ``vault``: their encryption; ``key_file``: the encryption keys;
- ``registry``: all of it in Postgres, through ``tenant_table`` and ``credential_table`` (schema ``control``);
- ``clients``: API clients for a tenant; ``connection_check``: tests a connection; ``recheck``: tests and records it;
- ``account_binding``: which ServiceTitan account a tenant belongs to;
- ``cadence``, ``cadence_parsing``, ``cron``: how often a tenant is synced;
- ``partitions``: from the registry to the orchestrator's partitions;
- ``importing``: credential files of servicepytan and Titanpy; ``presentation``: tenants as JSON and text.

Nothing is re-exported: import from the module that defines it.
"""
