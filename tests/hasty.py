"""Settings for test servers that need not survive a power cut: commits do not wait for the disk.

Killed processes, ours or the server's own, lose nothing; only a power cut would. Autovacuum's rounds through the
databases of all modules are also postponed.
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
    """Apply them to the server of ``database``."""
    with postgres.connect(database, autocommit=True) as connection:
        for setting, value in SETTINGS.items():
            connection.execute(sql.SQL("alter system set {} = {}").format(sql.Identifier(setting), value))
        connection.execute("select pg_reload_conf()")
