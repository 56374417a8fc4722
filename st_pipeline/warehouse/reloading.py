"""May an entity be loaded again from its landed files? Not when some expired and nothing later makes up for them."""

from __future__ import annotations

import psycopg


class ReloadRefused(Exception):
    """Files that a reload needs were removed by their age; the message says how to read everything again."""


def refuse_partial_reload(connection: psycopg.Connection, tenant: str, entity: str) -> None:
    """Nothing, when the landed files that are left have every record of the entity.

    They have when none expired, or when a reading from the beginning to the end came after all that did and is still
    there itself.

    Raises:
        ReloadRefused: a reload would bring back only a part, and say nothing of the rest.
    """
    row = connection.execute(
        """
        with files as (select * from control.landed_files where tenant = %(tenant)s and entity = %(entity)s),
        lost as (select count(*) as files, max(id) as last, max(landed_at) as landed_at from files
            where expired_at is not null)
        select lost.files, lost.landed_at
        from lost
        where lost.files > 0 and not exists (
            -- A batch from the beginning that is not the one at hand was ended, as it would have been continued.
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
            f"be incomplete; to read everything again, run st-pipeline sync {tenant} --entity {entity} --full"
        )
