"""all_rules.py: a well tenant provokes no rule, a rule that is off finds nothing, many tenants cost no more queries."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import psycopg
import pytest
from psycopg.abc import Query

from st_pipeline.rules.thresholds import FailedSync, Rules
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.tenants.model import Status
from tests.support.monitored import Find
from tests.support.past import DAY, HOUR, LAST_NIGHT, MINUTE, NOW, Past, calls, read


def test_a_tenant_that_is_well_provokes_no_rule(past: Past, find: Find) -> None:
    past.tenant()
    past.sync(NOW - 60 * DAY, entities=[read(fetched=5000)], called=[calls(600), calls(3, status=500)])
    past.nights(45)
    past.sync(NOW - 2 * HOUR, full=True, entities=[read(fetched=5100)], called=[calls(600)])
    assert find() == []


@pytest.mark.parametrize("cadence", ["weekly", "monthly", "every 6h", "paused", "0 3 * * mon-fri"])
def test_a_tenant_of_another_cadence_is_well_too(past: Past, find: Find, cadence: str) -> None:
    past.tenant(cadence=cadence)
    past.sync(NOW - 2 * HOUR, entities=[read()], called=[calls(40)])
    assert find() == []


def test_a_tenant_that_was_connected_just_now_is_well(past: Past, find: Find) -> None:
    past.tenant(since=NOW - MINUTE, credentials_since=NOW - MINUTE)
    assert find() == []


def test_without_any_tenant_nothing_is_found(past: Past, find: Find) -> None:
    assert find() == []


def test_a_rule_that_is_off_finds_nothing(past: Past, find: Find) -> None:
    past.tenant()
    past.sync(LAST_NIGHT, error="acme: it broke")
    assert "failed_sync" in {finding.rule for finding in find()}
    off = replace(Rules(), failed_sync=FailedSync(enabled=False))
    assert "failed_sync" not in {finding.rule for finding in find(rules=off)}


def test_nobody_is_told_of_a_disabled_tenant(past: Past, find: Find) -> None:
    past.tenant()
    past.nights(3, until=LAST_NIGHT - 10 * DAY)
    for hour in range(5):
        past.sync(LAST_NIGHT + hour * HOUR, error="acme: it broke", called=[calls(50, status=500)])
    past.land(NOW - DAY, loaded=False)
    past.found("acme", Status.REFUSED, "no longer", NOW)
    assert len(find()) > 4
    past.registry.disable("acme")
    assert find() == []


def test_a_round_over_three_hundred_tenants_takes_no_more_statements_than_one_over_one(
    past: Past, find: Find, control: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their history of a month, with a tenant among them that is synced every minute."""
    statements: list[object] = []
    execute = psycopg.Cursor.execute

    def counted(cursor: psycopg.Cursor, query: Query, *args: Any, **options: Any) -> psycopg.Cursor:
        statements.append(query)
        return execute(cursor, query, *args, **options)

    past.tenant("t0", cadence="every 1m")
    past.sync(NOW - MINUTE, "t0", entities=[read()], called=[calls(40)])
    with monkeypatch.context() as patch:
        patch.setattr(psycopg.Cursor, "execute", counted)
        assert find() == []
    alone = [*statements]
    statements.clear()
    assert alone
    past.forget()
    past.tenant("t0", cadence="every 1m")
    control.execute(
        """
        insert into control.tenants (key, name, tenant_id, environment, timezone, cadence, status_detail, status)
        select 't' || n, 't', 1000 + n, 'sandbox', 'UTC', 'nightly', 'connected', 'connected'
        from generate_series(1, 299) n
        """
    )
    control.execute(
        """
        insert into control.syncs (tenant, is_full, started_at, finished_at, outcome)
        select 't' || n, false, %(now)s - night * interval '1 day' - interval '10 hours',
            %(now)s - night * interval '1 day' - interval '590 minutes', 'succeeded'
        from generate_series(1, 299) n, generate_series(0, 29) night
        union all
        select 't0', false, %(now)s - minute * interval '1 minute', %(now)s - minute * interval '1 minute', 'succeeded'
        from generate_series(1, 1440) minute
        """,
        {"now": NOW},
    )
    control.execute(
        """
        insert into control.sync_entities
        select s.id, e, 'succeeded', 10, 10, 10, 0, 0, 0, 1, 1, 1000, 1, null, null
        from control.syncs s, unnest(%s::text[]) e
        """,
        (list(ASSET_ENTITIES),),
    )
    control.execute(
        """
        insert into control.landed_files (tenant, entity, batch, n, path, records, quarantined_whole, pages, bytes,
            cursor_from, fingerprint, landed_at, loaded_rows, loaded_at)
        select s.tenant, e, s.id, 0, s.id || e, 10, 0, 1, 1000, 'token', '', s.started_at, 10, s.started_at
        from control.syncs s, unnest(%s::text[]) e where s.tenant <> 't0'
        """,
        (list(ASSET_ENTITIES),),
    )
    control.execute(
        """
        insert into control.api_calls
        select s.id, s.tenant, 'GET ' || n, 200, 3, 0, 1000, 1, 1, '{3}' from control.syncs s, generate_series(1, 12) n
        """
    )
    control.execute("analyze")
    monkeypatch.setattr(psycopg.Cursor, "execute", counted)
    assert find() == []
    assert statements == alone
