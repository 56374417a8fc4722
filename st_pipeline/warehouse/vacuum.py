"""Which tables of the warehouse want a vacuum or new statistics, and doing that without being in anybody's way.

Postgres does it by itself as a rule (autovacuum); here is seen where it doesn't. The statistics are Postgres's own
(https://www.postgresql.org/docs/current/monitoring-stats.html, pg_stat_all_tables).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import class_row

SCHEMAS = ("raw", "control")
LEAST_DEAD = 10_000
DEAD_SHARE = 0.3
"""Of all rows. Autovacuum comes at a fifth: beyond this it does not keep up, or is off."""
LEAST_ROWS = 1_000
"""Of a table whose statistics matter."""
STATEMENT_SECONDS = 600
"""A vacuum is broken off then. Only a change of the table's columns would wait for it."""

_GENTLY = {"lock_timeout": "2s", "vacuum_cost_delay": "2ms", "statement_timeout": f"{STATEMENT_SECONDS}s"}
_VACUUM = sql.SQL("vacuum (analyze, skip_locked, truncate false) {}")
_ANALYZE = sql.SQL("analyze (skip_locked) {}")


@dataclass(frozen=True, slots=True)
class TableState:
    """What Postgres counts of one table."""

    schema: str
    table: str
    live: int
    dead: int
    was_analysed: bool
    autovacuum: bool
    """Not switched off for this table."""

    @property
    def name(self) -> str:
        return f"{self.schema}.{self.table}"


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to do: why, and the exact statement."""

    table: TableState | None
    """None: it is about the server."""
    why: str
    statement: str
    is_upkeep: bool = True
    """Upkeep does it; else it is for whoever switched something off."""

    @property
    def sentence(self) -> str:
        return f"{self.why}: {self.statement};"


def read_tables(connection: psycopg.Connection[Any], schemas: Sequence[str] = SCHEMAS) -> list[TableState]:
    """Every table of these schemas, by name."""
    with connection.cursor(row_factory=class_row(TableState)) as cursor:
        return cursor.execute(
            """
            select s.schemaname as schema, s.relname as table, s.n_live_tup as live, s.n_dead_tup as dead,
                coalesce(s.last_analyze, s.last_autoanalyze) is not null as was_analysed,
                not exists (
                    select from pg_options_to_table(c.reloptions)
                    where option_name = 'autovacuum_enabled' and not option_value::boolean
                ) as autovacuum
            from pg_stat_user_tables s join pg_class c on c.oid = s.relid
            where s.schemaname = any(%s) order by 1, 2
            """,
            (list(schemas),),
        ).fetchall()


def is_autovacuum_on(connection: psycopg.Connection[Any]) -> bool:
    """Whether the server runs it, and counts what it needs to know."""
    row = connection.execute(
        "select current_setting('autovacuum')::boolean and current_setting('track_counts')::boolean"
    ).fetchone()
    return bool(row and row[0])


def advise(tables: Iterable[TableState], *, autovacuum: bool) -> Iterator[Advice]:
    """What to do, if anything. ``autovacuum`` is the server's own setting."""
    if not autovacuum:
        yield Advice(
            None,
            "autovacuum is off on the server, so tables bloat and query plans go stale",
            "alter system set autovacuum = on; alter system set track_counts = on; select pg_reload_conf()",
            is_upkeep=False,
        )
    for table in tables:
        if not table.autovacuum:
            yield Advice(
                table,
                f"autovacuum is turned off for {table.name}",
                f"alter table {_quoted(table)} reset (autovacuum_enabled)",
                is_upkeep=False,
            )
        rows = table.live + table.dead
        if table.dead >= LEAST_DEAD and table.dead > DEAD_SHARE * rows:
            why = f"{table.name} has {table.dead:,} dead rows out of {rows:,}"
            yield Advice(table, why, f"vacuum (analyze) {_quoted(table)}")
        elif table.live >= LEAST_ROWS and not table.was_analysed:
            why = f"{table.name} has {table.live:,} rows and has never been analyzed"
            yield Advice(table, why, f"analyze {_quoted(table)}")


def read_advice(connection: psycopg.Connection[Any]) -> list[Advice]:
    """What to do in this warehouse now."""
    return list(advise(read_tables(connection), autovacuum=is_autovacuum_on(connection)))


def relieve(
    connection: psycopg.Connection[Any], advice: Iterable[Advice], *, seconds: float = 1800.0
) -> tuple[list[str], list[str]]:
    """Do what upkeep may do of ``advice``: (statements that were run, sentences on those that weren't).

    Gently, on an autocommit connection: reading and writing go on, a table that somebody holds is skipped, and space at
    the end of a table is not given back, as that needs it alone. Nothing is begun after ``seconds``.
    """
    done: list[str] = []
    left: list[str] = []
    warnings: list[str] = []

    def hear(notice: psycopg.errors.Diagnostic) -> None:
        if notice.severity_nonlocalized == "WARNING":  # skipped: somebody holds it, or it is not ours
            warnings.append(str(notice.message_primary))

    until = time.monotonic() + seconds
    connection.add_notice_handler(hear)
    for name, value in _GENTLY.items():
        connection.execute("select set_config(%s, %s, false)", (name, value))
    try:
        for one in advice:
            if not one.is_upkeep or one.table is None or time.monotonic() >= until:
                left.append(one.sentence)
                continue
            warnings.clear()
            verb = _VACUUM if one.statement.startswith("vacuum") else _ANALYZE
            try:
                connection.execute(verb.format(sql.Identifier(one.table.schema, one.table.table)))
            except (psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable) as error:
                warnings.append(str(error))
            if warnings:
                left.append(f"{one.sentence} ({warnings[0].strip()})")
            else:
                done.append(one.statement)
    finally:
        connection.remove_notice_handler(hear)
        for name in _GENTLY:
            connection.execute(sql.SQL("reset {}").format(sql.Identifier(name)))
    return done, left


def _quoted(table: TableState) -> str:
    return f'"{table.schema}"."{table.table}"'
