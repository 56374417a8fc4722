"""Who we pull for and with which keys.

- ``model``: what a tenant is; ``fields``: what each of its fields may hold;
- ``credentials``: what a tenant brings to identify itself; ``vault``: how that is encrypted; ``key_file``: with what;
- ``registry``: all of it in Postgres, by way of ``tenant_table`` and ``credential_table`` (schema ``control``);
- ``access``: a client for a tenant; ``connection``: what came of using it; ``checkup``: both, and noting it;
- ``partitions``: from the registry to the orchestrator's partitions;
- ``importing``: credential files of servicepytan and Titanpy; ``presentation``: how tenants are told of.

Nothing is re-exported: import from the module that has it.
"""
