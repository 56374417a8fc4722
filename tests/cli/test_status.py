"""status.py: every figure of ``status --json`` against one made by hand from the rows of schema control; the screen;
the portal's overview, which shows the same.

The rows are made by real syncs against the sandbox, and by a past that is written beside them.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row
from typer.testing import CliRunner, Result

from st_pipeline import postgres
from st_pipeline.alerting.alert_round import Alerting, evaluate
from st_pipeline.cli.main import app
from st_pipeline.history import recorder
from st_pipeline.history.recorder import EntityRecord
from st_pipeline.history.syncs import read_sync
from st_pipeline.landing.tenant_lock import tenant_lock
from st_pipeline.portal.app import create_app
from st_pipeline.portal.people import accounts
from st_pipeline.portal.people.roles import Role
from st_pipeline.portal.web.service import Portal
from st_pipeline.sandbox import Account, Sandbox, Size
from st_pipeline.schedule import sync_requests
from st_pipeline.schedule.due_times import State, next_sync, parse, regular_times
from st_pipeline.secret import Secret
from st_pipeline.servicetitan.calls import BOUNDS, CallLog
from st_pipeline.settings import Settings
from st_pipeline.steps.commands import command_words, with_commands
from st_pipeline.steps.step import from_plain
from st_pipeline.sync.pipeline import open_pipeline
from st_pipeline.sync.tenant import SyncPlan, sync_tenant
from st_pipeline.tenants.credentials import OwnCredentials
from st_pipeline.tenants.model import new_tenant
from tests.portal.browser import PASSWORD, Browser, text_of

ENTITIES = ["crm_customers", "accounting_invoices", "jpm_jobs"]
TENANTS = {
    "acme": "nightly",
    "bolt": "every 6h",
    "cole": "paused",
    "dale": "nightly",
    "eve": "nightly",
    "fay": "nightly",
}
WAITING, REFUSED = "eve", "fay"
DAY = timedelta(days=1)
Row = dict[str, Any]


@dataclass(frozen=True)
class Place:
    database: postgres.Database

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


def calls(*, fast: int, slow: int = 0, refused: int = 0) -> CallLog:
    log = CallLog()
    for number, status, seconds in ((fast, 200, 0.05), (slow, 503, 2.5), (refused, 429, 0.01)):
        for _ in range(number):
            log.add("GET /crm/v2/tenant/{tenant}/customers", status=status, seconds=seconds, size=9, is_retry=False)
    return log


def write_a_past(connection: psycopg.Connection, now: datetime) -> None:
    """Syncs that went well and badly, ended or were killed, of all or of a part, for five weeks."""

    def past_sync(
        key: str, ago: timedelta, seconds: float, error: str | None = None, trace_id: str | None = None, **called: int
    ) -> None:
        at = now - ago
        partial = called.pop("partial", 0) > 0
        sync_id = recorder.record_start(connection, key, f"run-{key}", at, full=False, partial=partial)
        entities = [EntityRecord("jpm_jobs", "succeeded", fetched=5, landed=5, loaded=5, pages=1)] if not error else []
        end = at + timedelta(seconds=seconds)
        recorder.record_finish(
            connection,
            sync_id,
            key,
            end,
            error=error,
            trace_id=trace_id,
            entities=entities,
            calls=calls(**called).snapshot(),
        )  # fmt: skip

    for days in range(35, 0, -1):
        past_sync("acme", days * DAY, 60 + days, fast=10)
        past_sync("bolt", days * DAY + timedelta(hours=3), 20, "bolt: no" if days % 3 == 0 else None, fast=4, slow=1)
    past_sync("bolt", timedelta(hours=20), 33, "bolt/jpm_jobs: answers 500 (trace 7f3a)", "7f3a", fast=3, slow=5)
    past_sync("bolt", timedelta(minutes=40), 20, fast=300, refused=2)
    past_sync("cole", timedelta(minutes=30), 5, "cole: no", fast=2, partial=1)
    past_sync("dale", timedelta(days=4), 10, fast=2)
    recorder.record_start(connection, "dale", None, now - timedelta(hours=2), full=False)
    recorder.record_start(connection, "acme", None, now - timedelta(minutes=3), full=True)
    sync_requests.request_sync(connection, "cole", "ann", now)
    for n in range(3):
        connection.execute(
            "insert into control.drift values ('bolt', 'jpm_jobs', %s, 'new', %s, %s)", (f"field{n}", now, now)
        )
    file = connection.execute("select id from control.landed_files where tenant = 'bolt' limit 1").fetchone()
    assert file
    for field in (None, "total", "total", "id"):
        connection.execute(
            "insert into control.quarantine values (%s, 'bolt', 'jpm_jobs', 1, 1, %s, 'no', '{}', %s)",
            (file[0], field, now),
        )
    evaluate(connection, Alerting(), now)


@pytest.fixture(scope="module")
def place(server_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    before = dict(os.environ)
    accounts = [
        Account(n, f"cid.number-{n}", f"cs1.{n}", "ak1.app", seed=n, size=Size(customers=12, invoices=9),
                connected=key != WAITING)
        for n, key in enumerate(TENANTS, 21)
    ]  # fmt: skip
    with Sandbox(accounts) as sandbox:
        os.environ["ST_PIPELINE_HOME"] = str(server_settings.home)
        os.environ["ST_PIPELINE_LANDING"] = str(tmp_path_factory.mktemp("landing"))  # a zone has one owner
        os.environ["ST_PIPELINE_SANDBOX_URL"] = sandbox.url
        database = postgres.warehouse(server_settings).with_name("cli_status")
        os.environ["ST_PIPELINE_DSN"] = database.url().reveal()
        pipeline = open_pipeline(Settings.from_environment())
        with pipeline.registry() as registry:
            for (key, cadence), account in zip(TENANTS.items(), accounts, strict=True):
                tenant = new_tenant(key=key, tenant_id=account.tenant_id, environment="sandbox", cadence=cadence)
                app_key = Secret("ak1.wrong" if key == REFUSED else account.app_key)
                own = OwnCredentials(account.client_id, Secret(account.client_secret), app_key)
                registry.add(tenant, own)
        for key in TENANTS:
            sync_tenant(pipeline, key, SyncPlan(ENTITIES, ENTITIES))
        with postgres.connect(database, autocommit=True) as connection:
            # As if they had been there, and were synced, for long; the syncs above are the first of their past.
            connection.execute("update control.tenants set created_at = created_at - interval '60 days'")
            connection.execute("update control.credentials set created_at = created_at - interval '60 days'")
            connection.execute(
                """
                update control.syncs set started_at = started_at - interval '40 days',
                    finished_at = finished_at - interval '40 days'
                """
            )
            connection.execute("update control.landed_files set landed_at = landed_at - interval '40 days'")
            write_a_past(connection, datetime.now(UTC))
        sync_tenant(pipeline, "dale", SyncPlan(ENTITIES, ENTITIES))
        with tenant_lock(database, "acme", "test", wait_seconds=5):
            yield Place(database)
    os.environ.clear()
    os.environ.update(before)


def rows(place: Place, table: str) -> list[Row]:
    with (
        postgres.connect(place.database, autocommit=True) as connection,
        connection.cursor(row_factory=dict_row) as cursor,
    ):
        return cursor.execute(sql.SQL("select * from {}").format(sql.Identifier("control", table))).fetchall()


def seconds(sync: Row) -> float:
    return (sync["finished_at"] - sync["started_at"]).total_seconds()


def state_of(sync: Row) -> str:
    # acme is locked, by the process that runs its newest sync
    return sync["outcome"] or ("running" if sync["tenant"] == "acme" else "interrupted")


def ended_at(sync: Row) -> datetime:
    """A sync that was killed ended when it started, for all that is known."""
    return sync["finished_at"] or sync["started_at"]


def of(place: Place, tenant: str, table: str) -> list[Row]:
    return [row for row in rows(place, table) if row["tenant"] == tenant]


def syncs_of(place: Place, tenant: str) -> list[Row]:
    return sorted(of(place, tenant, "syncs"), key=lambda sync: (sync["started_at"], sync["id"]))


def next_by_hand(place: Place, tenant: Row, now: datetime) -> Any:
    """From the rows what is known of a tenant; what follows is the schedule's own function."""
    whole = [sync for sync in syncs_of(place, tenant["key"]) if not sync["is_partial"]]
    succeeded = [sync["started_at"] for sync in whole if sync["outcome"] == "succeeded"]
    failed = [
        sync
        for sync in whole
        if state_of(sync) in ("failed", "interrupted") and (not succeeded or sync["started_at"] > succeeded[-1])
    ]
    (credentials,) = of(place, tenant["key"], "credentials")
    state = State(
        connected_since=tenant["created_at"] if tenant["connected_at"] else None,
        last_success_due=succeeded[-1] if succeeded else None,
        failed_starts=tuple(sync["started_at"] for sync in failed),
        last_ended_at=max(map(ended_at, failed)) if failed else None,
        last_failure_is_permanent=tenant["status"] in ("refused", "not_connected"),
        credentials_changed_at=credentials["created_at"],
        running=tenant["key"] == "acme",
    )
    return next_sync(parse(tenant["cadence"]), tenant["timezone"], state, now, tenant["key"])


