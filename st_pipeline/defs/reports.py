"""The dbt models as assets grouped by schema (staging, intermediate, legacy, marts), and their tests as checks."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import dagster as dg
import psycopg
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, DbtProject, dbt_assets

from st_pipeline import postgres
from st_pipeline.dbt import manifest, one_build_at_a_time, process_environment
from st_pipeline.postgres import warehouse_name
from st_pipeline.schedule import build_schedule
from st_pipeline.settings import Settings, added_to_environment
from st_pipeline.sync.pipeline import Pipeline
from st_pipeline.sync.run_lock import run_lock
from st_pipeline.warehouse.relations import describe

BUILT_DAILY = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=36), warn_window=timedelta(hours=26))
"""For tables that others read. They are built at least once a day, even when nothing new was loaded."""


class Translator(DagsterDbtTranslator):
    """Keys are schema and name, for example ``legacy/invoices_stream``. The group is the schema."""

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        """The spec for a model. A source keeps the key of its raw asset."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        node = manifest["nodes"].get(unique_id)
        if node is None:
            return spec
        spec = spec.replace_attributes(key=dg.AssetKey([node["schema"], node["name"]]), group_name=node["schema"])
        return dg.apply_freshness_policy(spec, BUILT_DAILY) if node["schema"] in ("legacy", "marts") else spec


@dbt_assets(
    manifest=manifest(warehouse_name(Settings.from_environment())),
    dagster_dbt_translator=Translator(),
    name="reports",
)
def reports(
    context: dg.AssetExecutionContext, dbt: DbtCliResource, pipeline: dg.ResourceParam[Pipeline]
) -> Iterator[Any]:
    """Build the selected models and run their tests in one dbt process."""
    run_id = context.run.run_id
    is_whole = context.op_execution_context.selected_asset_keys >= {*reports.keys}
    with ExitStack() as stack:
        stack.enter_context(run_lock(pipeline.database, run_id))
        stack.enter_context(one_build_at_a_time(pipeline.database))
        if is_whole:
            stack.enter_context(build_schedule.record_built(pipeline.database, run_id, pipeline.clock))
        # Unit tests verify the models, not the data; the test suite runs them.
        # Builds run one at a time, so they share one folder: dbt parses only what changed, and nothing piles up.
        target = pipeline.settings.home / "dbt"
        target.mkdir(parents=True, exist_ok=True)
        connection = stack.enter_context(
            postgres.connect(pipeline.database, application="st-pipeline reports", autocommit=True)
        )
        with added_to_environment(process_environment(pipeline.database)):
            build = dbt.cli(["build", "--exclude-resource-type", "unit_test"], context=context, target_path=target)
        for event in build.stream():
            yield _described(event, connection, build.manifest["nodes"]) if isinstance(event, dg.Output) else event


def _described(
    event: dg.Output[Any], connection: psycopg.Connection[Any], nodes: Mapping[str, Mapping[str, Any]]
) -> dg.Output[Any]:
    """A model's event with its columns added, and its row count if it is a table.

    dagster-dbt's way of fetching these busy-waits for dbt and parses every model's SQL again, which takes a quarter of
    a build's CPU time.
    """
    node = nodes[str(event.metadata["unique_id"].value)]
    found = describe(connection, node["schema"], node["alias"])
    if found is None:
        return event
    said = {name: column.get("description") for name, column in node["columns"].items()}
    columns = [dg.TableColumn(each.name, each.type, said.get(each.name)) for each in found.columns]
    rows = {} if found.rows is None else {"dagster/row_count": found.rows}
    return event.with_metadata({**event.metadata, "dagster/column_schema": dg.TableSchema(columns), **rows})
