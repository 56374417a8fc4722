"""The entry point to all Dagster definitions, for production, tests and the command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from st_pipeline import log_lines, private_home
from st_pipeline.resources import PipelineResource, ServiceTitanResource, dbt_resource, no_outputs


def build_defs(resources: Mapping[str, Any] | None = None) -> dg.Definitions:
    """Everything in defs/, with the project's resources or with overrides."""
    ours = {
        "pipeline": PipelineResource(),
        "servicetitan": ServiceTitanResource(),
        "dbt": dbt_resource(),
        "io_manager": no_outputs,
    }
    return dg.Definitions.merge(
        dg.load_from_defs_folder(path_within_project=Path(__file__).parent),
        # The default executor starts processes, which each run could tell to import a module.
        dg.Definitions(resources={**ours, **(resources or {})}, executor=dg.in_process_executor),
    )


@dg.definitions
def defs() -> dg.Definitions:
    """The definitions that webserver, daemon, runs and `dg` load. Not all of them are started by our command line."""
    private_home.keep_new_files_private()
    log_lines.make_visible()
    return build_defs()
