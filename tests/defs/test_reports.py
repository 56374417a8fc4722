"""defs/reports.py: the dbt models built through Dagster, and what the UI shows about them."""

from __future__ import annotations

import contextlib
import io
from datetime import timedelta

import dagster as dg
import psycopg
import pytest

from st_pipeline import postgres
from st_pipeline.definitions import build_defs
from st_pipeline.defs import local_runs
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.sync.pipeline import Pipeline

from .conftest import definitions

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def test_the_reports_are_built_with_row_counts_columns_and_checks(
    instance: dg.DagsterInstance, pipeline: Pipeline
) -> None:
    local_runs.run_sync(instance, pipeline, ["alpha", "beta"], ASSET_ENTITIES)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        run = local_runs.run_marts(instance, pipeline)
    assert run.succeeded, said.getvalue()[-3000:]
    event = instance.get_latest_materialization_event(dg.AssetKey(["legacy", "invoices_stream"]))
    assert event
    assert event.asset_materialization
    metadata = event.asset_materialization.metadata
    with postgres.connect(pipeline.database) as connection:
        rows = connection.execute("select count(*) from legacy.invoices_stream").fetchone()
    assert rows
    assert rows[0] > 0
    assert metadata["dagster/row_count"].value == rows[0]
    schema = metadata["dagster/column_schema"].value
    assert [column.name for column in schema.columns][:6] == [  # type: ignore[union-attr]
        "id",
        "created_at",
        "tenant",
        "trade",
        "software",
        "invoice_number",
    ]
    described = {column.name: (column.type, column.description) for column in schema.columns}  # type: ignore[union-attr]
    assert described["total"][0] == "double precision"
    assert described["total"][1]
    view = instance.get_latest_materialization_event(dg.AssetKey(["staging", "stg_accounting_invoices"]))
    assert view
    assert view.asset_materialization
    assert "dagster/column_schema" in view.asset_materialization.metadata
    assert "dagster/row_count" not in view.asset_materialization.metadata, "a view would have to be computed"
    checks = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    assert len(checks) > 20
    assert all(record.dagster_event.asset_check_evaluation_data.passed for record in checks if record.dagster_event)
    assert not instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_OBSERVATION), (
        "a test that belongs to no one model is shown as an observation: say which it checks, in its config"
    )
    # A build of only some models, as the UI allows, does not count as a report build.
    defs = build_defs({"pipeline": dg.ResourceDefinition.hardcoded_resource(pipeline)})
    with contextlib.redirect_stdout(io.StringIO()):
        part = defs.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance, asset_selection=[dg.AssetKey(["staging", "stg_jpm_job_types"])], run_config=QUIET
        )
    assert part.success
    with postgres.connect(pipeline.database) as connection:
        builds = connection.execute("select run_id, outcome from control.builds").fetchall()
    assert builds == [(run.run_id, "succeeded")]


def totals(pipeline: Pipeline) -> dg.AssetCheckEvaluation:
    """The result of the invoice totals check for the current tables."""
    job = definitions().resolve_job_def("check_data")
    result = job.execute_in_process(run_config=QUIET, resources={"pipeline": pipeline})
    (found,) = [one for one in result.get_asset_check_evaluations() if one.check_name == "totals_arrive"]
    return found


def settle(connection: psycopg.Connection, changed: bool = False) -> None:
    """Change another tenant's rows, or restore them to their state when the reports were built."""
    connection.execute(
        "update control.raw_loads set changed_at = changed_at + %s * interval '1 s' where tenant = 'beta'",
        (1 if changed else -1,),
    )


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("legacy.invoices_stream", "update {table} set total = total + 0.01"),
        ("raw.accounting_invoices", "update {table} set total = total + 0.0001"),
    ],
)
def test_a_missing_cent_fails_the_check_which_names_the_tenant(
    instance: dg.DagsterInstance, pipeline: Pipeline, table: str, change: str
) -> None:
    def run(statement: str) -> int:
        return connection.execute(statement.format(table=table).encode()).rowcount

    with postgres.connect(pipeline.database, autocommit=True) as connection:
        found = totals(pipeline)
        assert found.passed
        assert found.metadata["companies_compared"].value == 2
        run("create table kept as select * from {table}")
        own = "coalesce(active, true) and _deleted_at is null and" if table.startswith("raw") else ""
        # Without a company code, the legacy tables use the key.
        one = f"select ctid from {{table}} where {own} tenant = 'alpha' and total is not null limit 1"
        try:
            assert run(f"{change} where ctid = ({one})") == 1
            found = totals(pipeline)
            settle(connection, changed=True)
            unsettled = totals(pipeline)
        finally:
            settle(connection)
            run("truncate {table}")
            run("insert into {table} select * from kept")
            run("drop table kept")
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert found.metadata["tenants"].value == "alpha"
    assert unsettled.metadata["companies_compared"].value == 1, "changes for the next build are not compared"


def test_a_row_that_the_consumer_took_is_not_missed_and_one_that_never_came_is(
    instance: dg.DagsterInstance, pipeline: Pipeline
) -> None:
    with postgres.connect(pipeline.database, autocommit=True) as connection:
        taken = connection.execute(
            "delete from legacy.invoices_stream where id = (select min(id) from legacy.invoices_stream) returning *"
        ).fetchone()
        assert taken
        try:
            assert totals(pipeline).passed
            listed = connection.execute("delete from intermediate.built_rows where id = %s returning *", (taken[0],))
            row = listed.fetchone()
            assert row
            assert not totals(pipeline).passed
            connection.execute("insert into intermediate.built_rows values (%s, %s, %s)", row)
        finally:
            marks = ", ".join(["%s"] * len(taken))
            connection.execute(f"insert into legacy.invoices_stream values ({marks})".encode(), taken)
        assert totals(pipeline).passed


def test_tables_for_others_are_stale_after_a_day_and_a_half_and_no_others_have_a_policy() -> None:
    graph = definitions().get_repository_def().asset_graph
    for key in graph.materializable_asset_keys:
        policy = graph.get(key).freshness_policy
        if key.path[0] in ("legacy", "marts"):
            assert policy == dg.FreshnessPolicy.time_window(timedelta(hours=36), timedelta(hours=26))
        else:
            assert policy is None
