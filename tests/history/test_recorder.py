"""What is recorded when a sync ends: details, and in its own row their sums, its app and the API's trace id."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from st_pipeline import postgres
from st_pipeline.history import recorder
from st_pipeline.history.recorder import EntityRecord
from st_pipeline.servicetitan.calls import CallCount, CallLog
from st_pipeline.servicetitan.errors import RequestWrong, Unavailable
from st_pipeline.settings import Settings
from tests.support.past import NOW, Past, read


def row(connection: psycopg.Connection, sync_id: int) -> dict[str, Any]:
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute("select * from control.syncs where id = %s", (sync_id,)).fetchone()
    assert found
    return found


def some_calls() -> list[CallCount]:
    log = CallLog()
    log.add("GET /a", status=200, seconds=0.2, size=100, is_retry=False)
    log.add("GET /a", status=200, seconds=0.4, size=50, is_retry=True)
    log.add("GET /a", status=429, seconds=0.1, size=7, is_retry=False)
    log.add("GET /b", status=503, seconds=1.5, size=0, is_retry=False)
    log.add("GET /b", status=0, seconds=3.0, size=0, is_retry=True)
    return log.snapshot()


def test_the_row_of_a_sync_has_the_sums_of_its_entities_and_calls(past: Past) -> None:
    past.tenant()
    entities = [
        read("crm_customers", 100, quarantined_whole=1, quarantined_fields=3, deleted=2, bytes=500),
        read("accounting_invoices", 40, pages=3, bytes=70),
        EntityRecord("jpm_jobs", "not_granted"),
    ]
    found = row(past.connection, past.sync(NOW, entities=entities, called=some_calls()))
    names = ("fetched", "loaded", "quarantined_whole", "quarantined_fields", "deleted", "pages", "bytes")
    assert [found[name] for name in names] == [140, 140, 1, 3, 2, 4, 570]
    names = ("calls", "failed_calls", "refused_calls", "retries", "slowest_call")
    assert [found[name] for name in names] == [5, 2, 1, 2, 3.0]
    assert round(found["call_seconds"], 9) == 5.2
    assert found["buckets"] == [sum(counts) for counts in zip(*(c.buckets for c in some_calls()), strict=True)]


def test_a_sync_that_did_nothing_has_sums_of_0(past: Past) -> None:
    past.tenant()
    found = row(past.connection, past.sync(NOW, error="acme: no"))
    assert (found["fetched"], found["calls"], found["slowest_call"], sum(found["buckets"])) == (0, 0, 0, 0)
    assert (found["outcome"], found["error"], found["trace_id"]) == ("failed", "acme: no", None)


def test_the_app_is_its_id_or_the_end_of_the_client_id_and_nothing_secret(past: Past) -> None:
    past.tenant("plumbers-and-more")
    masked = row(past.connection, past.sync(NOW, "plumbers-and-more"))["app"]
    past.connection.execute("update control.credentials set app_id = 'app-77'")
    known = row(past.connection, past.sync(NOW, "plumbers-and-more"))["app"]
    past.connection.execute("delete from control.credentials")
    without = row(past.connection, past.sync(NOW, "plumbers-and-more"))["app"]
    assert (masked, known, without) == ("…more", "app-77", "")


def test_trace_ids_of_the_apis_errors_have_their_own_columns(past: Past) -> None:
    past.tenant()
    given_up = Unavailable(
        "no usable answer", tries=5, seconds=2, tenant="acme", entity="crm_customers", trace_id="0af7651916cd43dd"
    )
    wrong = RequestWrong("returned 400 (again)", tenant="acme", entity="jpm_jobs", status=400, trace_id="00-b7ad|x.1_")
    entities = [
        EntityRecord("crm_customers", "failed", detail=str(given_up), trace_id=given_up.trace_id),
        EntityRecord("jpm_jobs", "failed", detail=str(wrong), trace_id=wrong.trace_id),
        EntityRecord("crm_locations", "failed", detail="acme crm_locations: disk full"),
        read("accounting_invoices"),
    ]
    sync_id = past.sync(NOW, error=f"{given_up}; {wrong}", entities=entities)
    found = past.connection.execute(
        "select entity, trace_id from control.sync_entities where sync_id = %s order by entity", (sync_id,)
    ).fetchall()
    assert found == [
        ("accounting_invoices", None),
        ("crm_customers", "0af7651916cd43dd"),
        ("crm_locations", None),
        ("jpm_jobs", "00-b7ad|x.1_"),
    ]
    assert row(past.connection, sync_id)["trace_id"] == "0af7651916cd43dd"


def test_the_requester_and_reason_are_kept(past: Past) -> None:
    past.tenant()
    cause = recorder.Cause("request", None, "ann")
    sync_id = recorder.record_start(past.connection, "acme", "run-1", NOW, full=True, partial=True, cause=cause)
    found = row(past.connection, sync_id)
    names = ("reason", "due_for", "requested_by", "run_id", "is_full", "is_partial", "outcome", "finished_at")
    assert [found[name] for name in names] == ["request", None, "ann", "run-1", True, True, None, None]


def test_migration_adds_sums_to_older_syncs(server_settings: Settings) -> None:
    database = postgres.warehouse(server_settings).with_name("history_of_before")
    postgres.ensure_database(database)
    postgres.migrate(database, "0006")
    with postgres.connect(database, autocommit=True) as connection:
        connection.execute(
            """
            insert into control.tenants (key, name, tenant_id, environment, timezone, cadence, status_detail)
            values ('acme', 'Acme', 1, 'sandbox', 'UTC', 'nightly', '');
            insert into control.credentials (tenant, client_id, client_secret) values ('acme', 'cid.of-acme', 'x');
            insert into control.syncs (tenant, is_full, started_at, finished_at, outcome, error)
            values ('acme', false, now(), now(), 'failed', 'acme/jpm_jobs: returned 500 (trace abc)'),
                ('gone', false, now(), null, null, null);
            insert into control.sync_entities
            select id, entity, 'succeeded', 10, 10, 9, 1, 2, 3, 1, 4, 50, 1.5
            from control.syncs, unnest('{a,b}'::text[]) entity where tenant = 'acme';
            """
        )
        insert = "insert into control.api_calls values (1, 'acme', %s, %s, %s, %s, %s, %s, %s, %s)"
        for count in some_calls():
            *values, buckets = astuple(count)
            connection.execute(insert, (*values, list(buckets)))
        postgres.migrate(database)
        migrated, other = row(connection, 1), row(connection, 2)
        recorder.record_finish(
            connection, 2, "acme", NOW, error=migrated["error"], trace_id="abc", entities=[], calls=some_calls()
        )
        written = row(connection, 2)
    names = ("calls", "failed_calls", "refused_calls", "retries", "slowest_call", "buckets", "app", "trace_id")
    assert [migrated[name] for name in names] == [written[name] for name in names]
    assert migrated["call_seconds"] == pytest.approx(written["call_seconds"])
    names = ("fetched", "loaded", "quarantined_whole", "quarantined_fields", "deleted", "pages", "bytes")
    assert [migrated[name] for name in names] == [20, 18, 2, 4, 6, 8, 100]
    assert [other[name] for name in (*names, "calls", "app", "buckets")] == [0] * 8 + ["", []]
