"""A sync against all faults at once: it completes, and every record is accounted for.

With 2,000 invoices in small pages in the suite, and 50,000 in ``make acceptance``.
"""

from __future__ import annotations

import time
from dataclasses import replace

import msgspec
import psycopg
import pytest

from st_pipeline.sandbox import Account, Call, Faults, Sandbox, Size
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.servicetitan.catalogue.naming import snake_case
from st_pipeline.servicetitan.pacing import Lane
from st_pipeline.sync.tenant import ENTITIES_AT_ONCE, SyncPlan, sync_tenant
from tests.end_to_end import snapshot
from tests.end_to_end.home import Home

KEY = "stormy"
ACCOUNT = Account(3101, "cid.stormy", "cs1.stormy", "ak1.app", seed=8)
FAULTS = Faults(
    rate_429=0.02,
    rate_5xx=0.01,
    rate_truncated=0.01,
    rate_reset=0.01,
    token_seconds=1.5,  # the response says 2, so some tokens are rejected before they are renewed
    repeat_token=True,
    seed=4,
)
CALLS_PER_SECOND = 60

Noted = set[tuple[int, str]]


@pytest.mark.parametrize(
    ("invoices", "page_size", "untypable"),
    [(2_000, 60, 0.03), pytest.param(50_000, 500, 0.001, marks=pytest.mark.acceptance)],
)
def test_a_sync_with_every_fault_on_completes_and_accounts_for_every_record(
    home: Home, invoices: int, page_size: int, untypable: float
) -> None:
    account = replace(ACCOUNT, size=Size(customers=invoices * 2 // 5, invoices=invoices))
    with Sandbox([account], replace(FAULTS, untypable=untypable), page_size=page_size) as sandbox:
        sandbox.world(ACCOUNT.tenant_id).counts()  # generated before any call
        assert_complete(home, sandbox, invoices)


def assert_complete(home: Home, sandbox: Sandbox, invoices: int) -> None:
    pipeline = home.pipeline(sandbox.url)
    home.register(ACCOUNT, KEY)
    outcome = sync_tenant(pipeline, KEY, SyncPlan(ASSET_ENTITIES, ASSET_ENTITIES))
    assert outcome.failures == []
    world = sandbox.world(ACCOUNT.tenant_id)
    assert world.count("accounting_invoices") == invoices
    with home.connect() as connection:
        for entity in ASSET_ENTITIES:
            done, sent = outcome.entities[entity], world.count(entity)
            assert done.landed
            assert done.landed.records == done.loaded.rows + done.loaded.quarantined_whole == sent, entity
            assert found_notes(connection, entity) == expected_notes(sandbox, entity), entity
        snapshot.assert_balanced(connection, KEY, {entity: world.count(entity) for entity in ASSET_ENTITIES})
        assert connection.execute("select count(*) > 100 from control.quarantine").fetchone() == (True,)
    assert_struck(sandbox.calls)
    assert sandbox.peak_rate(ACCOUNT.tenant_id) <= CALLS_PER_SECOND


def expected_notes(sandbox: Sandbox, entity: str) -> tuple[list[str], Noted]:
    """From the sandbox: the records without a usable id, and (id, defective member) of the others."""
    world = sandbox.world(ACCOUNT.tenant_id)
    kinds = world.defects(entity)
    whole: list[str] = []
    fields: Noted = set()
    for clean, sent in zip(world.served(entity, defects=False), world.served(entity), strict=True):
        if clean == sent:
            continue
        before = msgspec.json.decode(clean)
        if kinds[before["id"]] == "whole":
            whole.append(sent.decode())
            continue
        after = msgspec.json.decode(sent)
        (member,) = [name for name in before if before[name] != after[name]]
        # A list of items is kept as JSON, and "none" is valid JSON.
        if member != "items":
            fields.add((before["id"], snake_case(member)))
    return sorted(whole), fields


def found_notes(connection: psycopg.Connection, entity: str) -> tuple[list[str], Noted]:
    rows = connection.execute(
        "select record_id, field, record from control.quarantine where tenant = %s and entity = %s", (KEY, entity)
    ).fetchall()
    # A nested object of the wrong type loses all its columns: one note, or one for each.
    fields = {(record_id, field.split("__")[0]) for record_id, field, _ in rows if field}
    return sorted(record for _, field, record in rows if field is None), fields


def assert_struck(calls: list[Call]) -> None:
    """Every fault occurred."""
    statuses = {call.status for call in calls}
    assert {0, 200, 401, 429} <= statuses
    assert statuses & {500, 502, 503}
    asked = [(call.path, call.query) for call in calls if call.status == 200]
    assert len(asked) > len(set(asked)), "no response was truncated or repeated"


def test_every_thread_of_the_tenant_keeps_the_wait_in_a_429(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    holds: list[tuple[float, float]] = []
    hold = Lane.hold

    def watched(lane: Lane, seconds: float) -> None:
        began = time.monotonic()
        hold(lane, seconds)
        holds.append((time.monotonic(), began + seconds))

    monkeypatch.setattr(Lane, "hold", watched)
    account = replace(ACCOUNT, size=Size(customers=80, invoices=200))
    with Sandbox([account], Faults(rate_429=0.15, retry_after_seconds=1, seed=2), page_size=100) as sandbox:
        pipeline = home.pipeline(sandbox.url)
        home.register(account, KEY)
        outcome = sync_tenant(pipeline, KEY, SyncPlan(ASSET_ENTITIES, ASSET_ENTITIES))
        assert outcome.failures == []
        calls = sandbox.calls
    refused = [number for number, call in enumerate(calls) if call.status == 429]
    assert len(holds) == len(refused) > 0
    for since, until in holds:
        # Each of the other threads may already have a call in progress, or a slot for one.
        early = [call for call in calls if since < call.at < until]
        assert len(early) < ENTITIES_AT_ONCE, f"{len(early)} calls within the second named in a 429"
    for number in refused:
        call = calls[number]
        again = next(one for one in calls[number + 1 :] if (one.path, one.query) == (call.path, call.query))
        assert again.at >= call.at + 1
