"""The rows of ``control.incidents`` and ``control.alerts``: open and closed incidents, and their alerts.

Functions over a connection, each part of the caller's transaction. deliveries.py tracks who received an alert.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import kwargs_row

from st_pipeline.alerting.incidents import Closed, Incident, Reconciled
from st_pipeline.alerting.step_words import alert_words
from st_pipeline.rules.findings import Finding, Severity
from st_pipeline.steps.step import from_plain, to_json

_SELECT = sql.SQL("""
    select id, key, rule, tenant, entity, severity, what, steps, link, since, opened_at, last_seen_at, closed_at,
        closed_because
    from control.incidents
""")


def read_open_incidents(connection: psycopg.Connection) -> list[Incident]:
    """Every open incident, the oldest first."""
    return _read(connection, sql.SQL("where closed_at is null order by id"))


def read_recent_incidents(connection: psycopg.Connection, since: datetime) -> list[Incident]:
    """Every open incident, and those closed after ``since``; newest first."""
    return _read(connection, sql.SQL("where closed_at is null or closed_at > %s order by id desc"), (since,))


def store(connection: psycopg.Connection, news: Reconciled, dagster_url: str, now: datetime) -> None:
    """Open, refresh and close incidents; each one that opens or closes gets an alert."""
    for finding in news.opened:
        _open(connection, finding, dagster_url, now)
    with connection.cursor() as cursor:
        cursor.executemany(
            "update control.incidents set what = %s, advice = %s, steps = %s, last_seen_at = %s where id = %s",
            [(finding.what, *_advice(finding), now, incident.id) for incident, finding in news.still_open],
        )
    for incident, reason in news.closed:
        connection.execute(
            "update control.incidents set closed_at = %s, closed_because = %s where id = %s",
            (now, reason, incident.id),
        )
        _alert(connection, incident.id, "closed", now)


def add_test(connection: psycopg.Connection, now: datetime) -> int:
    """Add a test alert for trying the channels and return its id. It is settled at once."""
    alert = _alert(connection, None, "test", now)
    connection.execute("update control.alerts set settled_at = %s where id = %s", (now, alert))
    return alert


def read_incident(*, severity: str, closed_because: str | None, steps: Any, **columns: Any) -> Incident:
    """An incident from the columns of its row."""
    return Incident(
        severity=Severity(severity),
        closed_because=Closed(closed_because) if closed_because else None,
        steps=from_plain(steps),
        **columns,
    )


def link(finding: Finding, dagster_url: str) -> str:
    """The page to look at: the run, or the tenant's runs."""
    return f"{dagster_url}/runs/{finding.run_id}" if finding.run_id else f"{dagster_url}/runs"


def _read(connection: psycopg.Connection, which: sql.SQL, values: Sequence[Any] = ()) -> list[Incident]:
    with connection.cursor(row_factory=kwargs_row(read_incident)) as cursor:
        return cursor.execute(_SELECT + which, values).fetchall()


def _advice(finding: Finding) -> tuple[str, str]:
    """In words, for readers of the table, and as data."""
    return alert_words(finding.steps, finding.tenant), to_json(finding.steps)


def _open(connection: psycopg.Connection, finding: Finding, dagster_url: str, now: datetime) -> None:
    row = connection.execute(
        """
        insert into control.incidents
            (key, rule, tenant, entity, severity, what, advice, steps, link, since, opened_at, last_seen_at)
        values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) returning id
        """,
        (
            finding.key, finding.rule, finding.tenant, finding.entity, finding.severity, finding.what,
            *_advice(finding),
            link(finding, dagster_url), finding.since, now, now,
        ),
    ).fetchone()  # fmt: skip
    assert row
    _alert(connection, row[0], "opened", now)


def _alert(connection: psycopg.Connection, incident_id: int | None, kind: str, now: datetime) -> int:
    row = connection.execute(
        "insert into control.alerts (incident_id, kind, created_at) values (%s, %s, %s) returning id",
        (incident_id, kind, now),
    ).fetchone()
    assert row
    return row[0]