def totals_by_hand(place: Place, now: datetime, zone: str) -> Row:
    tenants, syncs = rows(place, "tenants"), rows(place, "syncs")
    whole = [sync for sync in syncs if not sync["is_partial"] and state_of(sync) != "running"]
    lately = [sync for sync in whole if now - DAY < ended_at(sync) <= now]
    well = [sync for sync in lately if sync["outcome"] == "succeeded"]
    timed = [sync for sync in lately if sync["finished_at"]]
    midnight = now.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    ids = {sync["id"] for sync in syncs if sync["finished_at"] and now - DAY < sync["finished_at"] <= now}
    called = [row for row in rows(place, "api_calls") if row["sync_id"] in ids]
    number = sum(row["calls"] for row in called)
    within = 0
    p95 = math.inf
    for n, bound in enumerate(BOUNDS):
        within += sum(row["buckets"][n] for row in called)
        if within >= 0.95 * number:
            p95 = min(bound, max(row["slowest"] for row in called))
            break
    hour = [
        sync
        for tenant in tenants
        for sync in [s for s in syncs_of(place, tenant["key"]) if s["finished_at"] and s["calls"]][-1:]
        if now - timedelta(hours=1) < sync["finished_at"] <= now
    ]
    rates = {
        sync["tenant"]: sum(row["calls"] for row in rows(place, "api_calls") if row["sync_id"] == sync["id"])
        / max(1.0, seconds(sync))
        for sync in hour
    }
    asked = {row["tenant"] for row in rows(place, "sync_requests") if row["served_at"] is None}
    due = {tenant["key"] for tenant in tenants if (found := next_by_hand(place, tenant, now)) and found.at <= now}
    busiest = max(rates, key=lambda tenant: rates[tenant])
    return {
        "tenants": len(tenants),
        "connected": sum(tenant["status"] == "connected" for tenant in tenants),
        "running": sum(state_of(sync) == "running" for sync in syncs),
        "queued": len((asked | due) - {"acme"}),
        "succeeded": len(well),
        "success_rate": pytest.approx(len(well) / len(lately)),
        "failed_today": sum(sync["outcome"] != "succeeded" and ended_at(sync) >= midnight for sync in whole),
        "average_sync_seconds": pytest.approx(sum(map(seconds, timed)) / len(timed)),
        "calls": number,
        "average_latency": pytest.approx(sum(row["seconds"] for row in called) / number),
        "p95_latency": pytest.approx(p95),
        "rate_limit_share": pytest.approx(rates[busiest] / 60),
        "busiest_tenant": busiest,
        "open_incidents": sum(incident["closed_at"] is None for incident in rows(place, "incidents")),
    }


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def tenant_by_hand(place: Place, tenant: Row, now: datetime) -> Row:
    key = tenant["key"]
    syncs = syncs_of(place, key)
    last = syncs[-1]
    entities = [row for row in rows(place, "sync_entities") if row["sync_id"] == last["id"]]
    succeeded = [sync for sync in syncs if sync["outcome"] == "succeeded" and not sync["is_partial"]]
    success_at = succeeded[-1]["finished_at"] if succeeded else None
    due = next_by_hand(place, tenant, now)
    asked = any(row["served_at"] is None for row in of(place, key, "sync_requests"))
    stale_at = None
    if tenant["cadence"] != "paused" and tenant["connected_at"]:
        came_at = max(tenant["created_at"], tenant["status_since"] if tenant["status"] == "connected" else EPOCH)
        regular, following = regular_times(parse(tenant["cadence"]), tenant["timezone"], success_at or came_at, 2)
        stale_at = regular + min(timedelta(hours=4), following - regular)
    quarantine = of(place, key, "quarantine")
    return {
        "tenant": key,
        **{name: tenant[name] for name in
           ("name", "environment", "enabled", "status", "status_cause", "cadence", "timezone")},
        "status_detail": with_commands(tenant["status_detail"], from_plain(tenant["status_steps"]), key),
        "last_sync_id": last["id"],
        "last_state": state_of(last),
        "last_outcome": last["outcome"],
        "last_reason": last["reason"],
        "last_requested_by": last["requested_by"],
        "last_started_at": last["started_at"],
        "last_finished_at": last["finished_at"],
        "last_seconds": seconds(last) if last["finished_at"] else None,
        "last_error": last["error"],
        "last_trace_id": last["trace_id"],
        "last_success_at": success_at,
        "next_sync": due.at if due else None,
        "next_sync_reason": due.reason.value if due else None,
        "is_queued": key != "acme" and (asked or (due is not None and due.at <= now)),
        "fresh_until": stale_at if stale_at and now < stale_at else None,
        "stale_since": stale_at if stale_at and now >= stale_at else None,
        "fetched": sum(row["fetched"] for row in entities),
        "loaded": sum(row["loaded"] for row in entities),
        "quarantined_whole": sum(row["field"] is None for row in quarantine),
        "quarantined_fields": sum(row["field"] is not None for row in quarantine),
        "drift": len(of(place, key, "drift")),
        "incidents": [row | {"advice": command_words(from_plain(row["steps"]), key)}
                      for row in sorted(of(place, key, "incidents"), key=lambda row: row["id"])
                      if row["closed_at"] is None],
        "recent": [
            {
                "id": sync["id"],
                "state": state_of(sync),
                "started_at": sync["started_at"],
                "seconds": seconds(sync) if sync["finished_at"] else None,
                "loaded": sum(row["loaded"] for row in rows(place, "sync_entities") if row["sync_id"] == sync["id"]),
                "is_partial": sync["is_partial"],
            }
            for sync in syncs[-20:]
        ],
    }  # fmt: skip


