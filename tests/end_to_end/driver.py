"""One sync in its own process: what ``st-pipeline sync`` does, without the seconds of importing Dagster.

Processes are forked from a server that has only imported everything, so each one starts in milliseconds and can be
killed at any point of its work.
"""

from __future__ import annotations

import multiprocessing
import sys
from dataclasses import replace
from multiprocessing.process import BaseProcess

from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.settings import Settings
from st_pipeline.sync.pipeline import open_pipeline
from st_pipeline.sync.tenant import SyncPlan, sync_tenant

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["tests.end_to_end.driver"])


def start(environment: dict[str, str], tenant: str, *, full: bool = False, file_bytes: int) -> BaseProcess:
    """Start a sync of ``tenant``; the process exits with 0 if all of it completed."""
    process = _processes.Process(target=_sync, args=(environment, tenant, full, file_bytes), daemon=True)
    process.start()
    return process


def _sync(environment: dict[str, str], tenant: str, full: bool, file_bytes: int) -> None:
    pipeline = replace(open_pipeline(Settings.from_environment(environment)), file_bytes=file_bytes)
    outcome = sync_tenant(pipeline, tenant, SyncPlan(ASSET_ENTITIES, ASSET_ENTITIES, full=full))
    for sentence in outcome.failures:
        sys.stderr.write(f"{sentence}\n")
    sys.exit(1 if outcome.failures else 0)
