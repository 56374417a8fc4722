"""The two jobs: a tenant's sync (partitioned only) and the report build (unpartitioned only), never mixed.

The data checks are in neither: they cover all tenants at once, in a separate job (checks.py).
Jobs run in process because starting a process isn't worth it for a step of a few seconds.
"""

import dagster as dg

from st_pipeline.defs.checks import data
from st_pipeline.defs.reports import reports
from st_pipeline.defs.sync import sync

sync_tenant = dg.define_asset_job(
    "sync_tenant",
    selection=dg.AssetSelection.assets(sync).without_checks(),
    executor_def=dg.in_process_executor,
    description="Sync tenants: land and load new data, for one partition or a range of partitions.",
)

build_marts = dg.define_asset_job(
    "build_marts",
    selection=dg.AssetSelection.assets(reports) - dg.AssetSelection.checks(data),
    executor_def=dg.in_process_executor,
    tags={"st_pipeline/marts": "build"},
    description="Rebuild and test the reports for tenants whose data changed.",
)