def instants(value: Any) -> Any:
    """What was said, with instants in the place of their texts."""
    if isinstance(value, dict):
        return {name: instants(one) for name, one in value.items()}
    if isinstance(value, list):
        return [instants(one) for one in value]
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value) if value[:2] == "20" else value
        except ValueError:
            return value
    return value


@pytest.mark.parametrize("zone", ["UTC", "America/Chicago"])
def test_every_figure_of_the_totals_is_the_one_computed_by_hand(place: Place, zone: str) -> None:
    said = instants(json.loads(place.run("status", "--json", "--timezone", zone).stdout))
    assert said["totals"] == totals_by_hand(place, said["at"], zone)
    for name in ("running", "queued", "succeeded", "calls", "rate_limit_share", "open_incidents"):
        assert said["totals"][name] > 0, f"nothing is proved by a {name} of 0"
    assert 0 < said["totals"]["success_rate"] < 1


def test_every_figure_of_every_tenant_is_the_one_computed_by_hand(place: Place) -> None:
    said = instants(json.loads(place.run("status", "--json").stdout))
    expected = [
        tenant_by_hand(place, tenant, said["at"]) for tenant in sorted(rows(place, "tenants"), key=lambda t: t["key"])
    ]
    for found, by_hand in zip(said["tenants"], expected, strict=True):
        assert found == by_hand
    states = {one["tenant"]: one["last_state"] for one in said["tenants"]}
    assert states == {
        "acme": "running", "bolt": "succeeded", "cole": "failed", "dale": "succeeded", "eve": "failed", "fay": "failed"
    }  # fmt: skip
    assert {one["tenant"]: one["status"] for one in said["tenants"]}[WAITING] == "not_connected"
    assert any(one["incidents"] for one in said["tenants"])


