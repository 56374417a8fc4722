"""Where the next read of a list starts. Lists are read by modification time; exports have their own cursor. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from st_pipeline.landing.values import TICKS_PER_SECOND, ticks

LIST_OVERLAP = timedelta(hours=1)

_YEAR_ONE = datetime(1, 1, 1, tzinfo=UTC)


def list_cursor(newest: int | None, old: str | None, now: datetime | None = None) -> str | None:
    """Where a list's next read starts: an hour before the newest change seen (in ticks), never before ``old``.

    The hour covers changes that were committed late. Records that are read twice are upserted. ``now`` is an upper
    limit: a record dated in the future must not move the cursor past changes that are made before that date.
    """
    if newest is None:
        return old
    latest = newest if now is None else min(newest, ticks(now))
    since = max(timedelta(seconds=latest // TICKS_PER_SECOND) - LIST_OVERLAP, timedelta(0))
    new = (_YEAR_ONE + since).isoformat().replace("+00:00", "Z")
    return max(new, old) if old else new
