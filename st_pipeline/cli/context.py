"""Opening what commands work on: the one way from the settings to the registry, its vault and what is due.

What commands do to tenants is in the audit: operations/tenant_operations.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime

from st_pipeline import postgres
from st_pipeline.operations.audit import COMMAND_LINE
from st_pipeline.operations.tenant_operations import TenantOperations
from st_pipeline.schedule import tenant_states
from st_pipeline.schedule.due_times import Due
from st_pipeline.settings import Settings
from st_pipeline.tenants import key_file, vault
from st_pipeline.tenants.model import Tenant
from st_pipeline.tenants.registry import Registry


@contextmanager
def open_operations(settings: Settings | None = None) -> Iterator[TenantOperations]:
    """What the command line can do to tenants, on a migrated database; ``settings`` are the environment's by default.

    Raises:
        SettingsError, PostgresError, EmbeddedPostgresError, VaultKeyInvalid: with the setting to look at.
    """
    settings = settings or Settings.from_environment()
    database = postgres.prepare(settings)
    # Autocommit: a check asks the API between two statements, and no transaction should stay open meanwhile.
    with closing(postgres.connect(database, application="st-pipeline tenants", autocommit=True)) as connection:
        yield TenantOperations(connection, Registry.of(connection, settings), COMMAND_LINE, datetime.now(UTC))


def read_next_syncs(settings: Settings, tenants: Sequence[Tenant], now: datetime) -> dict[str, Due | None]:
    """The next sync of each tenant by its key, while the registry is open: so the database is there and migrated."""
    with closing(postgres.connect(postgres.warehouse(settings), autocommit=True)) as connection:
        return tenant_states.read_next_syncs(connection, tenants, now)


def renew_encryption(settings: Settings) -> tuple[int, str]:
    """Encrypt what is stored with the newest key: of how many tenants, and where the keys are.

    Without ST_PIPELINE_SECRET_KEYS a new key is put into the key file first. A process that started before keeps
    working with the keys it read, but cannot open what is encrypted with the new one.

    Raises:
        VaultError; and what ``open_operations`` raises.
    """
    where = vault.SETTING
    if not settings.secret_keys:
        key_file.add_newest(settings.home)
        where = str(key_file.path(settings.home))
    with open_operations(settings) as operations:
        return operations.renew_encryption(), where
