"""A server of the tests that need not outlive the machine: what is committed is not waited for on the disk.

Killed processes, ours and the server's own, lose nothing by it; only a power cut would. Nothing is vacuumed in passing
either: with a database for each module, its rounds never end.
"""

from __future__ import annotations

from st_pipeline import postgres
from st_pipeline.postgres import Database


def hurry(database: Database) -> None:
    """For the whole server that ``database`` is on."""
    with postgres.connect(database, autocommit=True) as connection:
        for setting in ("fsync", "full_page_writes", "synchronous_commit", "autovacuum"):
            connection.execute(f"alter system set {setting} = off")  # pyright: ignore[reportArgumentType]
        connection.execute("select pg_reload_conf()")
