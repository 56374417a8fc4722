"""One sync as a process of its own: what ``st-pipeline sync`` does inside, without the seconds of Dagster's import.

Processes are forked from a server that has imported everything and done nothing, so that one starts in milliseconds
and can be killed at any instant of its work.
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
    """Begin a sync of ``tenant``; the process ends with 0 when all of it came to its end."""
    process = _processes.Process(target=_sync, args=(environment, tenant, full, file_bytes), daemon=True)
    process.start()
    return process


def _sync(environment: dict[str, str], tenant: str, full: bool, file_bytes: int) -> None:
    pipeline = replace(open_pipeline(Settings.from_environment(environment)), file_bytes=file_bytes)
    outcome = sync_tenant(pipeline, tenant, SyncPlan(ASSET_ENTITIES, ASSET_ENTITIES, full=full))
    for sentence in outcome.failures:
        sys.stderr.write(f"{sentence}\n")
    sys.exit(1 if outcome.failures else 0)
