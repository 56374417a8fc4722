"""The simulated month's history, by tenant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

import psycopg
from psycopg.rows import class_row

from .month_oracle import PAUSES
from .month_tenants import MINUTE


@dataclass(frozen=True)
class Sync:
    """A row of ``control.syncs``."""

    tenant: str
    reason: str
    due_for: datetime | None
    requested_by: str
    is_partial: bool
    run_id: str
    started_at: datetime
    finished_at: datetime
    outcome: str
    error: str | None


def read_syncs(connection: psycopg.Connection[Any]) -> dict[str, list[Sync]]:
    """Every sync of every tenant, in order of their starts."""
    with connection.cursor(row_factory=class_row(Sync)) as cursor:
        rows = cursor.execute(
            """
            select tenant, reason, due_for, requested_by, is_partial, run_id, started_at, finished_at, outcome, error
            from control.syncs order by started_at, id
            """
        ).fetchall()
    found: dict[str, list[Sync]] = {}
    for row in rows:
        found.setdefault(row.tenant, []).append(row)
    return found


def tries(syncs: Sequence[Sync]) -> list[list[Sync]]:
    """By scheduled time: the first attempt and its retries. Syncs that were only requested are left out."""
    found: list[list[Sync]] = []
    for sync in syncs:
        if sync.reason == "request" and sync.due_for is None:
            continue
        if sync.reason == "retry":
            assert found, sync
            found[-1].append(sync)
        else:
            found.append([sync])
    return found


def assert_retried_as_promised(group: Sequence[Sync]) -> None:
    """After 5, 15, 45 and 120 minutes, for the same scheduled time, and only after a failure."""
    assert len(group) <= 1 + len(PAUSES), group
    for (before, after), pause in zip(pairwise(group), PAUSES, strict=False):
        assert before.outcome == "failed", (before, after)
        assert after.due_for == before.due_for, (before, after)
        # The daemon acts every minute, and a sync may wait for another run.
        assert pause <= after.started_at - before.finished_at <= pause + 4 * MINUTE, (before, after)