def labelled(html: str) -> Iterator[tuple[str, str]]:
    """Heading and figure of each of the totals of the portal's overview."""
    for part in html.partition('<dl class="totals">')[2].partition("</dl>")[0].split("<dt>")[1:]:
        heading, _, rest = part.partition("</dt>")
        yield heading, text_of(rest)


def cells(row: str) -> Row:
    """What the overview's table says of one tenant, by column."""
    found = re.findall(r'<td role="cell" data-label="([^"]+)"[^>]*>(.*?)</td>', row, re.DOTALL)
    return {label: (text_of(html), re.findall(r'datetime="([^"]+)"', html)) for label, html in found}


def on_page(instant: datetime) -> list[str]:
    return [f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"]


def test_the_overview_of_the_portal_has_the_figures_of_status_and_of_a_hand_count(place: Place) -> None:
    settings = Settings.from_environment()
    portal = Portal.of(settings, place.database)
    with postgres.connect(place.database, autocommit=True) as connection:
        accounts.add(connection, "ann", Role.OPERATOR, Secret(PASSWORD), datetime.now(UTC))
    with portal.pool:
        browser = Browser(create_app(settings, portal))
        assert browser.sign_in("ann").status_code == 303
        page = browser.get("/").text
    said = instants(json.loads(place.run("status", "--json").stdout))
    by_hand = totals_by_hand(place, said["at"], "UTC")
    assert said["totals"] == by_hand
    plain: Row = {name: getattr(value, "expected", value) for name, value in by_hand.items()}
    latency, p95 = (f"{1000 * plain[name]:.0f} ms" for name in ("average_latency", "p95_latency"))
    rate, used = (f"{plain[name]:.1%}".replace(".0%", "%") for name in ("success_rate", "rate_limit_share"))
    assert dict(labelled(page)) == {
        "Succeeded, 24 h": f"{rate} {plain['succeeded']} syncs",
        "Failed today": f"{plain['failed_today']} since midnight UTC",
        "Average sync": f"{plain['average_sync_seconds']:.0f} s last 24 h",
        "Avg. API response": f"{latency} 95% within {p95}",
        "Queue": f"{plain['queued']} {plain['running']} running",
        "Rate limit used": f"{used} {plain['busiest_tenant']}",
        "Connected": f"{plain['connected']} of {plain['tenants']} companies",
        "Open alerts": f"{plain['open_incidents']} see Alerts",
    }
    found = {
        re.findall(r'scope="row"><a href="/tenants/([^"]+)"', part)[0]: cells(part)
        for part in page.split('<tr role="row">')[2:]
    }
    assert set(found) == set(TENANTS)
    for tenant in rows(place, "tenants"):
        hand, row = tenant_by_hand(place, tenant, said["at"]), found[tenant["key"]]
        newest = hand["recent"][-1]
        assert row["Connection"][0] == tenant["status"].replace("not_connected", "not connected yet")
        assert row["Last sync"][0].startswith(newest["state"])
        assert row["Last sync"][1] == on_page(newest["started_at"])
        assert row["Records"][0] == str(newest["loaded"])
        took = newest["seconds"]
        assert row["Duration"][0] == ("–" if took is None else f"{took:.1f} s" if took < 10 else f"{took:.0f} s")
        assert row["Alerts"][0] == (str(len(hand["incidents"])) if hand["incidents"] else "–")
        fresh = hand["stale_since"] or hand["fresh_until"]
        assert row["Data"][1] == (on_page(fresh) if fresh else [])
        if hand["next_sync"] and hand["next_sync"] > said["at"] and not hand["is_queued"]:
            assert row["Next sync"][1] == on_page(hand["next_sync"])
        else:
            assert row["Next sync"][0].startswith("waiting" if hand["is_queued"] else ("–", "now"))


def test_the_trace_id_that_the_api_gave_with_its_error_is_told(place: Place) -> None:
    said = {one["tenant"]: one for one in json.loads(place.run("status", "--json").stdout)["tenants"]}
    trace_id = said[REFUSED]["last_trace_id"]
    assert re.fullmatch("[0-9a-f]{32}", trace_id)
    assert f"(trace {trace_id})" in said[REFUSED]["last_error"]
    with postgres.connect(place.database, autocommit=True) as connection:
        detail = read_sync(connection, said[REFUSED]["last_sync_id"])
    assert detail
    traces = [entity.trace_id for entity in detail.entities]
    assert trace_id in traces
    assert len(set(traces)) == len(ENTITIES), "each refusal has its own"


def test_the_screen_is_readable_at_100_columns(place: Place) -> None:
    shown = place.run("status").output
    said = json.loads(place.run("status", "--json").stdout)
    lines = shown.splitlines()
    assert max(map(len, lines)) <= 100
    totals = said["totals"]
    assert lines[0].startswith(f"6 tenants, 5 connected. 1 running, {totals['queued']} waiting, ")
    assert f"{totals['success_rate']:.1%} of syncs succeeded" in lines[1]
    assert f"{totals['rate_limit_share']:.0%} used ({totals['busiest_tenant']})" in lines[1]
    assert f"{totals['calls']:,} calls" in lines[2]
    table = {line.split()[0]: line for line in lines[3:] if line.strip()}
    assert "running" in table["acme"]
    assert " paused " in table["cole"]
    assert " not connected " in next(line for line in lines if line.strip().startswith("eve "))
    assert "Settings > Integrations" in " ".join(shown.split())


def test_a_zone_that_there_is_not_is_refused_with_words(place: Place) -> None:
    result = place.run("status", "--timezone", "America/Chicagoo")
    assert result.exit_code == 1
    assert "America/Chicago" in result.output
    assert "Traceback" not in result.output
