"""``st-pipeline upkeep``: run the nightly maintenance now."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from st_pipeline.cli import output
from st_pipeline.cli.screen import Screen
from st_pipeline.settings import Settings
from st_pipeline.sync.pipeline import open_pipeline


def upkeep(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Run the nightly maintenance now: compact and expire landed files, delete old runs, roll up history, vacuum.

    Exit status 1 if a step fails.
    """
    pipeline = open_pipeline(Settings.from_environment())
    from st_pipeline.defs import local_runs
    from st_pipeline.defs import upkeep as job

    with Screen(stderr=True).status("running upkeep"):
        steps = job.run_upkeep(local_runs.open_instance(pipeline.settings), pipeline)
    if as_json:
        output.json_([asdict(step) for step in steps])
    else:
        console = Screen()
        for step in steps:
            state, style = ("failed  ", "red") if step.error else ("done    ", "green")
            console.print(state, style=style, end="")
            facts = ", ".join(f"{name} {_shown(value)}" for name, value in step.metadata.items())
            said = ": ".join(filter(None, (step.step, step.error, facts)))
            console.print(said, soft_wrap=True)
    if any(step.error for step in steps):
        raise typer.Exit(1)


def _shown(value: object) -> str:
    if isinstance(value, list):
        return "; ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)
