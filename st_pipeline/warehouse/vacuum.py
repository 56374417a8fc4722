"""Find warehouse tables that need a vacuum or new statistics, and run it without blocking other work.

Postgres normally does this automatically (autovacuum). This module finds tables where it doesn't, based on Postgres's
statistics (https://www.postgresql.org/docs/current/monitoring-stats.html, pg_stat_all_tables).
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
"""Share of all rows. Autovacuum runs at 20%, so above this it isn't keeping up or is off."""
LEAST_ROWS = 1_000
"""Tables with fewer rows don't need statistics."""
STATEMENT_SECONDS = 600
"""A vacuum is canceled after this long. Only a change to the table's columns would have to wait for it."""

_GENTLY = {"lock_timeout": "2s", "vacuum_cost_delay": "2ms", "statement_timeout": f"{STATEMENT_SECONDS}s"}
_VACUUM = sql.SQL("vacuum (analyze, skip_locked, truncate false) {}")
_ANALYZE = sql.SQL("analyze (skip_locked) {}")


@dataclass(frozen=True, slots=True)
class TableState:
    """Postgres's statistics for one table."""

    schema: str
    table: str
    live: int
    dead: int
    was_analysed: bool
    autovacuum: bool
    """Whether autovacuum is on for this table."""

    @property
    def name(self) -> str:
        return f"{self.schema}.{self.table}"


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to do: the reason and the exact statement."""

    table: TableState | None
    """None if it applies to the server."""
    why: str
    statement: str
    is_upkeep: bool = True
    """Whether upkeep does it. If not, a person has to, because a person turned something off."""

    @property
    def sentence(self) -> str:
        return f"{self.why}: {self.statement};"


def read_tables(connection: psycopg.Connection[Any], schemas: Sequence[str] = SCHEMAS) -> list[TableState]:
    """All tables in these schemas, sorted by name."""
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
    """Whether autovacuum and the statistics it needs are turned on for the server."""
    row = connection.execute(
        "select current_setting('autovacuum')::boolean and current_setting('track_counts')::boolean"
    ).fetchone()
    return bool(row and row[0])


def advise(tables: Iterable[TableState], *, autovacuum: bool) -> Iterator[Advice]:
    """What to do, if anything. ``autovacuum`` is the server's setting."""
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
    """What to do in this warehouse right now."""
    return list(advise(read_tables(connection), autovacuum=is_autovacuum_on(connection)))


def relieve(
    connection: psycopg.Connection[Any], advice: Iterable[Advice], *, seconds: float = 1800.0
) -> tuple[list[str], list[str]]:
    """Run the advice that is for upkeep. Returns (statements that ran, sentences about those that didn't).

    Runs gently on an autocommit connection: reads and writes continue, locked tables are skipped, and free space at the
    end of a table isn't returned, because that needs an exclusive lock. Nothing new starts after ``seconds``.
    """
    done: list[str] = []
    left: list[str] = []
    warnings: list[str] = []

    def hear(notice: psycopg.errors.Diagnostic) -> None:
        if notice.severity_nonlocalized == "WARNING":  # skipped: the table is locked or not owned by us
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
