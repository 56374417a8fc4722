"""The assets ``landing/<entity>`` and ``raw/<entity>``: one step that syncs tenants.

They are one step so that each entity is loaded as soon as it has landed, and so that a failed tenant or entity doesn't
keep the others from loading. The sync itself is in sync/.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import dagster as dg

from st_pipeline.defs.partitions import tenants
from st_pipeline.failures import sync_failure
from st_pipeline.history.recorder import Cause
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.servicetitan.catalogue.lookup import endpoint
from st_pipeline.servicetitan.catalogue.model import Endpoint
from st_pipeline.sync.outcome import EntityOutcome, Outcome, TenantOutcome
from st_pipeline.sync.pipeline import Pipeline
from st_pipeline.sync.plan import SyncPlan
from st_pipeline.sync.run_lock import run_lock
from st_pipeline.sync.tenant import sync_tenant
from st_pipeline.visible import visible
from st_pipeline.warehouse.schema import COMMENTS, columns

TENANTS_AT_ONCE = 3


class SyncConfig(dg.Config):
    """``full`` reads everything again and marks deleted records. ``reload`` loads all landed files again.

    ``if_due`` syncs a tenant only if a sync was requested or is due when the run reaches it. ``requested_by`` is for
    the history.
    """

    full: bool = False
    reload: bool = False
    if_due: bool = False
    requested_by: str = "Dagster"


def _landing_spec(endpoint: Endpoint) -> dg.AssetSpec:
    return dg.AssetSpec(
        ["landing", endpoint.entity],
        description=f"{endpoint.operation}\n\nTyped Parquet files per tenant, with every record as the API sent it.",
        group_name="landing",
        kinds={"api", "parquet"},
        metadata={"scope": endpoint.scope, "endpoint": endpoint.path, "reads": endpoint.kind.value},
        skippable=True,
    )


def _raw_spec(endpoint: Endpoint) -> dg.AssetSpec:
    schema = dg.TableSchema(
        columns=[
            dg.TableColumn(name, type_, description=_description(endpoint, name)) for name, type_ in columns(endpoint)
        ]
    )
    return dg.AssetSpec(
        ["raw", endpoint.entity],
        deps=[dg.AssetKey(["landing", endpoint.entity])],
        description=f"`raw.{endpoint.entity}`: the latest version of every {endpoint.entity} record for every tenant.",
        group_name="raw",
        kinds={"postgres"},
        metadata={"dagster/table_name": f"warehouse.raw.{endpoint.entity}", "dagster/column_schema": schema},
        skippable=True,
    )


def _description(endpoint: Endpoint, column: str) -> str | None:
    fields = {field.column: field.description for field in endpoint.fields}
    return COMMENTS.get(column) or fields.get(column) or None


@dg.multi_asset(
    name="sync",
    specs=[spec(endpoint(entity)) for spec in (_landing_spec, _raw_spec) for entity in ASSET_ENTITIES],
    partitions_def=tenants,
    can_subset=True,
    pool="servicetitan_api",
)
def sync(
    context: dg.AssetExecutionContext, config: SyncConfig, pipeline: dg.ResourceParam[Pipeline]
) -> Iterator[dg.MaterializeResult]:
    """Sync the run's tenants for the selected entities."""
    land, load = _selected(context, "landing"), _selected(context, "raw")
    request = SyncPlan(
        land=land,
        load=load,
        full=config.full,
        reload=config.reload,
        run_id=context.run.run_id,
        is_partial=config.reload or {*land} != {*ASSET_ENTITIES} or {*load} != {*ASSET_ENTITIES},
        if_due=config.if_due,
        cause=Cause(requested_by=config.requested_by),
    )
    keys = list(context.partition_keys)
    with run_lock(pipeline.database, context.run.run_id), ThreadPoolExecutor(TENANTS_AT_ONCE, "tenant") as pool:
        outcomes = list(pool.map(lambda key: sync_tenant(pipeline, key, request), keys))
        yield from _report(context, request, outcomes)
    if any(outcome.failures for outcome in outcomes):
        with pipeline.registry() as registry:
            registered = {tenant.key for tenant in registry.list()}
        raise sync_failure(outcomes, [key for key in keys if key not in registered])


def _selected(context: dg.AssetExecutionContext, layer: str) -> list[str]:
    return [entity for entity in ASSET_ENTITIES if dg.AssetKey([layer, entity]) in context.selected_asset_keys]


def _report(
    context: dg.AssetExecutionContext, request: SyncPlan, outcomes: Sequence[TenantOutcome]
) -> Iterator[dg.MaterializeResult]:
    """Report a materialization for each tenant and asset that succeeded.

    An asset that succeeded for all tenants is yielded as a result. Otherwise it is logged only for the tenants that
    succeeded, because a result would cover all of them.
    """
    for layer, entities in (("landing", request.land), ("raw", request.load)):
        for entity in entities:
            key = dg.AssetKey([layer, entity])
            done = {
                outcome.tenant: _metadata(layer, outcome.entities[entity])
                for outcome in outcomes
                if entity in outcome.entities and outcome.entities[entity].outcome is Outcome.SUCCEEDED
            }
            if len(done) == len(outcomes):
                for tenant, metadata in done.items():
                    context.add_asset_metadata(metadata, asset_key=key, partition_key=tenant)
                yield dg.MaterializeResult(asset_key=key)
            else:
                for tenant, metadata in done.items():
                    context.log_event(dg.AssetMaterialization(key, partition=tenant, metadata=metadata))
    for outcome in outcomes:
        for entity in outcome.entities.values():
            if entity.outcome is Outcome.NOT_GRANTED:
                context.log.warning(visible(entity.error or ""))


def _metadata(layer: str, outcome: EntityOutcome) -> dict[str, Any]:
    if layer == "raw":
        return {
            "dagster/partition_row_count": outcome.rows_in_raw,
            "rows_loaded": outcome.loaded.rows,
            "files_loaded": outcome.loaded.files,
            "quarantined_whole": outcome.loaded.quarantined_whole,
            "marked_deleted": outcome.judged.marked if outcome.judged else 0,
            "seconds": outcome.seconds,
        }
    landed = outcome.landed
    assert landed, "a successful landing must have a result"
    return {
        # The partition's own row count is raw's: a quiet sync lands nothing and loses nothing.
        "records_landed_in_this_sync": landed.records,
        "files": landed.files,
        "bytes": landed.bytes,
        "pages": landed.pages,
        "quarantined_whole": landed.quarantined_whole,
        "quarantine_notes": landed.notes,
        "cursor": visible(landed.cursor or ""),
        "new_fields": sorted(map(visible, landed.new_fields)),
        "missing_fields": sorted(map(visible, landed.missing_fields)),
        "seconds": outcome.seconds,
    }
