"""Fields that come and go, nulls everywhere, unknown values: nothing fails, nothing is lost, drift is reported."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from psycopg import sql

from st_pipeline.sandbox import Account, Sandbox, Size
from st_pipeline.servicetitan.catalogue import lookup
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.servicetitan.catalogue.model import Endpoint
from st_pipeline.sync.tenant import SyncPlan, sync_tenant
from tests.end_to_end import snapshot
from tests.end_to_end.home import Home

KEY = "drifter"
# Without the usual awkward cases, so that every oddity comes from one of these tests.
SIZE = Size(customers=60, invoices=80, awkward=False)
ACCOUNT = Account(3301, "cid.drifter", "cs1.drifter", "ak1.app", seed=9, size=SIZE)
PAST = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
EMPTY_ID, BARE_ID, STRANGE_ID = 97_000_001, 97_000_002, 97_000_003


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox([ACCOUNT], page_size=40) as sandbox:
        yield sandbox


def names_of(endpoint: Endpoint) -> list[str]:
    return list(dict.fromkeys(field.path[0] for field in endpoint.fields if field.path[0] != "id"))


def sync(home: Home, sandbox: Sandbox) -> None:
    outcome = sync_tenant(home.pipeline(sandbox.url), KEY, SyncPlan(ASSET_ENTITIES, ASSET_ENTITIES))
    assert outcome.failures == []


def test_null_or_nothing_in_every_field_but_id_is_loaded_as_null(home: Home, sandbox: Sandbox) -> None:
    home.register(ACCOUNT, KEY)
    for entity in ASSET_ENTITIES:
        nulls: dict[str, Any] = dict.fromkeys(names_of(lookup.endpoint(entity)))
        sandbox.commit(ACCOUNT.tenant_id, entity, {"id": EMPTY_ID, **nulls}, PAST)
        sandbox.commit(ACCOUNT.tenant_id, entity, {"id": BARE_ID}, PAST)
    sync(home, sandbox)
    world = sandbox.world(ACCOUNT.tenant_id)
    with home.connect() as connection:
        for entity in ASSET_ENTITIES:
            rows = connection.execute(
                sql.SQL(
                    "select id, to_jsonb(r) - 'id' - 'tenant' - '_landed_at' from {} r where id = any(%s) order by id"
                ).format(sql.Identifier("raw", entity)),
                ([EMPTY_ID, BARE_ID],),
            ).fetchall()
            assert [record_id for record_id, _ in rows] == [EMPTY_ID, BARE_ID], entity
            assert {value for _, row in rows for value in row.values()} == {None}, entity
        snapshot.assert_balanced(connection, KEY, {entity: world.count(entity) for entity in ASSET_ENTITIES})
        assert connection.execute("select count(*) from control.quarantine").fetchone() == (0,)
        assert connection.execute("select count(*) from control.drift").fetchone() == (0,)


def test_new_fields_and_unknown_values_are_kept_and_new_and_missing_fields_reported(
    home: Home, sandbox: Sandbox
) -> None:
    home.register(ACCOUNT, KEY)
    loyalty = {"tier": "gold", "points": 12.50, "since": None}
    strange = {
        "id": STRANGE_ID,
        "name": "Strange",
        "type": "Extraterrestrial",
        "modifiedOn": "2025-11-01T00:00:00Z",
        "address": {"street": "1 Orbit", "planet": "Mars"},
        "loyalty": loyalty,
        "Ünïcode.field": [1, {"a": None}],
    }
    sandbox.commit(ACCOUNT.tenant_id, "crm_customers", strange, PAST)
    integer_enum = {"id": STRANGE_ID, "status": 7, "modifiedOn": "2025-11-01T00:00:00Z"}
    sandbox.commit(ACCOUNT.tenant_id, "jpm_appointments", integer_enum, PAST)
    for record in sandbox.world(ACCOUNT.tenant_id).records("settings_business_units"):
        del record["officialName"]
        sandbox.commit(ACCOUNT.tenant_id, "settings_business_units", record, PAST)
    sync(home, sandbox)
    with home.connect() as connection:
        assert connection.execute(
            "select name, type, address__street, _extra from raw.crm_customers where id = %s", (STRANGE_ID,)
        ).fetchone() == (
            "Strange",
            "Extraterrestrial",
            "1 Orbit",
            {"address": {"planet": "Mars"}, "loyalty": loyalty, "Ünïcode.field": [1, {"a": None}]},
        )
        query = "select status from raw.jpm_appointments where id = %s"
        assert connection.execute(query, (STRANGE_ID,)).fetchone() == ("7",)
        drift = connection.execute("select tenant, entity, kind, field from control.drift").fetchall()
        assert set(drift) == {
            (KEY, "crm_customers", "new", "loyalty"),
            (KEY, "crm_customers", "new", "address.planet"),
            (KEY, "crm_customers", "new", "Ünïcode.field"),
            (KEY, "settings_business_units", "missing", "officialName"),
        }
        assert connection.execute("select count(*) from control.quarantine").fetchone() == (0,)
    (told,) = json.loads(home.run("status", "--json").out)["tenants"]
    assert (told["tenant"], told["drift"], told["last_outcome"]) == (KEY, 4, "succeeded")


def without(endpoint: Endpoint, name: str) -> Endpoint:
    """The endpoint as in an older catalog that did not know a field yet."""
    fields = tuple(field for field in endpoint.fields if field.path[0] != name)
    assert len(fields) < len(endpoint.fields)
    return replace(endpoint, fields=fields)


@pytest.fixture
def old_catalogue(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """An older version of the catalog, until it is undone: without a text, an amount and an object."""
    shipped: Mapping[str, Endpoint] = lookup.entities()
    old = dict(shipped)
    for entity, name in (("crm_customers", "type"), ("accounting_invoices", "total"), ("crm_locations", "address")):
        old[entity] = without(old[entity], name)
    with home.connect() as connection:
        for entity in old:
            connection.execute(sql.SQL("drop table if exists {}").format(sql.Identifier("raw", entity)))
    with monkeypatch.context() as patch:
        patch.setattr(lookup, "entities", lambda: old)
        yield patch


def test_a_field_added_to_the_catalog_is_filled_by_a_reload_without_api_calls(
    home: Home, sandbox: Sandbox, old_catalogue: pytest.MonkeyPatch
) -> None:
    home.register(ACCOUNT, KEY)
    sync(home, sandbox)
    world = sandbox.world(ACCOUNT.tenant_id)
    with home.connect() as connection:
        has_total = "select count(*) from pg_attribute where attrelid = 'raw.accounting_invoices'::regclass"
        assert connection.execute(f"{has_total} and attname = 'total'").fetchone() == (0,)
        query = "select count(*) from control.drift where kind = 'new' and field in ('type', 'total', 'address')"
        assert connection.execute(query).fetchone() == (3,)
    calls = len(sandbox.calls)
    old_catalogue.undo()
    reloaded = json.loads(home.run("reload", KEY, "--json").out)
    assert reloaded["succeeded"]
    assert len(sandbox.calls) == calls
    with home.connect() as connection:
        for table, column, value in (
            ("crm_customers", "type", lambda record: record["type"]),
            ("crm_locations", "address__street", lambda record: record["address"]["street"]),
            ("accounting_invoices", "total::text", lambda record: record["total"]),
        ):
            rows = connection.execute(f"select id, {column} from raw.{table}").fetchall()  # pyright: ignore
            assert len({value for _, value in rows}) > 1
            expected = {record["id"]: value(record) for record in world.records(table)}
            if column == "total::text":
                assert {key: float(text) for key, text in rows} == {key: float(text) for key, text in expected.items()}
            else:
                assert dict(rows) == expected
        snapshot.assert_balanced(connection, KEY, {entity: world.count(entity) for entity in ASSET_ENTITIES})
        extra = connection.execute("select count(*) from raw.accounting_invoices where _extra ? 'total'").fetchone()
        assert extra == (0,)
