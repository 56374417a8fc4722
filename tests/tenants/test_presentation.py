"""How tenants are told of."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from st_pipeline.tenants.connection_check import CheckResult
from st_pipeline.tenants.credential_table import Outline, SecretOutline
from st_pipeline.tenants.model import Status, Tenant
from st_pipeline.tenants.presentation import (
    as_json,
    as_lines,
    as_table,
    credentials_as_json,
    next_sync_as_json,
    state_line,
)

from .test_connection_check import NEW

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def test_every_field_is_told_in_json_that_machines_can_read() -> None:
    told = as_json(replace(NEW, granted_scopes=frozenset({"b", "a"})))
    assert set(told) == {field.name for field in fields(Tenant)}
    assert json.loads(json.dumps(told)) == told
    assert told["granted_scopes"] == ["a", "b"]
    assert told["created_at"] == "2026-05-01T00:00:00+00:00"
    assert told["checked_at"] is None


def test_of_credentials_the_end_of_the_id_and_the_origin_of_the_app_key_are_told() -> None:
    outline = Outline("cid.abcdefgh1234", has_own_app_key=False, newest=SecretOutline(datetime(2026, 1, 1, tzinfo=UTC)))
    assert credentials_as_json(outline, has_shared_app_key=True) == {"client_id": "…1234", "app_key": "shared"}
    assert credentials_as_json(outline, has_shared_app_key=False)["app_key"] is None
    assert credentials_as_json(replace(outline, has_own_app_key=True), True)["app_key"] == "own"
    assert credentials_as_json(None, True) == {"client_id": None, "app_key": "shared"}


def test_a_table_has_aligned_columns_and_cuts_nothing() -> None:
    long = replace(NEW, key="b", name="N" * 200, enabled=False, checked_at=datetime(2026, 5, 1, 7, 5, tzinfo=UTC))
    heading, first, second = as_table([NEW, long], {"b": NOW + timedelta(hours=1)}, NOW)
    assert heading.index("NAME") == first.index("Acme") == second.index("NNN")
    assert heading.index("STATUS") == first.index("not connected yet")
    assert "N" * 200 in second
    assert second.endswith("no       not connected yet  2026-05-01 07:05  2026-05-01 13:00")
    assert first.endswith("never             -")


def test_a_sync_that_waits_to_be_started_is_due_now() -> None:
    for next_sync, told in ((NOW - timedelta(days=1), "now"), (NOW, "now"), (None, "-")):
        assert as_table([NEW], {"acme": next_sync}, NOW)[1].split()[-1] == told
    tokyo = (NOW + timedelta(hours=1)).astimezone(ZoneInfo("Asia/Tokyo"))
    assert as_table([NEW], {"acme": tokyo}, NOW)[1].endswith("2026-05-01 13:00")


def test_the_next_sync_is_told_in_json() -> None:
    assert next_sync_as_json(NOW, "retry") == {"next_sync": "2026-05-01T12:00:00+00:00", "next_sync_reason": "retry"}
    assert next_sync_as_json(None, None) == {"next_sync": None, "next_sync_reason": None}


def test_lines_say_yes_no_and_dash() -> None:
    lines = as_lines({"enabled": True, "company_code": None, "granted_scopes": ["a", "b"], "list": []})
    assert lines == ["enabled         yes", "company code    -", "granted scopes  a, b", "list            -"]


def test_the_state_is_said_once() -> None:
    assert state_line(replace(NEW, status=Status.CONNECTED, status_detail="connected")) == "acme: connected"
    detail = CheckResult(Status.UNREACHABLE, "HTTP 503").detail
    assert state_line(replace(NEW, status=Status.UNREACHABLE, status_detail=detail)) == (
        "acme: ServiceTitan not responding. HTTP 503"
    )
