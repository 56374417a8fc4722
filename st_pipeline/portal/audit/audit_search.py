"""Searches the audit, and exports the results for a spreadsheet. operations/audit.py adds entries."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import class_row

from st_pipeline.operations.audit import Entry
from st_pipeline.portal.words.audit_words import detail_words, result_words
from st_pipeline.visible import visible

COLUMNS = ("at", "actor", "role", "address", "action", "tenant", "detail")
# What makes a spreadsheet read a cell as a formula, see OWASP's "CSV Injection".
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The search filters; an empty one matches everything. Days are in UTC, and both are included."""

    tenant: str = ""
    actor: str = ""
    action: str = ""
    since: date | None = None
    until: date | None = None

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Wanted:
        """Parse the query of a URL, ignoring invalid days."""
        texts = {name: query.get(name, "").strip()[:200] for name in ("tenant", "actor", "action")}
        return cls(**texts, since=_day(query.get("since", "")), until=_day(query.get("until", "")))

    def as_query(self) -> dict[str, str]:
        """The same filters as the query of a URL."""
        return {name: str(value) for name, value in asdict(self).items() if value}


def find(connection: psycopg.Connection[Any], wanted: Wanted, *, before: int | None, limit: int) -> list[Entry]:
    """The newest ``limit`` entries with an ID below ``before``."""
    with connection.cursor(row_factory=class_row(Entry)) as cursor:
        return cursor.execute(
            """
            select id, at, actor, role, address, action, tenant, detail from control.audit
            where (%(tenant)s = '' or tenant = %(tenant)s) and (%(actor)s = '' or actor = %(actor)s)
                and (%(action)s = '' or action = %(action)s)
                and (%(since)s::date is null or at >= %(since)s::date::timestamp at time zone 'UTC')
                and (%(until)s::date is null or at < (%(until)s::date + 1)::timestamp at time zone 'UTC')
                and (%(before)s::bigint is null or id < %(before)s)
            order by id desc limit %(limit)s
            """,
            {**asdict(wanted), "before": before, "limit": limit},
        ).fetchall()


def actions(connection: psycopg.Connection[Any]) -> list[str]:
    """Every action in the audit, sorted by name."""
    rows = connection.execute("select distinct action from control.audit order by action").fetchall()
    return [row[0] for row in rows]


def words(detail: Mapping[str, Any]) -> str:
    """The details of an entry on one line. Pure."""
    shown = {name: result_words(value) if name == "found" else value for name, value in detail.items()}
    return "; ".join(f"{detail_words(name)}: {_plain(value)}" for name, value in shown.items())


def csv_lines(entries: Iterable[Entry], *, has_head: bool) -> str:
    """CSV lines for a spreadsheet (RFC 4180), in which no cell is a formula. Pure."""
    text = io.StringIO()
    writer = csv.writer(text)
    if has_head:
        writer.writerow(COLUMNS)
    for one in entries:
        detail = json.dumps(one.detail, ensure_ascii=False) if one.detail else ""
        cells = (_instant(one.at), one.actor, one.role, one.address, one.action, one.tenant or "", detail)
        writer.writerow([cell(text) for text in cells])
    return text.getvalue()


def cell(text: str) -> str:
    """The text made visible, with an apostrophe in front of what a spreadsheet would read as a formula."""
    is_formula = text.lstrip(" ").startswith(_FORMULA) and not _NUMBER.fullmatch(text)
    return f"'{visible(text)}" if is_formula else visible(text)


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{detail_words(name)} {_plain(one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "none" if value is None else str(value)


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    # The query adds a day, and the last day differs between Postgres and Python.
    return day if date.min < day < date.max - timedelta(days=1) else None
