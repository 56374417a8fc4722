"""Tables on the screen: the results of a sync and the rows of a query. The state of tenants is in status.py."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

from rich.table import Table

from st_pipeline.cli.screen import Screen
from st_pipeline.history.run_results import EntityStatus
from st_pipeline.steps.commands import command_words
from st_pipeline.steps.step import Steps
from st_pipeline.visible import visible

WIDTH = 200  # for a pipe or a log, which have no width


def sync_report(
    tenants: Sequence[tuple[int, str, str | None, str | None, Steps]], entities: Sequence[EntityStatus]
) -> None:
    """The outcome per tenant, and the counts per entity."""
    console = Screen(width=WIDTH)
    table = Table("tenant", "entity", title="Sync", title_justify="left")
    for name in ("fetched", "landed", "loaded", "quarantined", "fields", "deleted", "seconds"):
        table.add_column(name, justify="right")
    table.add_column("outcome")
    for each in entities:
        table.add_row(
            each.tenant,
            each.entity,
            f"{each.fetched:,}",
            f"{each.landed:,}",
            f"{each.loaded:,}",
            f"{each.quarantined_whole:,}",
            f"{each.quarantined_fields:,}",
            f"{each.deleted:,}",
            f"{each.seconds:.1f}",
            _outcome(each.outcome),
        )
    if entities:
        console.print(table)
    for _, tenant, outcome, error, own_steps in tenants:
        console.print(f"{tenant}: {_outcome(outcome)}" + (f" - {visible(error)}" if error else ""))
        of_entities = (each.steps for each in entities if each.tenant == tenant and each.outcome != "succeeded")
        if steps := dict.fromkeys(chain(own_steps, *of_entities)):
            console.print(f"What to do: {command_words(steps, tenant)}")
    for each in entities:
        if each.detail and each.outcome != "failed":
            console.print(visible(each.detail), style="yellow")


def query(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], *, widest: int = 28) -> None:
    """The rows of a query, with long values cut."""
    table = Table(*columns, title=title, title_justify="left", show_lines=False)
    for row in rows:
        table.add_row(*(_cut(value, widest) for value in row))
    Screen(width=WIDTH).print(table)


def _outcome(outcome: str | None) -> str:
    return (outcome or "running or killed").replace("_", " ")


def _cut(value: Any, widest: int) -> str:
    text = "" if value is None else visible(str(value))
    return text if len(text) <= widest else text[: widest - 1] + "…"
