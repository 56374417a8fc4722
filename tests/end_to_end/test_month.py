"""A month of forty tenants in a few minutes: every due sync once, retries, the right alerts, and nothing else.

month.py runs it, month_tenants.py has the events, month_oracle.py the expected results.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import pairwise

import dagster as dg
import pytest

from st_pipeline.servicetitan import client as client_module
from st_pipeline.servicetitan.retrying import RetryPolicy
from st_pipeline.tenants import recheck

from .month import NUMBERS, Month, prepared
from .month_history import Sync, assert_retried_as_promised, read_syncs, tries
from .month_oracle import PAUSES, expected, is_stale_after_stop, regular, windows
from .month_tenants import (
    ASKED,
    ENTITIES,
    MINUTE,
    OUTAGE,
    REFUSED_FROM,
    STOPPED,
    TENANTS,
    Planned,
)

HEALTHY = [tenant for tenant in TENANTS if tenant.is_healthy]
BY_KEY = {tenant.key: tenant for tenant in TENANTS}
Syncs = dict[str, list[Sync]]
# Allows for a machine that is busy with other work.
pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def month() -> Iterator[Month]:
    """The month, run to its end."""
    quick = RetryPolicy(tries=8, first_wait=0.01, longest_wait=0.02, longest_named_wait=0.05, total_seconds=1.0)
    environment = dict(os.environ)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client_module, "RetryPolicy", lambda: quick)
        patch.setattr(recheck, "BRIEF_RETRY", quick)
        with prepared() as month:
            month.live()
            yield month
    os.environ.clear()
    os.environ.update(environment)


@pytest.fixture(scope="module")
def syncs(month: Month) -> Syncs:
    return read_syncs(month.connection)


@pytest.mark.parametrize("tenant", HEALTHY, ids=lambda tenant: tenant.key)
def test_a_healthy_tenant_had_exactly_its_due_syncs(tenant: Planned, syncs: Syncs) -> None:
    groups = tries(syncs[tenant.key])
    wanted = expected(tenant)
    assert [(group[0].reason, group[0].due_for) for group in groups if group[0].reason != "first"] == [
        (one.reason, one.due_for) for one in wanted if one.reason != "first"
    ]
    assert len(groups) == len(wanted)
    for group, one in zip(groups, wanted, strict=True):
        assert group[0].reason == one.reason
        assert one.earliest <= group[0].started_at <= one.latest + 4 * MINUTE, (one, group[0])
        assert_retried_as_promised(group)
        assert group[-1].outcome == "succeeded", group[-1]
        assert (len(group) > 1) == one.is_in_outage, group


def test_a_sync_of_the_outage_fails_until_it_is_over(syncs: Syncs) -> None:
    struck = [
        group for found in syncs.values() for group in tries(found) if OUTAGE[0] <= group[0].started_at < OUTAGE[1]
    ]
    assert {group[0].tenant for group in struck} == {"chicago-1", "chicago-2", "chicago-3"}
    for group in struck:
        assert [sync.outcome for sync in group] == ["failed"] * len(PAUSES) + ["succeeded"]
        assert [sync.reason for sync in group] == ["regular"] + ["retry"] * len(PAUSES)


def test_missed_syncs_were_caught_up_once_after_the_daemon_was_stopped(
    syncs: Syncs,
) -> None:
    flat = [sync for found in syncs.values() for sync in found]
    assert not [sync for sync in flat if STOPPED[0] <= sync.started_at < STOPPED[1]]
    caught_up = sorted(sync.tenant for sync in flat if sync.reason == "catch_up" and sync.due_for < STOPPED[1])  # type: ignore[operator]
    acting = [t for t in TENANTS if any(begins == STOPPED[1] for begins, _, _ in t.phases) and t.key != "paused-1"]
    missed = [t.key for t in acting if any(STOPPED[0] <= at < STOPPED[1] for at in regular(t.times, t.zone))]
    # A sync requested meanwhile served one; the disabled tenant was enabled later.
    assert caught_up == sorted({*missed, "disabled-1"} - {"ten-3"})


def test_no_two_syncs_of_a_tenant_overlap_and_none_begins_outside_its_hours(syncs: Syncs) -> None:
    for key, found in syncs.items():
        for before, after in pairwise(found):
            assert before.finished_at <= after.started_at, (before, after)
        if hours := BY_KEY[key].times.hours:
            open_ = windows(hours, BY_KEY[key].zone)
            for sync in found:
                assert any(begins <= sync.started_at < ends for begins, ends in open_), sync


def test_a_rejected_tenant_is_tried_once_for_each_scheduled_time(syncs: Syncs) -> None:
    tenant = BY_KEY["refused-1"]
    after = [sync for sync in syncs[tenant.key] if sync.started_at > REFUSED_FROM]
    assert [sync.outcome for sync in after] == ["failed"] * len(after)
    assert all("rejected by ServiceTitan" in (sync.error or "") for sync in after)
    assert [(sync.reason, sync.due_for) for sync in after] == [
        (one.reason, one.due_for) for one in expected(tenant) if one.earliest > REFUSED_FROM
    ]


def test_a_tenant_that_lacks_a_scope_is_tried_five_times_for_each_scheduled_time(syncs: Syncs) -> None:
    tenant = BY_KEY["scope-1"]
    groups = tries(syncs[tenant.key])
    assert [group[0].reason for group in groups] == [one.reason for one in expected(tenant)] == ["first", "regular"]
    for group in groups:
        assert [sync.outcome for sync in group] == ["failed"] * (1 + len(PAUSES))
        assert_retried_as_promised(group)


def test_requested_syncs_ran_once_and_name_the_requester(syncs: Syncs) -> None:
    done = [sync for found in syncs.values() for sync in found if sync.reason == "request"]
    found = {(sync.tenant, sync.requested_by): sync for sync in done}
    assert sorted(found) == sorted((one.tenant, one.by) for one in ASKED)
    assert len(done) == len(ASKED)
    for one in ASKED:
        sync = found[one.tenant, one.by]
        served_from = max(one.at, one.served_from)
        assert served_from <= sync.started_at <= served_from + 5 * MINUTE
        assert sync.outcome == "succeeded"
        assert sync.is_partial == (one.entities is not None)


def test_every_sync_belongs_to_a_run_for_its_tenant_and_no_run_has_two(month: Month, syncs: Syncs) -> None:
    flat = [sync for found in syncs.values() for sync in found]
    of = {(sync.run_id, sync.tenant) for sync in flat}
    assert len(of) == len(flat)
    assert {run_id for run_id, _ in of} == set(month.daemon.runs), "a run without any work was unnecessary"
    keys = list(month.daemon.instance.get_dynamic_partitions("tenants"))
    runs = {run.run_id: run for run in month.daemon.instance.get_runs(dg.RunsFilter(run_ids=month.daemon.runs))}
    for run_id, tenant in of:
        tags = runs[run_id].tags
        first = tags.get("dagster/asset_partition_range_start") or tags["dagster/partition"]
        last = tags.get("dagster/asset_partition_range_end") or first
        assert keys.index(first) <= keys.index(tenant) <= keys.index(last)
    failed = {sync.run_id for sync in flat if sync.outcome == "failed"}
    for run_id, run in runs.items():
        wanted = dg.DagsterRunStatus.FAILURE if run_id in failed else dg.DagsterRunStatus.SUCCESS
        assert run.status is wanted, run_id


def test_each_provoked_problem_is_alerted_once_and_resolved_when_it_ends(month: Month) -> None:
    wanted: list[tuple[str | None, str, str]] = [
        ("late-1", "not_connected", "opened"),
        ("late-1", "not_connected", "recovered"),
        ("refused-1", "credentials_refused", "opened"),
        # A tenant that keeps failing gets two alerts: that it failed, and that it fails repeatedly.
        ("scope-1", "failed_sync", "opened"),
        ("scope-1", "failures_in_a_row", "opened"),
    ]
    for key in ("chicago-1", "chicago-2", "chicago-3"):
        for rule in ("failed_sync", "failures_in_a_row"):
            wanted += [(key, rule, "opened"), (key, rule, "recovered")]
    # No alert says that the rejected tenant's data is stale, because an earlier one said why.
    for tenant in HEALTHY:
        if is_stale_after_stop(tenant):
            wanted += [(tenant.key, "stale", "opened"), (tenant.key, "stale", "recovered")]
    told = [(one["tenant"], one["rule"], one["state"]) for one in month.daemon.told]
    assert sorted(told, key=str) == sorted(wanted, key=str)
    still_open = month.connection.execute(
        "select tenant, rule from control.incidents where closed_at is null order by 1, 2"
    ).fetchall()
    assert still_open == [
        ("refused-1", "credentials_refused"),
        ("scope-1", "failed_sync"),
        ("scope-1", "failures_in_a_row"),
    ]


def test_raw_equals_the_api_at_the_end(month: Month) -> None:
    for tenant in HEALTHY:
        world = month.sandbox.world(NUMBERS[tenant.key])
        for entity in ENTITIES:
            rows = month.connection.execute(
                f"select count(*) from raw.{entity} where tenant = %s and _deleted_at is null",  # type: ignore[arg-type]
                (tenant.key,),
            ).fetchone()
            assert rows == (world.count(entity),), (tenant.key, entity)


def test_the_api_misbehaved_all_month_and_the_client_tried_again(month: Month) -> None:
    statuses = {call.status for call in month.sandbox.calls}
    assert {0, 200, 400, 429, 500, 502, 503} <= statuses
    row = month.connection.execute(
        """
        select count(distinct s.tenant), sum(c.retries)
        from control.api_calls c join control.syncs s on s.id = c.sync_id
        where s.outcome = 'succeeded' and c.retries > 0
        """
    ).fetchone()
    assert row
    tenants, retries = row
    assert tenants > 10
    assert retries > 30
