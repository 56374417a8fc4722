"""The entry point to all Dagster definitions, for production, tests and the command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from st_pipeline.resources import PipelineResource, ServiceTitanResource, dbt_resource


def build_defs(resources: Mapping[str, Any] | None = None) -> dg.Definitions:
    """Everything in defs/, with the project's resources or with overrides."""
    ours = {"pipeline": PipelineResource(), "servicetitan": ServiceTitanResource(), "dbt": dbt_resource()}
    return dg.Definitions.merge(
        dg.load_from_defs_folder(path_within_project=Path(__file__).parent),
        dg.Definitions(resources={**ours, **(resources or {})}),
    )


@dg.definitions
def defs() -> dg.Definitions:
    """The definitions that webserver, daemon and `dg` load."""
    return build_defs()
