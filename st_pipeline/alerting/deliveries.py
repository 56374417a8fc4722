"""Alert delivery: which alerts wait for which channel, when to retry, and which are settled.

At least once: if this process dies just after a channel accepted a message, the message is sent again. The rows are
in ``control.alerts`` and ``control.deliveries``.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row

from st_pipeline.alerting import incident_table
from st_pipeline.alerting.channels import Channel
from st_pipeline.alerting.messages import Alert, compose
from st_pipeline.alerting.quiet_hours import QuietHours, is_held

PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 15))
"""Waits after the first failure, the second, …. The last one repeats: alerts are retried until delivered."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An alert that a channel has not received yet."""

    alert: Alert
    attempts: int
    next_try_at: datetime | None


@dataclass(frozen=True, slots=True)
class Delivered:
    """Counts of messages; ``held`` counts alerts that wait for the end of quiet hours."""

    sent: int = 0
    failed: int = 0
    held: int = 0


def deliver(
    connection: psycopg.Connection,
    channels: Sequence[Channel],
    now: datetime,
    *,
    quiet: QuietHours | None,
    digest_over: int,
    seconds: float = math.inf,
) -> Delivered:
    """Send waiting alerts to every channel that may be tried at ``now``, and record each delivered message.

    No message is begun after so many ``seconds``. One is always sent, so that each round gets on.
    Without channels nothing changes. Needs an autocommit connection, and one process at a time.
    """
    sent = failed = held = 0
    ends = time.monotonic() + seconds
    for channel in channels:
        waiting = read_waiting(connection, channel.name)
        held += sum(_is_held(one.alert, quiet, now) for one in waiting)
        for message in compose(select_due(waiting, quiet, now), digest_over):
            if sent + failed and time.monotonic() >= ends:
                break
            attempts = max((one.attempts for one in waiting if one.alert.id in message.alerts), default=0)
            if channel.send(message):
                record_round(connection, channel.name, message.alerts, delivered_at=now)
                sent += 1
            else:
                record_round(connection, channel.name, message.alerts, next_try_at=now + pause(attempts + 1))
                failed += 1
                break  # the rest waits for the next round, so that a channel that is down costs one timeout
    if channels:
        settle(connection, [channel.name for channel in channels], now)
    return Delivered(sent, failed, held)


def select_due(waiting: Iterable[Waiting], quiet: QuietHours | None, now: datetime) -> list[Alert]:
    """Alerts that may be sent at ``now``. The end of an incident is never sent before its beginning."""
    waiting = list(waiting)
    paused = {
        one.alert.incident.id
        for one in waiting
        if one.alert.incident and one.next_try_at is not None and one.next_try_at > now
    }
    return [
        one.alert
        for one in waiting
        if not _is_held(one.alert, quiet, now)
        and (one.next_try_at is None or one.next_try_at <= now)
        and (one.alert.incident is None or one.alert.incident.id not in paused)
    ]


def pause(attempts: int) -> timedelta:
    """How long to wait after so many failures in a row."""
    return PAUSES[min(attempts, len(PAUSES)) - 1]


def read_waiting(connection: psycopg.Connection, channel: str) -> list[Waiting]:
    """Unsettled alerts that ``channel`` has not received, the oldest first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            """
            select a.id as alert_id, a.kind, coalesce(d.attempts, 0) as attempts, d.next_try_at,
                i.id, i.key, i.rule, i.tenant, i.entity, i.severity, i.what, i.steps, i.link, i.since, i.opened_at,
                i.last_seen_at, i.closed_at, i.closed_because
            from control.alerts a
            left join control.incidents i on i.id = a.incident_id
            left join control.deliveries d on d.alert_id = a.id and d.channel = %s
            where a.settled_at is null and d.delivered_at is null
            order by a.id
            """,
            (channel,),
        ).fetchall()
    return [_waiting(**row) for row in rows]


def record_round(
    connection: psycopg.Connection,
    channel: str,
    alerts: Sequence[int],
    *,
    delivered_at: datetime | None = None,
    next_try_at: datetime | None = None,
) -> None:
    """Record an attempt to send ``alerts``: delivered at ``delivered_at``, or to be retried at ``next_try_at``."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(
            """
            insert into control.deliveries (alert_id, channel, attempts, next_try_at, delivered_at)
            values (%s, %s, 1, %s, %s)
            on conflict (alert_id, channel) do update set
                attempts = deliveries.attempts + 1, next_try_at = excluded.next_try_at,
                delivered_at = excluded.delivered_at
            """,
            [(alert, channel, next_try_at, delivered_at) for alert in alerts],
        )


def settle(connection: psycopg.Connection, channels: Sequence[str], now: datetime) -> None:
    """Settle alerts that all ``channels`` have received. A channel added later does not get them."""
    connection.execute(
        """
        update control.alerts a set settled_at = %s
        where a.settled_at is null and not exists (
            select from unnest(%s::text[]) as wanted (channel)
            where not exists (
                select from control.deliveries d
                where d.alert_id = a.id and d.channel = wanted.channel and d.delivered_at is not null
            )
        )
        """,
        (now, list(channels)),
    )


def _is_held(alert: Alert, quiet: QuietHours | None, now: datetime) -> bool:
    return alert.incident is not None and is_held(alert.incident.severity, quiet, now)


def _waiting(
    *, alert_id: int, kind: str, attempts: int, next_try_at: datetime | None, id: int | None, **columns: Any
) -> Waiting:
    about = None if id is None else incident_table.read_incident(id=id, **columns)
    return Waiting(Alert(alert_id, kind, about), attempts, next_try_at)
