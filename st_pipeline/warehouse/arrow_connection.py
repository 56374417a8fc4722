"""Connections that copy Arrow into Postgres. All others are postgres.py's."""

from __future__ import annotations

from functools import cache
from typing import Any, cast

import adbc_driver_manager as adbc_manager
import adbc_driver_postgresql as adbc_postgresql
from adbc_driver_manager.dbapi import Connection

from st_pipeline.postgres import Database


class _Kept:
    """Stands for a driver's database where a connection would close it with itself."""

    def close(self) -> None:
        """Nothing: others use it."""


def connect(database: Database) -> Connection:
    """An open connection with a transaction of its own.

    Raises:
        adbc_driver_manager.Error: the server cannot be reached or refuses.
    """
    connection = adbc_manager.AdbcConnection(_driver(database.url().reveal()))
    return Connection(cast(Any, _Kept()), connection)


@cache
def _driver(url: str) -> adbc_manager.AdbcDatabase:
    """The driver for one database: making it reads the catalogue of types, which takes longer than a small load.

    The types that are loaded are built in, so that one made before a table was is as good.
    """
    return adbc_postgresql.connect(url)
