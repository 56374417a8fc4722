"""Opens what commands work on: the only path from the settings to the registry, its vault and what is due.

Everything that commands do to tenants is audited: operations/tenant_operations.py.
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
    """The tenant operations on a migrated database; ``settings`` come from the environment by default.

    Raises:
        SettingsError, PostgresError, EmbeddedPostgresError, VaultKeyInvalid: naming the setting to check.
    """
    settings = settings or Settings.from_environment()
    database = postgres.prepare(settings)
    # Autocommit: a check calls the API between two statements, and no transaction should stay open meanwhile.
    with closing(postgres.connect(database, application="st-pipeline tenants", autocommit=True)) as connection:
        yield TenantOperations(connection, Registry.of(connection, settings), COMMAND_LINE, lambda: datetime.now(UTC))


def read_next_syncs(settings: Settings, tenants: Sequence[Tenant], now: datetime) -> dict[str, Due | None]:
    """Tenant key -> next sync. Call it while the registry is open, so the database is running and migrated."""
    with closing(postgres.connect(postgres.warehouse(settings), autocommit=True)) as connection:
        return tenant_states.read_next_syncs(connection, tenants, now)


def renew_encryption(settings: Settings) -> tuple[int, str]:
    """Re-encrypt all stored secrets with the newest key. Returns the number of tenants and where the keys are.

    If ST_PIPELINE_SECRET_KEYS is not set, a new key is first added to the key file. Processes that are already running
    keep the keys they have read, so they cannot decrypt anything encrypted with the new one.

    Raises:
        VaultError; and everything that ``open_operations`` raises.
    """
    where = vault.SETTING
    if not settings.secret_keys:
        with open_operations(settings):
            pass  # refuses if the key file is missing, before another one is created
        key_file.add_newest(settings.home)
        where = str(key_file.path(settings.home))
    with open_operations(settings) as operations:
        return operations.renew_encryption(), where
