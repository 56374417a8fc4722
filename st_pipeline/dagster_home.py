"""The folder and environment variables for this project's Dagster processes. Imports nothing from Dagster."""

from __future__ import annotations

import shutil
from pathlib import Path

from st_pipeline import postgres, private_home
from st_pipeline.dbt import environment as dbt_environment
from st_pipeline.settings import PROJECT_ROOT, Settings

INSTANCE_FILE = PROJECT_ROOT / "dagster.yaml"
WORKSPACE_FILE = PROJECT_ROOT / "workspace.yaml"


def prepare_home(settings: Settings) -> Path:
    """The Dagster home for these settings, with the project's ``dagster.yaml`` in it."""
    private_home.create(settings.home)
    home = settings.home / "dagster"
    home.mkdir(exist_ok=True)
    shutil.copyfile(INSTANCE_FILE, home / "dagster.yaml")
    return home


def environment(settings: Settings) -> dict[str, str]:
    """The variables for Dagster processes. Creates the home and the database if needed.

    Raises:
        PostgresError: the instance's database cannot be reached or created.
    """
    database = postgres.dagster(settings)
    postgres.ensure_database(database)
    return {
        "DAGSTER_HOME": str(prepare_home(settings)),
        "DAGSTER_POSTGRES_URL": database.url("postgresql+psycopg2").reveal(),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        # Write a run's materializations of an asset for all tenants in one batch, not row by row.
        "DAGSTER_EVENT_BATCH_SIZE": "50",
        **dbt_environment(postgres.warehouse(settings)),
    }
