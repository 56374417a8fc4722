"""``st-pipeline usage``: how many API calls were made, and for what. history/api_usage.py computes the figures."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from st_pipeline import postgres
from st_pipeline.cli import output
from st_pipeline.cli.screen import Screen
from st_pipeline.history.api_usage import Part, Usage, read_usage
from st_pipeline.settings import Settings
from st_pipeline.tenants import tenant_table

WIDTH = 160  # for a pipe or a log, which have no width
PARTS = [Part.DAY, Part.APP, Part.TENANT]


def usage(
    tenant: Annotated[str | None, typer.Argument(metavar="[KEY]", help="Tenant key; all tenants by default.")] = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help="Number of days, including today, in UTC.")] = 7,
    by: Annotated[list[Part] | None, typer.Option(help="What to group by; repeat for more.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show API calls by day, app and tenant, or by endpoint: calls, failures, 429 responses, retries and latency.

    A sync that runs past midnight counts toward the day it started.
    """
    parts = [part for part in Part if part in (by or PARTS)]
    today = datetime.now(UTC).date()
    database = postgres.prepare(Settings.from_environment())
    with postgres.connect(database, application="st-pipeline usage", autocommit=True) as connection:
        rows = read_usage(connection, today - timedelta(days=days - 1), today, tenant=tenant, by=parts)
        if tenant and not rows:
            tenant_table.read(connection, tenant)  # a removed tenant may have calls; an unknown key is an error
    if as_json:
        output.json_([as_plain(row) for row in rows])
        return
    show(Screen(width=WIDTH), rows, parts)


def as_plain(row: Usage) -> dict[str, Any]:
    """As JSON: seconds as numbers; null for what is not grouped by."""
    facts = asdict(row)
    del facts["buckets"]
    return facts | {
        "day": row.day.isoformat() if row.day else None,
        "average_latency": row.average,
        "p50_latency": row.latency(0.5),
        "p95_latency": row.latency(0.95),
        "p99_latency": row.latency(0.99),
    }


def show(console: Screen, rows: list[Usage], parts: list[Part]) -> None:
    """For people, one line per row; 1 MB is a million bytes."""
    if not rows:
        console.print("No API calls.")
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for part in parts:
        table.add_column(part.value, overflow="fold")
    for name in ("calls", "failed", "429", "retries", "MB", "average", "95%", "slowest"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            *(str(getattr(row, part)) for part in parts),
            f"{row.calls:,}",
            f"{row.failed:,}",
            f"{row.refused:,}",
            f"{row.retries:,}",
            f"{row.bytes / 1e6:,.1f}",
            f"{row.average:.2f} s",
            f"{row.latency(0.95):.2f} s",
            f"{row.slowest:.2f} s",
        )
    console.print(table)
