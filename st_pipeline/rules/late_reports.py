"""The rule about outdated reports: loads that no build has picked up, and failing builds.

Each build records itself in ``control.builds``. However many tenants are affected, it is one problem.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg
from psycopg.rows import class_row

from st_pipeline.rules.findings import ALL_TENANTS, Finding, format_count, shorten
from st_pipeline.rules.thresholds import Rules
from st_pipeline.steps.step import Do, Step

MARGIN = timedelta(days=1)  # a file is loaded soon after it landed, unless it is reloaded
FURTHEST = timedelta(days=8)  # how far back to search for the first load; older ones are late anyway


@dataclass(frozen=True, slots=True)
class Builds:
    """How far the reports are behind the data; instants have a time zone."""

    waiting_since: datetime | None
    """When the first load finished that no successful build includes; None if the reports include all loads."""
    tenants: int
    """How many tenants have such loads."""
    built_at: datetime | None
    """When the last successful build started."""
    failures: int
    """Builds that have failed since then."""
    failing_since: datetime | None
    """When the first of them finished."""
    error: str | None
    """The error of the last one; ``run_id`` is its run."""
    run_id: str | None


def read_builds(connection: psycopg.Connection, now: datetime) -> Builds:
    """Compare the loads of enabled tenants with the builds. A killed build counts as neither succeeded nor failed."""
    with connection.cursor(row_factory=class_row(Builds)) as cursor:
        found = cursor.execute(
            """
            with good as (select max(started_at) as built_at from control.builds where outcome = 'succeeded'),
            bad as (
                select count(*) as failures, min(finished_at) as failing_since,
                    (array_agg(error order by id desc))[1] as error, (array_agg(run_id order by id desc))[1] as run_id
                from control.builds, good
                where outcome = 'failed' and started_at > coalesce(built_at, '-infinity')
            ),
            waiting as (
                select r.tenant, r.changed_at from control.raw_loads r
                join control.tenants t on t.key = r.tenant and t.enabled
                cross join good
                where r.changed_at > coalesce(built_at, '-infinity')
            ),
            -- raw_loads has only the last load of each table. If a tenant is loaded all the time, that is always a new
            -- one, so the first is found among the files.
            files as (
                select min(f.loaded_at) as first_at from control.landed_files f
                join control.tenants t on t.key = f.tenant and t.enabled
                cross join good
                where f.loaded_at > coalesce(built_at, '-infinity')
                  and f.landed_at > greatest(coalesce(built_at, '-infinity') - %(margin)s, %(now)s - %(furthest)s)
            )
            select
                (select case when count(*) > 0 then least(min(changed_at), (select first_at from files)) end
                    from waiting) as waiting_since,
                (select count(distinct tenant) from waiting) as tenants,
                good.built_at, bad.failures, bad.failing_since, bad.error, bad.run_id
            from good, bad
            """,
            {"now": now, "margin": MARGIN, "furthest": FURTHEST},
        ).fetchone()
    assert found
    return found


def find_reports_behind(builds: Builds, rules: Rules, now: datetime) -> Iterator[Finding]:
    """At most one finding: builds keep failing, or loads have waited too long for a build."""
    rule = rules.reports_behind
    since = builds.waiting_since
    if builds.failures >= rule.failed_builds and builds.failing_since:
        what = f"The last {format_count(builds.failures, 'report build')} failed: {shorten(builds.error or '')}"
        since = min(builds.failing_since, since or builds.failing_since)
        first = Do.VIEW_RUN
    elif since and now - since > timedelta(hours=rule.hours):
        what = f"Reports do not show the newest data of {format_count(builds.tenants, 'company')} yet"
        first = Do.CHECK_BUILDS
    else:
        return
    built = (
        f"the last successful build began {builds.built_at:%Y-%m-%d %H:%M} UTC"
        if builds.built_at
        else "no build has succeeded yet"
    )
    yield Finding(
        "reports_behind",
        ALL_TENANTS,
        rule.severity,
        f"{what}; {built}",
        since,
        (Step(first), Step(Do.BUILD_REPORTS)),
        run_id=builds.run_id,
    )
