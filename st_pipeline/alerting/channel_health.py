"""Which channels work, and which ones received an incident, from ``control.deliveries``.

deliveries.py sends; channels.py defines a channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class Health:
    """One channel by name; instants are timezone-aware."""

    channel: str
    delivered: int
    """Delivered alerts."""
    last_delivered_at: datetime | None
    failing: int
    """Alerts that were tried but not delivered yet."""
    attempts: int
    """The most failed attempts of any of those."""
    next_try_at: datetime | None


def read_health(connection: psycopg.Connection[Any], channels: Sequence[str]) -> dict[str, Health]:
    """Health of each of ``channels``, including those that nothing was sent to yet."""
    with connection.cursor(row_factory=class_row(Health)) as cursor:
        rows = cursor.execute(
            """
            select wanted.channel, count(d.delivered_at) as delivered, max(d.delivered_at) as last_delivered_at,
                count(*) filter (where d.alert_id is not null and d.delivered_at is null) as failing,
                coalesce(max(d.attempts) filter (where d.delivered_at is null), 0) as attempts,
                min(d.next_try_at) filter (where d.delivered_at is null) as next_try_at
            from unnest(%s::text[]) as wanted (channel) left join control.deliveries d on d.channel = wanted.channel
            group by wanted.channel
            """,
            (list(channels),),
        ).fetchall()
    return {row.channel: row for row in rows}


def read_notified_channels(connection: psycopg.Connection[Any], incidents: Sequence[int]) -> dict[int, list[str]]:
    """Which channels received the opening alert of each incident; incidents that reached no channel are omitted."""
    rows = connection.execute(
        """
        select a.incident_id, array_agg(d.channel order by d.channel)
        from control.alerts a join control.deliveries d on d.alert_id = a.id
        where a.incident_id = any(%s) and a.kind = 'opened' and d.delivered_at is not null
        group by a.incident_id
        """,
        (list(incidents),),
    ).fetchall()
    return dict(rows)
