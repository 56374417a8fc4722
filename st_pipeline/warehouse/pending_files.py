"""The landed files that are not in raw yet, and those of them that can no longer be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
import pyarrow as pa
from psycopg.rows import class_row

from st_pipeline.landing.rows import BATCH_ROWS, open_rows
from st_pipeline.landing.typer import fingerprint
from st_pipeline.landing.zone import LandingZone
from st_pipeline.servicetitan.catalogue.model import Endpoint
from st_pipeline.steps.advised_error import AdvisedError, problem_of
from st_pipeline.steps.step import Do, Step


@dataclass(frozen=True, slots=True)
class PendingFile:
    """A landed file that isn't in raw yet, or was typed with an older catalog."""

    id: int
    path: str
    first_row: int
    records: int
    fingerprint: str
    is_compacted: bool
    landed_at: datetime
    is_loaded: bool


class FilesUnreadable(AdvisedError):
    """Landed files are lost or damaged. Everything else was loaded; a full refresh makes up for them."""

    def __init__(self, tenant: str, entity: str, files: Sequence[tuple[PendingFile, str]]) -> None:
        told = "; ".join(
            f"{file.path} ({file.records} records that landed {file.landed_at:%Y-%m-%d %H:%M} UTC, "
            f"{'loaded before' if file.is_loaded else 'not loaded'}): {reason}"
            for file, reason in files[:3]
        )
        more = f"; and {len(files) - 3} more" if len(files) > 3 else ""
        count = "1 landed file" if len(files) == 1 else f"{len(files)} landed files"
        problem = f"{count} cannot be read: {told}{more}. All other files were loaded"
        super().__init__(problem, Step(Do.FULL_REFRESH, entity), tenant=tenant)


def pending(connection: psycopg.Connection, tenant: str, endpoint: Endpoint) -> list[PendingFile]:
    """The files to load, oldest first."""
    with connection.cursor(row_factory=class_row(PendingFile)) as cursor:
        return cursor.execute(
            """
            select id, path, first_row, records, fingerprint, compacted_at is not null as is_compacted, landed_at,
                loaded_at is not null as is_loaded
            from control.landed_files
            where tenant = %s and entity = %s and loaded_fingerprint is distinct from %s and expired_at is null
            order by id
            """,
            (tenant, endpoint.entity, fingerprint(endpoint)),
        ).fetchall()


def find_damage(zone: LandingZone, file: PendingFile) -> str | None:
    """Why the file cannot be read, or None if all its rows can."""
    try:
        with open_rows(zone, file.path, file.first_row, file.records if file.is_compacted else None) as rows:
            found = sum(batch.num_rows for batch in rows.batches(rows.parquet.schema_arrow.names, BATCH_ROWS))
    except FileNotFoundError:
        return "it is not in the landing zone"
    except (OSError, pa.ArrowException) as error:
        return f"it is damaged ({problem_of(error)})"
    return None if found == file.records else f"it should have {file.records} rows and has {found}"


def give_up_replaced(connection: psycopg.Connection, tenant: str, entity: str, ids: Sequence[int]) -> set[int]:
    """Mark as expired those of the unreadable files ``ids`` that a complete full refresh replaced since; returns them.

    A full refresh replaces what landed before it began: every record that still exists came again.
    """
    rows = connection.execute(
        """
        update control.landed_files lost set expired_at = clock_timestamp()
        where lost.id = any(%(ids)s) and exists (
            select from control.landed_files f
            where f.tenant = %(tenant)s and f.entity = %(entity)s and f.id > lost.id and f.batch <> lost.batch
              and f.n = 0 and f.cursor_from is null and f.loaded_at is not null
              and not exists (
                select from control.cursors c
                where c.tenant = f.tenant and c.entity = f.entity and c.batch = f.batch and not c.is_complete
              )
        )
        returning lost.id
        """,
        {"tenant": tenant, "entity": entity, "ids": list(ids)},
    )
    return {id_ for (id_,) in rows}
