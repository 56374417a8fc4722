"""``st-pipeline demo``: run the main job on the sandbox from start to finish, and print a summary.

It has its own home folder, which it clears at each start, so it never touches real data.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from typing import Any

import typer

from st_pipeline import postgres
from st_pipeline.cli import sandbox_tenants, syncing, tables
from st_pipeline.cli.screen import Screen, echo
from st_pipeline.sandbox import Sandbox, demo_accounts
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.settings import Settings
from st_pipeline.sync.pipeline import Pipeline, open_pipeline
from st_pipeline.tenants.model import Status, Tenant

WINDOW_SECONDS = 16 * 60  # exports show a change after fifteen minutes

SAMPLES = {
    "invoices_stream": (
        "id, tenant, invoice_number, customer_name, customer_phone_number_primary, city, total, first_appointment"
    ),
    "members_stream": "id, tenant, active_member, membership_type, customer_id, customer_name, city, zip",
}


def demo() -> None:
    """Run the main job on the sandbox: two syncs, the reports, and a comparison of the counts."""
    console = Screen(stderr=True)
    say = console.print
    settings = demo_settings(Settings.from_environment())
    say("1 Starting Postgres and a sandbox with three accounts …")
    accounts = demo_accounts()
    with Sandbox(accounts) as sandbox:
        pipeline = open_pipeline(replace(settings, sandbox_url=sandbox.url))
        tenants = sandbox_tenants.register(pipeline, accounts)
        connected = [tenant for tenant in tenants if tenant.status is Status.CONNECTED]
        for tenant in tenants:
            on_purpose = "" if tenant in connected else " (on purpose: its sync fails, and the others go on)"
            say(f"  {tenant.key}: {tenant.status.label}{on_purpose}")
        keys = [tenant.key for tenant in tenants]
        say("2 Running the first sync of all tenants …")
        first = syncing.run(pipeline, keys, ASSET_ENTITIES)
        say("3 Changing data in the sandbox: edits, inactivations, new records, late commits …")
        for seed, tenant in enumerate(connected):
            sandbox.change(tenant.tenant_id, seed, edits=60, inactivations=15, additions=40, late=20)
        sandbox.advance(WINDOW_SECONDS)
        say("4 Running an incremental sync …")
        second = syncing.run(pipeline, keys, ASSET_ENTITIES)
        say("5 Building the reports …")
        with console.status("dbt is building and testing the models"):
            built, log = syncing.build_marts(pipeline)
        comparison = compare(pipeline, sandbox, connected)
    tables.sync_report(first.tenants, first.entities)
    tables.sync_report(second.tenants, second.entities)
    _show(pipeline, comparison)
    _show_addresses(settings)
    unconnected = [tenant.key for tenant in tenants if tenant not in connected]
    faults = [
        *(f"{row.tenant} {row.entity}: the sandbox has {row.held} records, raw has {row.loaded} rows"
          for row in comparison if row.differs),
        *(f"{tenant}: {error}" for _, tenant, outcome, error, _ in [*first.tenants, *second.tenants]
          if outcome != "succeeded" and tenant not in unconnected),
        *([] if built else [f"the reports could not be built; see {log}"]),
    ]  # fmt: skip
    if faults:
        echo("\n".join(["", "Problems found:", *faults]), err=True)
        raise typer.Exit(1)


def demo_settings(settings: Settings) -> Settings:
    """Settings for an empty demo home inside the home of ``settings``."""
    home = settings.home / "demo"
    shutil.rmtree(home / "landing", ignore_errors=True)
    fresh = replace(settings, home=home, dsn=None, dagster_dsn=None, landing=str(home / "landing"))
    server = postgres.warehouse(fresh)
    for name in ("warehouse", "dagster"):
        postgres.drop_database(server.with_name(name))
    return fresh


@dataclass(frozen=True, slots=True)
class Row:
    """One entity of one tenant: the record count in the sandbox and the row count in raw, without deleted rows."""

    tenant: str
    entity: str
    held: int
    loaded: int
    quarantined_whole: int

    @property
    def differs(self) -> bool:
        return self.held != self.loaded + self.quarantined_whole


def compare(pipeline: Pipeline, sandbox: Sandbox, tenants: list[Tenant]) -> list[Row]:
    """The sandbox's counts next to those of the warehouse."""
    rows = []
    with postgres.connect(pipeline.database, autocommit=True) as connection:
        for tenant in tenants:
            for entity in ASSET_ENTITIES:
                loaded = _count(connection, f"raw.{entity} where tenant = %s and _deleted_at is null", tenant.key)
                whole = _count(
                    connection,
                    f"control.quarantine where tenant = %s and entity = '{entity}' and field is null",
                    tenant.key,
                )
                held = sandbox.world(tenant.tenant_id).count(entity)
                rows.append(Row(tenant.key, entity, held, loaded, whole))
    return rows


def _count(connection: Any, what: str, tenant: str) -> int:
    row = connection.execute(f"select count(*) from {what}", (tenant,)).fetchone()  # noqa: S608 - our own names
    return row[0]


def _show(pipeline: Pipeline, comparison: list[Row]) -> None:
    tables.query(
        "Counts in the sandbox and in Postgres",
        ("tenant", "entity", "sandbox records", "raw rows", "quarantined records", ""),
        [
            (
                row.tenant,
                row.entity,
                f"{row.held:,}",
                f"{row.loaded:,}",
                row.quarantined_whole,
                "DIFFERS" if row.differs else "equal",
            )
            for row in comparison
        ],
    )
    with postgres.connect(pipeline.database, autocommit=True) as connection:
        counts = connection.execute(
            """
            select 'legacy.invoices_stream', tenant, count(*) from legacy.invoices_stream group by tenant
            union all select 'legacy.members_stream', tenant, count(*) from legacy.members_stream group by tenant
            union all select 'legacy.rejected_rows', tenant, count(*) from legacy.rejected_rows group by tenant
            order by 1, 2
            """
        ).fetchall()
        tables.query("Legacy tables", ("table", "tenant", "rows"), counts)
        for table, columns in SAMPLES.items():
            rows = connection.execute(
                f"select {columns} from legacy.{table} order by tenant, id limit 5"  # pyright: ignore  # noqa: S608
            ).fetchall()
            tables.query(f"legacy.{table}", [name.strip() for name in columns.split(",")], rows)


def _show_addresses(settings: Settings) -> None:
    prefix = f"ST_PIPELINE_HOME={settings.home} .venv/bin/st-pipeline"
    typer.echo(f"Parquet files   {settings.landing}")
    typer.echo(f"psql            {prefix} psql")
    typer.echo(f"Dagster UI      {prefix} up --sandbox    (or make up, which uses your own home instead of the demo's)")
