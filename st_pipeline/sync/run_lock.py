"""Whether the process of a run lives: it holds an advisory lock of the warehouse, which ends with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import psycopg

from st_pipeline import postgres


@contextmanager
def run_lock(database: postgres.Database, run_id: str) -> Iterator[None]:
    """Hold the run's lock."""
    with postgres.connect(database, application=f"st-pipeline run {run_id}"[:63], autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(hashtextextended('st-pipeline run ' || %s, 0))", (run_id,))
        try:
            yield
        finally:
            # Not left to the end of the connection, which the server sees a moment later.
            with suppress(psycopg.OperationalError):
                connection.execute("select pg_advisory_unlock_all()")


def held_runs(connection: psycopg.Connection, run_ids: Sequence[str]) -> set[str]:
    """Those of the runs whose process holds their lock now."""
    rows = connection.execute(
        """
        select asked.id from unnest(%s::text[]) as asked (id)
        where hashtextextended('st-pipeline run ' || asked.id, 0) in (select key from control.held_locks)
        """,
        (list(run_ids),),
    ).fetchall()
    return {run_id for (run_id,) in rows}
