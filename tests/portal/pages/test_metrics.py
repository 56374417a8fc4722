"""portal/pages/metrics.py: the figures of the overview for Prometheus, and who gets them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette

from st_pipeline.overview.overview import read_overview
from st_pipeline.portal.app import create_app
from st_pipeline.portal.people.roles import Role
from st_pipeline.portal.web.service import Portal
from st_pipeline.settings import Settings
from st_pipeline.tenants.model import Status
from tests.portal.browser import Browser
from tests.portal.conftest import SignedIn
from tests.support.past import HOUR, Past, calls, read

TOKEN = {"Authorization": "Bearer canary-metrics-token"}


@pytest.fixture(scope="module")
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def page(app: Starlette, control: psycopg.Connection, now: datetime) -> Browser:
    """Before acme that is well and cole that is not connected; signed in as nobody."""
    past = Past(control)
    past.forget()
    for key in ("acme", "cole"):
        past.tenant(key, since=now - timedelta(days=9))
    past.found("cole", Status.NOT_CONNECTED, "not approved", now)
    past.sync(now - 3 * HOUR, "acme", entities=[read(fetched=1234)], called=[calls(40)], seconds=90)
    return Browser(app)


def test_metrics_are_the_same_figures_for_who_has_the_token(page: Browser, control: psycopg.Connection) -> None:
    assert page.get("/metrics").status_code == 401
    assert page.get("/metrics", headers={"Authorization": "Bearer é".encode()}).status_code == 401
    answer = page.get("/metrics", headers={"Authorization": "Bearer canary-metrics-token"})
    assert answer.status_code == 200
    assert "canary" not in answer.text
    samples = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    totals = read_overview(control, datetime.now(UTC)).totals
    assert samples[("st_pipeline_tenants",)] == totals.tenants
    assert samples[("st_pipeline_sync_success_ratio_24h",)] == totals.success_rate
    assert samples[("st_pipeline_syncs_queued",)] == totals.queued
    assert samples[("st_pipeline_tenant_last_sync_rows", ("tenant", "acme"))] == 1234
    assert samples[("st_pipeline_tenant_status", ("status", "not_connected"), ("tenant", "cole"))] == 1
    assert ("st_pipeline_tenant_last_sync_rows", ("tenant", "cole")) not in samples


def samples_of(text: str) -> dict[tuple[object, ...], float]:
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.parametrize(
    "given",
    ["", "canary-metrics-token", "Bearer", "Bearer ", "bearer canary-metrics-token", "Bearer canary-metrics-token ",
     "Bearer Canary-metrics-token", "Bearer canary-metrics-toke", "Basic canary-metrics-token"],
)  # fmt: skip
def test_another_token_gets_nothing(page: Browser, given: str) -> None:
    answer = page.get("/metrics", headers={"Authorization": given})
    assert answer.status_code == 401
    assert "st_pipeline_tenants" not in answer.text


def test_a_session_is_no_token(signed_in: SignedIn) -> None:
    assert signed_in(Role.OPERATOR).get("/metrics").status_code == 401


def test_without_a_token_in_the_settings_there_is_no_page(settings: Settings, portal: Portal, page: Browser) -> None:
    for_nobody = replace(portal, settings=replace(settings, portal_metrics_token=None))
    browser = Browser(create_app(settings, for_nobody))
    for headers in ({}, TOKEN, {"Authorization": "Bearer "}, {"Authorization": "Bearer None"}):
        assert browser.get("/metrics", headers=headers).status_code == 404


def test_figures_of_a_tenant_name_it_once_each(page: Browser, control: psycopg.Connection) -> None:
    control.execute("update control.tenants set enabled = false where key = 'cole'")
    answer = page.get("/metrics", headers=TOKEN)
    assert answer.headers["content-type"].startswith("text/plain; version=")
    samples = samples_of(answer.text)
    assert [key for key in samples if key[0] == "st_pipeline_tenant_status"] == [
        ("st_pipeline_tenant_status", ("status", "connected"), ("tenant", "acme")),
        ("st_pipeline_tenant_status", ("status", "disabled"), ("tenant", "cole")),
    ]
    assert samples["st_pipeline_tenant_last_sync_seconds", ("tenant", "acme")] == 90
    assert samples["st_pipeline_tenant_stale", ("tenant", "acme")] == 0
    assert samples["st_pipeline_tenant_quarantined", ("tenant", "cole")] == 0


def test_the_time_of_the_last_success_is_in_seconds_since_1970(page: Browser, now: datetime) -> None:
    samples = samples_of(page.get("/metrics", headers=TOKEN).text)
    ended = now - 3 * HOUR + timedelta(seconds=90)
    found = samples["st_pipeline_tenant_last_success_timestamp_seconds", ("tenant", "acme")]
    assert found == pytest.approx(ended.timestamp(), abs=0.001)
    assert ("st_pipeline_tenant_last_success_timestamp_seconds", ("tenant", "cole")) not in samples


def test_a_figure_that_cannot_be_said_is_left_out(page: Browser, control: psycopg.Connection) -> None:
    Past(control).forget()
    samples = samples_of(page.get("/metrics", headers=TOKEN).text)
    assert samples["st_pipeline_tenants",] == 0
    assert ("st_pipeline_sync_success_ratio_24h",) not in samples
