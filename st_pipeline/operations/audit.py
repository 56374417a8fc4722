"""The audit: who did what to which tenant, when and from where. Rows are added to ``control.audit``, never changed.

No secret goes into it: ``detail`` holds what changed, in words and numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb


@dataclass(frozen=True, slots=True)
class Author:
    """Who does something: a name, their role in the portal if any, and the address the request came from."""

    name: str
    role: str = ""
    address: str = ""


COMMAND_LINE = Author("command line")
"""The author of what commands do; no account can have this name."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One action; ``at`` has a time zone."""

    id: int
    at: datetime
    actor: str
    role: str
    address: str
    action: str
    tenant: str | None
    detail: dict[str, Any]


def record(
    connection: psycopg.Connection[Any],
    author: Author,
    action: str,
    now: datetime,
    *,
    tenant: str | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """Record an action in the same transaction as the change itself: both are committed or neither."""
    connection.execute(
        """
        insert into control.audit (at, actor, role, address, action, tenant, detail)
        values (%s, %s, %s, %s, %s, %s, %s)
        """,
        (now, author.name, author.role, author.address, action, tenant, Jsonb(detail or {})),
    )


def read(
    connection: psycopg.Connection[Any], *, tenant: str | None = None, before: int | None = None, limit: int = 100
) -> list[Entry]:
    """The newest ``limit`` entries, of one tenant or of all; ``before``: only entries older than this ID."""
    with connection.cursor(row_factory=class_row(Entry)) as cursor:
        return cursor.execute(
            """
            select id, at, actor, role, address, action, tenant, detail from control.audit
            where (%(tenant)s::text is null or tenant = %(tenant)s) and (%(before)s::bigint is null or id < %(before)s)
            order by id desc limit %(limit)s
            """,
            {"tenant": tenant, "before": before, "limit": limit},
        ).fetchall()
