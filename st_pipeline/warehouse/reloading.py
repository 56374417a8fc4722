"""Whether an entity can be reloaded from its landed files: not if some expired and no later full read replaces them."""

from __future__ import annotations

import psycopg

from st_pipeline.steps.advised_error import AdvisedError
from st_pipeline.steps.step import Do, Step


class ReloadRefused(AdvisedError):
    """Files that a reload needs were removed by age. The message says how to read everything again."""


def refuse_partial_reload(connection: psycopg.Connection, tenant: str, entity: str) -> None:
    """Do nothing if the remaining landed files have every record of the entity; otherwise raise.

    They do if no file has expired, or if a complete read from the beginning landed after all expired files and is still
    there.

    Raises:
        ReloadRefused: a reload would silently leave out records.
    """
    row = connection.execute(
        """
        with files as (select * from control.landed_files where tenant = %(tenant)s and entity = %(entity)s),
        lost as (select count(*) as files, max(id) as last, max(landed_at) as landed_at from files
            where expired_at is not null)
        select lost.files, lost.landed_at
        from lost
        where lost.files > 0 and not exists (
            -- Any batch from the beginning except the current one is complete, or it would have been continued.
            select from files f
            where f.n = 0 and f.cursor_from is null and f.id > lost.last
              and not exists (
                select from control.cursors c
                where c.tenant = f.tenant and c.entity = f.entity and c.batch = f.batch and not c.is_complete
              )
        )
        """,
        {"tenant": tenant, "entity": entity},
    ).fetchone()
    if row:
        count, landed_at = row
        files = f"{count} landed file{' was' if count == 1 else 's were'}"
        raise ReloadRefused(
            f"{tenant} {entity}: {files} removed by age (the newest landed {landed_at:%Y-%m-%d}), so a reload would "
            "be incomplete",
            Step(Do.FULL_REFRESH, entity),
            tenant=tenant,
        )
