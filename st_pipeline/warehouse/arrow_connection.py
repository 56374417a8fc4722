"""Connections that copy Arrow data into Postgres. All other connections come from postgres.py."""

from __future__ import annotations

from functools import cache
from typing import Any, cast

import adbc_driver_manager as adbc_manager
import adbc_driver_postgresql as adbc_postgresql
from adbc_driver_manager.dbapi import Connection, Cursor

from st_pipeline.landing.hold import STILL_OURS, Hold
from st_pipeline.postgres import Database


class _Kept:
    """Stands in for a driver's database, so that a closing connection doesn't close the shared one."""

    def close(self) -> None:
        """Do nothing: other connections use the database."""


def connect(database: Database) -> Connection:
    """An open connection with its own transaction.

    Raises:
        adbc_driver_manager.Error: the server can't be reached or refuses the connection.
    """
    connection = adbc_manager.AdbcConnection(_driver(database.for_session("st-pipeline load").url().reveal()))
    return Connection(cast(Any, _Kept()), connection)


def check(cursor: Cursor, hold: Hold | None) -> None:
    """Call this last in a transaction that relies on ``hold``. Raises LockLost."""
    if hold:
        cursor.execute(STILL_OURS, (hold.tenant, hold.number))
        hold.require(cursor.fetchone())


@cache
def _driver(url: str) -> adbc_manager.AdbcDatabase:
    """The driver for one database. Creating it reads the catalog of types, which takes longer than a small load.

    Loads use only built-in types, so a driver created before a table works for that table too.
    """
    return adbc_postgresql.connect(url)
