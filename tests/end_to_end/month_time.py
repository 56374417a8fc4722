"""The simulated month's time: a clock that jumps, and the columns that the database stamps with its own clock."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import LiteralString

import psycopg
from psycopg import sql

from .month_tenants import MINUTE, START

# Columns that Postgres stamps with its own clock, which cannot be set; the first two with every load.
STAMPED: tuple[tuple[str, LiteralString, str], ...] = (
    ("raw_loads", "insert or update of changed_at", "changed_at"),
    ("landed_files", "update of loaded_at", "loaded_at"),
    ("tenants", "insert", "created_at"),
    ("tenants", "insert", "status_since"),
    ("credentials", "insert", "created_at"),
)


class Clock:
    """A clock that runs at normal speed, and can jump."""

    def __init__(self, at: datetime) -> None:
        self._at, self._since = at, time.monotonic()

    def __call__(self) -> datetime:
        return self._at + timedelta(seconds=time.monotonic() - self._since)

    def jump(self, at: datetime) -> None:
        assert at >= self._at
        self._at, self._since = at, time.monotonic()


def minute_after(at: datetime) -> datetime:
    """``at`` itself if it is a whole minute, else the next one."""
    whole = at.replace(second=0, microsecond=0)
    return whole if whole == at else whole + MINUTE


def stamp(connection: psycopg.Connection) -> None:
    """Make the database stamp with the month's time."""
    connection.execute("create table public.simulated as select %s::timestamptz as now", (START,))
    for table, event, column in STAMPED:
        names = {
            "table": sql.Identifier("control", table),
            "column": sql.Identifier(column),
            "function": sql.Identifier("public", f"stamp_{table}_{column}"),
            "event": sql.SQL(event),
            "name": sql.Identifier(f"stamp_{column}"),
        }
        connection.execute(
            sql.SQL("""
            create function {function}() returns trigger language plpgsql as
            $$ begin new.{column} := (select now from public.simulated); return new; end $$
            """).format(**names)
        )
        connection.execute(
            sql.SQL(
                "create trigger {name} before {event} on {table} for each row execute function {function}()"
            ).format(**names)
        )


def set_stamp(connection: psycopg.Connection, at: datetime) -> None:
    """Set the time that the database stamps from now on."""
    connection.execute("update public.simulated set now = %s", (at,))
