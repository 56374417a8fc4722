"""The two jobs: a tenant's sync (partitioned only) and the build of reports (unpartitioned only), never mixed.

The data's own checks are in neither: they look at all tenants at once, in a job of their own (checks.py).
In process: a step of a few seconds is not worth the start of a process of its own.
"""

import dagster as dg

from st_pipeline.defs.checks import data
from st_pipeline.defs.reports import reports
from st_pipeline.defs.sync import sync

sync_tenant = dg.define_asset_job(
    "sync_tenant",
    selection=dg.AssetSelection.assets(sync).without_checks(),
    executor_def=dg.in_process_executor,
    description="Bring tenants up to date: landing and raw, for one partition or a range of them.",
)

build_marts = dg.define_asset_job(
    "build_marts",
    selection=dg.AssetSelection.assets(reports) - dg.AssetSelection.checks(data),
    executor_def=dg.in_process_executor,
    tags={"st_pipeline/marts": "build"},
    description="Rebuild the reports of the tenants whose data changed, and check them.",
)
