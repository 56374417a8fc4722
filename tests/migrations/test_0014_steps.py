"""0014_steps.py: rows from before get the cause and the steps that their sentences told, and lose the advice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from st_pipeline import postgres
from st_pipeline.settings import Settings
from st_pipeline.tenants import tenant_table
from st_pipeline.tenants.model import CheckCause, Status

WHERE = "Settings > Integrations > API Application Access"
# Sentences as earlier versions stored them -> (status, cause, what is left, steps).
DETAILS: dict[str, tuple[str, str, CheckCause, str, list[dict[str, str]]]] = {
    "well": ("connected", "connected", CheckCause.NONE, "connected", []),
    "part": (
        "connected",
        "connected, but not granted: tn.crm.customers:r (for crm_customers). The legacy tables need it: add it to the "
        "app in the developer portal, let the tenant's administrator accept the new version, then run st-pipeline "
        "tenants check part",
        CheckCause.SCOPE,
        "connected, but not granted: tn.crm.customers:r (for crm_customers)",
        [{"do": "grant_scope", "about": "tn.crm.customers:r"}, {"do": "test_connection"}],
    ),
    "new": (
        "not_connected",
        f"ServiceTitan knows no such client yet. There, under {WHERE}, the tenant's administrator connects the app and "
        "generates client id and secret; enter them with st-pipeline tenants rotate new --client-id ID",
        CheckCause.CLIENT,
        "ServiceTitan knows no such client yet",
        [{"do": "connect_app"}, {"do": "enter_credentials"}],
    ),
    "gone": (
        "refused",
        "ServiceTitan no longer accepts the client secret; it did on 2026-05-01. It was deleted or the app was "
        f"disconnected: generate a new one there under {WHERE}, and enter it with st-pipeline tenants rotate gone",
        CheckCause.CLIENT,
        "ServiceTitan no longer accepts the client secret; it did on 2026-05-01. It was deleted or the app was "
        "disconnected",
        [{"do": "generate_secret"}, {"do": "enter_secret"}],
    ),
    "key": (
        "refused",
        "answers 401. Check the app key. Client id and secret are right; the app key is SERVICETITAN_APP_KEY, or the "
        "tenant's own: st-pipeline tenants rotate key --app-key-file FILE",
        CheckCause.APP_KEY,
        "answers 401. Check the app key",
        [{"do": "enter_app_key"}],
    ),
    "number": (
        "refused",
        "answers 404. If the tenant id 7 is wrong, correct it with st-pipeline tenants set number --tenant-id N",
        CheckCause.TENANT_ID,
        "answers 404",
        [{"do": "correct_tenant_id"}],
    ),
    "far": (
        "unreachable",
        "no usable answer. Then run st-pipeline tenants check far: nothing is known of its keys",
        CheckCause.NO_ANSWER,
        "no usable answer",
        [{"do": "test_connection"}],
    ),
}


@pytest.fixture(scope="module")
def migrated(server_settings: Settings) -> Iterator[psycopg.Connection[Any]]:
    """A warehouse of the version before with these rows, migrated."""
    database = postgres.warehouse(server_settings).with_name("before_steps")
    postgres.ensure_database(database)
    postgres.migrate(database, "0013")
    with postgres.connect(database, autocommit=True) as connection:
        for number, (key, (status, detail, *_)) in enumerate(DETAILS.items(), 1):
            connection.execute(
                """
                insert into control.tenants
                    (key, name, tenant_id, environment, timezone, cadence, status, status_detail, checked_at)
                values (%s, %s, %s, 'sandbox', 'UTC', 'nightly', %s, %s, now())
                """,
                (key, key, number, status, detail),
            )
        connection.execute(
            """
            insert into control.tenants (key, name, tenant_id, environment, timezone, cadence, status_detail)
            values ('fresh', 'Fresh', 99, 'sandbox', 'UTC', 'nightly',
                'not checked yet; run st-pipeline tenants check fresh');
            insert into control.syncs (tenant, is_full, started_at, finished_at, outcome, error) values
                ('a', false, now(), now(), 'failed',
                    'a is disabled; st-pipeline tenants enable a turns its syncs back on'),
                ('b', false, now(), now(), 'failed', 'b/jpm_jobs: answers 500 (trace abc)'),
                ('c', false, now(), now(), 'succeeded', null);
            insert into control.sync_entities (sync_id, entity, outcome, fetched, landed, loaded, quarantined_whole,
                quarantined_fields, deleted, files, pages, bytes, seconds, detail)
            values (2, 'jpm_jobs', 'failed', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'b/jpm_jobs: answers 500 (trace abc)');
            insert into control.incidents
                (key, rule, tenant, severity, what, advice, link, since, opened_at, last_seen_at)
            values ('stale|a|', 'stale', 'a', 'now', 'old', 'See it', '', now(), now(), now());
            """
        )
        postgres.migrate(database)
        yield connection


@pytest.mark.parametrize("key", DETAILS)
def test_a_check_keeps_its_fact_and_gets_its_cause_and_steps(migrated: psycopg.Connection[Any], key: str) -> None:
    status, _, cause, left, steps = DETAILS[key]
    tenant = tenant_table.read(migrated, key)
    assert (tenant.status, tenant.status_cause, tenant.status_detail) == (Status(status), cause, left)
    assert [{"do": s.do.value} | ({"about": s.about} if s.about else {}) for s in tenant.status_steps] == steps


def test_a_tenant_that_was_never_checked_is_to_be_tested(migrated: psycopg.Connection[Any]) -> None:
    tenant = tenant_table.read(migrated, "fresh")
    assert (tenant.status_cause, tenant.status_detail) == (CheckCause.NOT_CHECKED, "not checked yet")
    assert [step.do.value for step in tenant.status_steps] == ["test_connection"]


def test_a_sync_tells_its_own_error_from_those_of_its_entities(migrated: psycopg.Connection[Any]) -> None:
    rows = migrated.execute("select error, own_error, steps, trace_id from control.syncs order by id").fetchall()
    assert rows == [
        ("a is disabled", "a is disabled", [{"do": "enable"}], None),
        ("b/jpm_jobs: answers 500 (trace abc)", None, [], "abc"),
        (None, None, [], None),
    ]
    assert migrated.execute("select trace_id, steps from control.sync_entities").fetchone() == ("abc", [])


def test_an_incident_gets_the_steps_of_its_rule(migrated: psycopg.Connection[Any]) -> None:
    row = migrated.execute("select steps -> 0 ->> 'do', advice from control.incidents").fetchone()
    assert row == ("view_syncs", "See it")
