"""Report builds: when one is due, and the record of each. defs/ starts them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import class_row

from st_pipeline import postgres
from st_pipeline.schedule.due_times import PAUSES

QUIET = timedelta(seconds=30)
"""Wait after the last load before a wave of syncs counts as finished."""
SOON = timedelta(minutes=5)
"""A tenant due this soon is part of the wave."""
PATIENCE = timedelta(minutes=30)
"""The longest that loaded data waits for other tenants, which may never finish."""
FIRST_PATIENCE = timedelta(minutes=5)
"""The wait before the first build ever, because someone is probably watching."""
LONGEST_AGE = timedelta(hours=24)
"""Without new data, rebuild the reports once a day, to verify them and their checks."""

_LOADS = """
    select md5(concat(
        (select string_agg(concat_ws('|', tenant, entity, extract(epoch from changed_at)), ',' order by tenant, entity)
         from control.raw_loads),
        (select string_agg(concat_ws('|', key, name, company_code, trade, timezone), ',' order by key)
         from control.tenants)
    ))
"""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was loaded, and how much of it is built."""

    is_built: bool
    """The last successful build started with all the current data."""
    oldest_at: datetime | None
    """The first load since that build started, or the first ever without one."""
    newest_at: datetime | None
    built_at: datetime | None
    """When the last successful build started."""
    failures: int
    """Failed builds since then."""
    failed_at: datetime | None
    """When the last of them ended."""


def find_build_reason(loaded: Loaded, is_syncing: bool, next_due_at: datetime | None, now: datetime) -> str | None:
    """Why to build the reports at ``now``, or None. ``is_syncing``: a sync is running or queued.

    Builds once after a wave of syncs, not once per sync, and doesn't wait forever for a wave to end. After failed
    builds, the pauses grow.
    """
    if loaded.newest_at is None:
        return None
    if loaded.failed_at and now < loaded.failed_at + PAUSES[min(loaded.failures, len(PAUSES)) - 1]:
        return None
    if loaded.is_built:
        return "no new data for a day" if loaded.built_at and now - loaded.built_at >= LONGEST_AGE else None
    is_wave_over = (
        not is_syncing and now - loaded.newest_at >= QUIET and (next_due_at is None or next_due_at - now > SOON)
    )
    if is_wave_over:
        return "all due tenants have been loaded"
    patience = PATIENCE if loaded.built_at else FIRST_PATIENCE
    if loaded.oldest_at and now - loaded.oldest_at >= patience:
        return "loaded data has waited long enough for other tenants"
    return None


def read_loaded(connection: psycopg.Connection[Any]) -> Loaded:
    """What was loaded, and how much of it is built. A killed build counts as neither success nor failure."""
    with connection.cursor(row_factory=class_row(Loaded)) as cursor:
        row = cursor.execute(
            f"""
            with built as (
                select * from control.builds where outcome = 'succeeded' order by started_at desc, id desc limit 1
            ), failed as (
                select count(*) as failures, max(finished_at) as failed_at from control.builds
                where outcome = 'failed' and started_at > coalesce((select started_at from built), '-infinity')
            ), loads as (
                select min(changed_at) filter (
                        where changed_at > coalesce((select started_at from built), '-infinity')
                    ) as oldest_at,
                    max(changed_at) as newest_at
                from control.raw_loads
            )
            select coalesce((select loads from built) = ({_LOADS}), false) as is_built, oldest_at, newest_at,
                (select started_at from built) as built_at, failures::integer, failed_at
            from loads, failed
            """  # noqa: S608 - the text is a constant of this module
        ).fetchone()
    assert row
    return row


@contextmanager
def record_built(database: postgres.Database, run_id: str, clock: Callable[[], datetime]) -> Iterator[None]:
    """Record the build inside the block in the build history. Exceptions propagate."""
    with postgres.connect(database, application="st-pipeline builds", autocommit=True) as connection:
        row = connection.execute(
            f"insert into control.builds (run_id, loads, started_at) values (%s, ({_LOADS}), %s) returning id",  # noqa: S608
            (run_id, clock()),
        ).fetchone()
        assert row
        error: str | None = None
        try:
            yield
        except GeneratorExit:
            error = "the build was interrupted"
            raise
        except BaseException as raised:
            error = (str(raised) or type(raised).__name__).splitlines()[0]
            raise
        finally:
            connection.execute(
                "update control.builds set finished_at = %s, outcome = %s, error = %s where id = %s",
                (clock(), "failed" if error else "succeeded", error, row[0]),
            )
