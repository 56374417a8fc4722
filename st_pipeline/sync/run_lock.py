"""Whether a run's process is alive: it holds an advisory lock in the warehouse, which is released when it ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import psycopg

from st_pipeline import postgres
from st_pipeline.locks import run_name


@contextmanager
def run_lock(database: postgres.Database, run_id: str) -> Iterator[None]:
    """Hold the run's lock. A command holds it around its run, and so does the run's step: it is shared."""
    with postgres.connect(database, application=f"st-pipeline run {run_id}"[:63], autocommit=True) as connection:
        connection.execute("select pg_advisory_lock_shared(hashtextextended(%s, 0))", (run_name(run_id),))
        try:
            yield
        finally:
            # Don't leave this to closing the connection, which the server notices a moment later.
            with suppress(psycopg.OperationalError):
                connection.execute("select pg_advisory_unlock_all()")


def held_runs(connection: psycopg.Connection, run_ids: Sequence[str]) -> set[str]:
    """The runs whose process currently holds their lock."""
    rows = connection.execute(
        """
        select asked.id from unnest(%s::text[], %s::text[]) as asked (id, name)
        where hashtextextended(asked.name, 0) in (select key from control.held_locks)
        """,
        (list(run_ids), [run_name(run_id) for run_id in run_ids]),
    ).fetchall()
    return {run_id for (run_id,) in rows}
