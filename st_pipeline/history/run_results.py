"""What the syncs of some runs did, for the process that started them. overview.py has the state of every tenant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import kwargs_row

from st_pipeline.steps.step import Steps, from_plain


@dataclass(frozen=True, slots=True)
class EntityStatus:
    """One entity of one tenant after its last sync. Counts are of that sync's records."""

    tenant: str
    entity: str
    outcome: str
    fetched: int
    landed: int
    loaded: int
    quarantined_whole: int
    quarantined_fields: int
    deleted: int
    seconds: float
    api_total: int | None
    detail: str | None
    steps: Steps
    """What to do about ``detail``."""


def read_entities(connection: psycopg.Connection, sync_ids: list[int]) -> list[EntityStatus]:
    """What these syncs did, entity by entity."""
    with connection.cursor(row_factory=kwargs_row(_status)) as cursor:
        return cursor.execute(
            """
            select s.tenant, e.entity, e.outcome, e.fetched, e.landed, e.loaded, e.quarantined_whole,
                e.quarantined_fields, e.deleted, e.seconds, e.api_total, e.detail, e.steps
            from control.sync_entities e join control.syncs s on s.id = e.sync_id
            where s.id = any(%s)
            order by s.tenant, e.entity
            """,
            (sync_ids,),
        ).fetchall()


def find_syncs_of_runs(
    connection: psycopg.Connection, run_ids: list[str]
) -> list[tuple[int, str, str | None, str | None, Steps]]:
    """(sync id, tenant, outcome, error, steps) of the last sync of each tenant in these runs, by tenant."""
    rows = connection.execute(
        """
        select distinct on (tenant) id, tenant, outcome, error, steps
        from control.syncs where run_id = any(%s) order by tenant, id desc
        """,
        (run_ids,),
    ).fetchall()
    return [(*row[:4], from_plain(row[4])) for row in rows]


def _status(*, steps: Any, **columns: Any) -> EntityStatus:
    return EntityStatus(steps=from_plain(steps), **columns)
