"""A server of the tests that need not outlive the machine: what is committed is not waited for on the disk.

Killed processes, ours and the server's own, lose nothing by it; only a power cut would. Autovacuum's rounds
through the databases of all modules are put off as well.
"""

from __future__ import annotations

from psycopg import sql

from st_pipeline import postgres
from st_pipeline.postgres import Database

SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum_naptime": "1h",
}


def hurry(database: Database) -> None:
    """For the whole server that ``database`` is on."""
    with postgres.connect(database, autocommit=True) as connection:
        for setting, value in SETTINGS.items():
            connection.execute(sql.SQL("alter system set {} = {}").format(sql.Identifier(setting), value))
        connection.execute("select pg_reload_conf()")
