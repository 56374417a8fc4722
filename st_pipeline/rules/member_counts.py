"""Records how many rows each tenant's members report has, and the rule about far fewer rows than before.

The consumer of the legacy tables marks every customer inactive before it imports the members, so a shrunken report
destroys data there. dbt builds the report (``intermediate.int_member_report``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg
from psycopg.rows import class_row

from st_pipeline.rules.findings import Finding
from st_pipeline.rules.thresholds import Rules
from st_pipeline.steps.step import Do, Step


@dataclass(frozen=True, slots=True)
class MemberCount:
    """A tenant's latest count, and the largest of the days before it."""

    tenant: str
    members: int
    counted_at: datetime
    largest: int


def count_members(connection: psycopg.Connection, now: datetime) -> int:
    """Count the reports built since their last count. Returns how many were counted; 0 before the first build."""
    row = connection.execute("select to_regclass('intermediate.int_member_report')").fetchone()
    if not row or row[0] is None:
        return 0
    return connection.execute(
        """
        with built as (
            select t.key as tenant, coalesce(built.version, '') as version
            from control.tenants t
            left join lateral (
                select version from intermediate.int_member_report r where r.tenant = t.key limit 1
            ) built on true
            left join lateral (
                select version, members from control.member_counts c
                where c.tenant = t.key order by counted_at desc limit 1
            ) last on true
            -- A report without rows has no version: it is counted once, if it had rows before.
            where t.enabled and built.version is distinct from last.version
              and (built.version is not null or last.members > 0)
        )
        insert into control.member_counts (tenant, version, members, counted_at)
        select built.tenant, built.version, count(r.tenant), %s
        from built
        left join intermediate.int_member_report r on r.tenant = built.tenant and r.rejection is null
        group by built.tenant, built.version
        on conflict do nothing
        """,
        (now,),
    ).rowcount


def read_member_counts(connection: psycopg.Connection, rules: Rules, now: datetime) -> list[MemberCount]:
    """Enabled tenants with more than one recent count, by key."""
    with connection.cursor(row_factory=class_row(MemberCount)) as cursor:
        return cursor.execute(
            """
            select t.key as tenant, last.members, last.counted_at, before.largest
            from control.tenants t
            join lateral (
                select members, counted_at from control.member_counts c
                where c.tenant = t.key order by counted_at desc limit 1
            ) last on true
            cross join lateral (
                select max(members) as largest from control.member_counts c
                where c.tenant = t.key and c.counted_at < last.counted_at and c.counted_at > %s
            ) before
            where t.enabled and before.largest is not null
            order by t.key
            """,
            (now - timedelta(days=rules.fewer_members.days),),
        ).fetchall()


def find_fewer_members(counts: Iterable[MemberCount], rules: Rules) -> Iterator[Finding]:
    """One finding for each report that shrank by too large a share."""
    rule = rules.fewer_members
    for one in counts:
        if one.largest >= rule.least_members and one.members < (1 - rule.by) * one.largest:
            yield Finding(
                "fewer_members",
                one.tenant,
                rule.severity,
                f"The members report has only {one.members:,} rows; in the last {rule.days} days it had up to "
                f"{one.largest:,}",
                one.counted_at,
                (Step(Do.HOLD_REPORT), Step(Do.VIEW_SYNCS)),
                "memberships_memberships",
            )
