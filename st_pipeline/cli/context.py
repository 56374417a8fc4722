"""Opening what commands work on: the one way from the settings to the registry, its vault and what is due.

What is done to tenants through this registry is in the audit: audited_registry.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime

from st_pipeline import postgres
from st_pipeline.cli.audited_registry import AuditedRegistry
from st_pipeline.schedule import tenant_states
from st_pipeline.schedule.due_times import Due
from st_pipeline.settings import Settings
from st_pipeline.tenants import key_file, vault
from st_pipeline.tenants.model import Tenant
from st_pipeline.tenants.registry import Registry


@contextmanager
def open_registry(settings: Settings | None = None) -> Iterator[Registry]:
    """The registry of ``settings`` (by default the environment's), on a migrated database; closed at the end.

    Raises:
        SettingsError, PostgresError, EmbeddedPostgresError, VaultKeyInvalid: with the setting to look at.
    """
    settings = settings or Settings.from_environment()
    database = postgres.prepare(settings)
    # Autocommit: a check asks the API between two statements, and no transaction should stay open meanwhile.
    with closing(postgres.connect(database, application="st-pipeline tenants", autocommit=True)) as connection:
        yield AuditedRegistry.of(connection, settings)


def read_next_syncs(settings: Settings, tenants: Sequence[Tenant], now: datetime) -> dict[str, Due | None]:
    """The next sync of each tenant by its key, while the registry is open: so the database is there and migrated."""
    with closing(postgres.connect(postgres.warehouse(settings), autocommit=True)) as connection:
        return tenant_states.read_next_syncs(connection, tenants, now)


def renew_encryption(settings: Settings) -> tuple[int, str]:
    """Encrypt what is stored with the newest key: of how many tenants, and where the keys are.

    Without ST_PIPELINE_SECRET_KEYS a new key is put into the key file first. A process that started before keeps
    working with the keys it read, but cannot open what is encrypted with the new one.

    Raises:
        VaultError; and what ``open_registry`` raises.
    """
    where = vault.SETTING
    if not settings.secret_keys:
        key_file.add_newest(settings.home)
        where = str(key_file.path(settings.home))
    with open_registry(settings) as registry:
        return registry.renew_encryption(), where
