"""The folder and the variables that a Dagster process of this project needs. Imports nothing of Dagster."""

from __future__ import annotations

import shutil
from pathlib import Path

from st_pipeline import postgres
from st_pipeline.dbt import environment as dbt_environment
from st_pipeline.settings import PROJECT_ROOT, Settings

INSTANCE_FILE = PROJECT_ROOT / "dagster.yaml"
WORKSPACE_FILE = PROJECT_ROOT / "workspace.yaml"


def prepare_home(settings: Settings) -> Path:
    """The Dagster home of these settings, with the project's ``dagster.yaml`` in it."""
    home = settings.home / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(INSTANCE_FILE, home / "dagster.yaml")
    return home


def environment(settings: Settings) -> dict[str, str]:
    """What to set for Dagster processes, after making sure that home and database are there.

    Raises:
        PostgresError: the instance's database cannot be reached or made.
    """
    database = postgres.dagster(settings)
    postgres.ensure_database(database)
    return {
        "DAGSTER_HOME": str(prepare_home(settings)),
        "DAGSTER_POSTGRES_URL": database.url("postgresql+psycopg2").reveal(),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        # What a run materializes of one asset for all its tenants is written at once, not row by row.
        "DAGSTER_EVENT_BATCH_SIZE": "50",
        **dbt_environment(postgres.warehouse(settings)),
    }
