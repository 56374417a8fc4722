"""What changes between two syncs arrives once, in its newest version, and only in its own tenant's rows."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from psycopg import sql

from st_pipeline.sandbox import Account, Faults, Sandbox, Size
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.sync.pipeline import Pipeline
from st_pipeline.sync.tenant import SyncPlan, sync_tenant
from tests.end_to_end import snapshot
from tests.end_to_end.built import Built
from tests.end_to_end.home import Home

pytestmark = pytest.mark.acceptance

KEY, TWIN_KEY = "acme", "twin"
ACCOUNT = Account(3201, "cid.acme", "cs1.acme", "ak1.app", seed=3, size=Size(customers=150, invoices=250))
TWIN = replace(ACCOUNT, tenant_id=3202, client_id="cid.twin", client_secret="cs1.twin")
PAST = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
WINDOW_SECONDS = 16 * 60


@pytest.fixture
def sandbox():
    with Sandbox([ACCOUNT, TWIN], page_size=70) as sandbox:
        yield sandbox


@pytest.fixture
def pipeline(home: Home, sandbox: Sandbox) -> Pipeline:
    home.register(ACCOUNT, KEY)
    return home.pipeline(sandbox.url)


def sync(pipeline: Pipeline, *entities: str, key: str = KEY) -> None:
    wanted = entities or ASSET_ENTITIES
    outcome = sync_tenant(pipeline, key, SyncPlan(wanted, wanted))
    assert outcome.failures == []


def customer(record_id: int, modified_on: str, name: str) -> dict[str, Any]:
    return {"id": record_id, "name": name, "createdOn": modified_on, "modifiedOn": modified_on, "active": True}


def names(home: Home, *ids: int) -> dict[int, str]:
    with home.connect() as connection:
        query = "select id, name from raw.crm_customers where tenant = %s and id = any(%s) and _deleted_at is null"
        return dict(connection.execute(query, (KEY, list(ids))).fetchall())


def landed(home: Home, entity: str, key: str = KEY) -> list[str]:
    files = (home.landing / entity / f"tenant={key}").rglob("*.parquet")
    return [record for file in files for record in snapshot.records_of(file)]


def test_no_record_is_lost_or_doubled_if_half_of_one_modified_on_is_committed_between_syncs(
    home: Home, sandbox: Sandbox, pipeline: Pipeline
) -> None:
    at = "2025-11-03T10:20:30.1234567Z"
    ids = list(range(99_000_000, 99_001_000))
    # Every other record, so that the later half lies between the earlier ones in any order except commit order.
    for record_id in ids[::2]:
        sandbox.commit(ACCOUNT.tenant_id, "crm_customers", customer(record_id, at, f"early {record_id}"), PAST)
    sync(pipeline, "crm_customers")
    assert names(home, *ids) == {record_id: f"early {record_id}" for record_id in ids[::2]}
    for record_id in ids[1::2]:
        sandbox.commit(ACCOUNT.tenant_id, "crm_customers", customer(record_id, at, f"late {record_id}"), PAST)
    sync(pipeline, "crm_customers")
    found = names(home, *ids)
    assert sorted(found) == ids
    assert Counter(name.split()[0] for name in found.values()) == {"early": 500, "late": 500}
    texts = [text for text in landed(home, "crm_customers") if '"id":9900' in text]
    assert len(texts) == len(set(texts)) == 1_000
    sync(pipeline, "crm_customers")
    assert len(landed(home, "crm_customers")) == sandbox.world(ACCOUNT.tenant_id).count("crm_customers")


def test_edits_inactivations_additions_and_late_commits_arrive(
    home: Home, sandbox: Sandbox, pipeline: Pipeline
) -> None:
    sync(pipeline)
    done = sandbox.change(ACCOUNT.tenant_id, 6, edits=120, inactivations=30, additions=40, late=25)
    sync(pipeline)  # within the API's window of fifteen minutes, so not visible yet
    sandbox.advance(WINDOW_SECONDS)
    sync(pipeline)
    late = done.late["accounting_invoices"]
    world = sandbox.world(ACCOUNT.tenant_id)
    with home.connect() as connection:
        snapshot.assert_balanced(connection, KEY, {entity: world.count(entity) for entity in ASSET_ENTITIES})
        assert len(late) == 25
        query = "select count(*) from raw.accounting_invoices where tenant = %s and id = any(%s)"
        assert connection.execute(query, (KEY, late)).fetchone() == (25,)
        for entity in ("crm_customers", "jpm_jobs", "accounting_invoices", "memberships_memberships"):
            assert texts_in_raw(connection, entity) == texts_held(sandbox, entity), entity


# One column of each entity that edits and inactivations change.
TEXTS = {
    "crm_customers": ("name", "active", "modified_on"),
    "jpm_jobs": ("summary", "job_status", "modified_on"),
    "accounting_invoices": ("summary", "active", "modified_on"),
    "memberships_memberships": ("status", "active", "modified_on"),
}
MEMBERS = {"modified_on": "modifiedOn", "job_status": "jobStatus"}


def texts_in_raw(connection: psycopg.Connection, entity: str) -> set[tuple[Any, ...]]:
    columns = sql.SQL(", ").join(map(sql.Identifier, TEXTS[entity]))
    query = sql.SQL("select id, {} from {} where tenant = %s").format(columns, sql.Identifier("raw", entity))
    return set(connection.execute(query, (KEY,)))


def texts_held(sandbox: Sandbox, entity: str) -> set[tuple[Any, ...]]:
    def values(record: dict[str, Any]) -> tuple[Any, ...]:
        found = [record.get(MEMBERS.get(column, column)) for column in TEXTS[entity]]
        instant = dt.datetime.fromisoformat(found[-1]) if found[-1] else None
        return (record["id"], *found[:-1], instant)

    return {values(record) for record in sandbox.world(ACCOUNT.tenant_id).records(entity)}


def test_an_older_version_that_comes_later_never_overwrites_a_newer_one(
    home: Home, sandbox: Sandbox, pipeline: Pipeline
) -> None:
    def commit(record_id: int, modified_on: str, name: str) -> None:
        sandbox.commit(ACCOUNT.tenant_id, "crm_customers", customer(record_id, modified_on, name), PAST)

    commit(98_000_001, "2025-10-01T00:00:00.0000002Z", "newer by a tick")
    commit(98_000_002, "2025-10-01T00:00:00Z", "first")
    sync(pipeline, "crm_customers")
    commit(98_000_001, "2025-10-01T00:00:00.0000001Z", "older by a tick")
    commit(98_000_002, "2025-10-01T00:00:00Z", "same time, sent later")
    sync(pipeline, "crm_customers")
    # Both were fetched: the version decides which one is kept, not what was requested.
    assert any("older by a tick" in text for text in landed(home, "crm_customers"))
    assert names(home, 98_000_001, 98_000_002) == {
        98_000_001: "newer by a tick",
        98_000_002: "same time, sent later",
    }


def test_the_same_id_in_two_tenants_stays_two_rows_in_landing_raw_and_quarantine(
    home: Home, sandbox: Sandbox, pipeline: Pipeline
) -> None:
    sandbox.faults = Faults(untypable=0.05)
    home.register(TWIN, TWIN_KEY)
    sync(pipeline)
    before = landed(home, "crm_customers")
    sync(pipeline, key=TWIN_KEY)
    assert landed(home, "crm_customers") == before
    assert len(landed(home, "crm_customers", TWIN_KEY)) == len(before)
    # Records without an id may be identical, such as a bare null.
    both = set(landed(home, "crm_customers", TWIN_KEY)) & set(before)
    assert not [text for text in both if '"id":1' in text]
    with home.connect() as connection:
        rows = connection.execute(
            """
            select a.name, b.name from raw.crm_customers a join raw.crm_customers b using (id)
            where a.tenant = %s and b.tenant = %s
            """,
            (KEY, TWIN_KEY),
        ).fetchall()
        assert len(rows) > 130
        assert sum(one != other for one, other in rows) > 100
        for key, account in ((KEY, ACCOUNT), (TWIN_KEY, TWIN)):
            world = sandbox.world(account.tenant_id)
            snapshot.assert_balanced(connection, key, {entity: world.count(entity) for entity in ASSET_ENTITIES})
        notes = connection.execute(
            "select entity, record_id, array_agg(tenant order by tenant) from control.quarantine "
            "where record_id is not null and field <> 'id' group by entity, record_id, field"
        ).fetchall()
        # Both tenants have the same defective records; but a field that one tenant's record lacks may differ.
        assert sum(tenants == [KEY, TWIN_KEY] for _, _, tenants in notes) > 20


def test_the_same_id_in_two_tenants_stays_two_rows_in_staging_legacy_and_marts(built: Built) -> None:
    one, other = (account.tenant_id for account in built.accounts[:2])
    shared = built.held(one, "crm_customers").keys() & built.held(other, "crm_customers").keys()
    invoices = built.held(one, "accounting_invoices").keys() & built.held(other, "accounting_invoices").keys()
    assert min(len(shared), len(invoices)) > 1_500
    keys = [built.key(tenant_id) for tenant_id in (one, other)]
    codes = [built.code(tenant_id) for tenant_id in (one, other)]
    with built.home.connect() as connection:
        for table, column, ids in (
            ("staging.stg_crm_customers", "customer_id", shared),
            ("marts.customers", "customer_id", shared),
            ("staging.stg_accounting_invoices", "invoice_id", invoices),
            ("marts.invoices", "invoice_id", invoices),
        ):
            rows = connection.execute(
                f"select {column}, array_agg(tenant order by tenant) from {table} "  # pyright: ignore
                f"where {column} = any(%s) and tenant = any(%s) group by 1",
                (list(ids), keys),
            ).fetchall()
            assert dict(rows) == dict.fromkeys(ids, sorted(keys)), table
        rows = connection.execute(
            "select customer_id, array_agg(distinct tenant), array_agg(distinct customer_name) "
            "from legacy.members_stream where tenant = any(%s) group by 1",
            (codes,),
        ).fetchall()
        of_both = [len(set(names)) for _, tenants, names in rows if len(tenants) == 2]
        assert len(of_both) > 1_000
        assert sum(count == 2 for count in of_both) > 900
