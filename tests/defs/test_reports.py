"""defs/reports.py: the dbt models built through Dagster, with what the UI shows of them."""

from __future__ import annotations

import contextlib
import io

import dagster as dg

from st_pipeline import postgres
from st_pipeline.defs import launch
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.sync.pipeline import Pipeline


def test_the_reports_are_built_with_row_counts_columns_lineage_and_checks(
    instance: dg.DagsterInstance, pipeline: Pipeline
) -> None:
    launch.run_sync(instance, pipeline, ["alpha", "beta"], ASSET_ENTITIES)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        run = launch.run_marts(instance, pipeline)
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
    checks = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    assert len(checks) > 20
    assert all(record.dagster_event.asset_check_evaluation_data.passed for record in checks if record.dagster_event)
    assert not instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_OBSERVATION), (
        "a test that belongs to no one model is shown as an observation: say which it checks, in its config"
    )
