"""A progress bar for each tenant being synced, on standard error; silent without a terminal."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from st_pipeline.cli.screen import Screen
from st_pipeline.sync import pipeline
from st_pipeline.visible import visible


@contextmanager
def sync_progress(entities: int, *, shown: bool = True) -> Iterator[pipeline.Progress]:
    """The function that a pipeline reports its progress to; ``entities`` is the number per tenant."""
    console = Screen(stderr=True)
    if not (shown and console.is_terminal):
        yield lambda tenant, entity, stage, records: None
        return
    lock = threading.Lock()
    tasks: dict[str, tuple[TaskID, dict[str, int]]] = {}
    columns = (
        TextColumn("{task.description}", style="bold", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[said]}", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bars:

        def report(tenant: str, entity: str, stage: str, records: int) -> None:
            with lock:
                if tenant not in tasks:
                    tasks[tenant] = (
                        bars.add_task(visible(tenant), total=entities, said=""),
                        {"fetched": 0, "loaded": 0},
                    )
                task, counts = tasks[tenant]
                if stage == "done":
                    bars.advance(task)
                else:
                    counts[stage] += records
                bars.update(task, said=f"{counts['fetched']:,} fetched, {counts['loaded']:,} loaded")

        yield report
