"""member_counts.py: reports are counted once a build, and far fewer members are told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

import psycopg
import pytest

from st_pipeline.rules.findings import Severity
from st_pipeline.rules.member_counts import count_members
from st_pipeline.steps.commands import command_words
from tests.support.monitored import Find
from tests.support.past import DAY, HOUR, MINUTE, NOW, Past

Build = Callable[..., None]


@pytest.fixture
def build(control: psycopg.Connection) -> Iterator[Build]:
    """Builds the members report anew, as dbt would leave it: a version a tenant, and why a row was rejected."""
    control.execute("create table intermediate.int_member_report (tenant text, version text, rejection text)")

    def build(version: str, members: int, rejected: int = 0, tenant: str = "acme") -> None:
        with control.transaction():
            control.execute("delete from intermediate.int_member_report where tenant = %s", (tenant,))
            control.execute(
                "insert into intermediate.int_member_report "
                "select %s, %s, case when n > %s then 'no street' end from generate_series(1, %s) n",
                (tenant, version, members, members + rejected),
            )

    yield build
    control.execute("drop table intermediate.int_member_report")


@pytest.fixture
def well(past: Past) -> Past:
    past.tenant()
    past.nights(3)
    return past


def counts(connection: psycopg.Connection) -> list[tuple[int, datetime]]:
    return connection.execute("select members, counted_at from control.member_counts order by counted_at").fetchall()


def test_a_report_is_counted_once_for_each_time_it_is_built(well: Past, build: Build) -> None:
    build("one", 100, rejected=7)
    assert [count_members(well.connection, NOW + n * MINUTE) for n in range(3)] == [1, 0, 0]
    build("two", 90)
    assert count_members(well.connection, NOW + HOUR) == 1
    assert counts(well.connection) == [(100, NOW), (90, NOW + HOUR)]


def test_before_the_first_build_there_is_nothing_to_count(well: Past, find: Find) -> None:
    assert count_members(well.connection, NOW) == 0
    assert find() == []


@pytest.mark.parametrize(("members", "is_told"), [(100, False), (80, False), (79, True), (0, True), (150, False)])
def test_a_report_that_lost_more_than_a_fifth_is_told(
    well: Past, build: Build, find: Find, members: int, is_told: bool
) -> None:
    build("one", 100)
    count_members(well.connection, NOW - DAY)
    build("two", members)
    count_members(well.connection, NOW - HOUR)
    findings = find()
    assert [finding.rule for finding in findings] == ["fewer_members"] * is_told
    if is_told:
        assert findings[0].severity is Severity.NOW
        assert findings[0].since == NOW - HOUR
        assert f"has only {members} rows; in the last 14 days it had up to 100" in findings[0].what
        assert "Do not send this report" in command_words(findings[0].steps, "acme")


def test_it_stays_through_further_builds_until_the_members_are_back(well: Past, build: Build, find: Find) -> None:
    for hour, members in enumerate((100, 50, 51, 52)):
        build(f"build {hour}", members)
        count_members(well.connection, NOW - DAY + hour * HOUR)
    assert [finding.rule for finding in find()] == ["fewer_members"]
    build("last", 98)
    count_members(well.connection, NOW - HOUR)
    assert find() == []


def test_a_report_that_stays_empty_is_counted_once(well: Past, build: Build) -> None:
    build("one", 30)
    count_members(well.connection, NOW - DAY)
    build("two", 0)
    assert [count_members(well.connection, NOW + n * MINUTE) for n in range(3)] == [1, 0, 0]


def test_few_members_may_become_fewer_and_tenants_are_counted_apart(well: Past, build: Build, find: Find) -> None:
    well.tenant("bolt")
    well.nights(3, "bolt")
    build("one", 19)
    build("one", 500, tenant="bolt")
    assert count_members(well.connection, NOW - DAY) == 2
    build("two", 1)
    assert count_members(well.connection, NOW - HOUR) == 1
    assert find() == []
