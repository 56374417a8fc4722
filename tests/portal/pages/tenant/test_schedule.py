"""pages/schedule.py: what is chosen, what it would do, what is stored."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime

import psycopg
import pytest

from st_pipeline.portal.pages.tenant.schedule import preview_of
from st_pipeline.portal.people.roles import Role
from st_pipeline.portal.words.cadence_words import USUAL
from tests.portal.browser import text_of as said
from tests.portal.conftest import SignedIn

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_the_next_five_times_are_of_the_zone_over_a_change_of_clocks() -> None:
    shown = preview_of({**USUAL, "kind": "weekly", "weekday": "fri", "at": "03:00", "timezone": "America/Chicago"}, NOW)
    assert [f"{at:%d %b %H:%M}" for at in shown.times] == [
        "06 Mar 09:00", "13 Mar 08:00", "20 Mar 08:00", "27 Mar 08:00", "03 Apr 08:00",
    ]  # fmt: skip


def test_a_client_previews_without_script_and_saves(control: psycopg.Connection, signed_in: SignedIn) -> None:
    client = signed_in(Role.CLIENT)
    path, form = "/tenants/acme/schedule", {**USUAL, "kind": "weekly", "weekday": "sat", "timezone": "america/chicago"}
    answer = client.post(path, {**form, "preview": "1"})
    assert answer.status_code == 200
    assert "every week on Saturday at 02:00 (America/Chicago time)" in said(answer.text)
    stored = "select cadence, timezone from control.tenants where key = 'acme'"
    assert control.execute(stored).fetchone() == ("nightly", "UTC")
    assert client.post(path, form).status_code == 303
    assert control.execute(stored).fetchone() == ("weekly sat 02:00", "America/Chicago")
    assert "Schedule saved: every week on Saturday at 02:00." in said(client.get(path).text)
    row = control.execute("select action, detail -> 'before' ->> 'cadence' from control.audit order by id desc limit 1")
    assert row.fetchone() == ("schedule changed", "nightly")


def test_what_is_typed_is_previewed_as_a_part_of_the_page(signed_in: SignedIn) -> None:
    answer = signed_in(Role.VIEWER).get("/tenants/acme/schedule/preview?kind=every&every=6&unit=h&timezone=UTC")
    assert answer.text.count("<time ") == 5
    assert "<html" not in answer.text
    wrong = signed_in(Role.VIEWER).get("/tenants/acme/schedule/preview?kind=cron&cron=<script>")
    assert "Enter five fields" in wrong.text
    assert "<script>" not in wrong.text


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"at": "25:00"}, "Enter a time like 02:00"),
        ({"timezone": "Americ/Chicago"}, "did you mean America/Chicago?"),
        ({"opens": "20:00"}, "Enter both hours"),
        ({"kind": "cron", "cron": "0 0 30 2 *"}, "a day that no month has"),
        ({"kind": "every", "every": "0"}, "Enter a whole number"),
    ],
)
def test_errors_are_at_the_field(signed_in: SignedIn, changed: dict[str, str], text: str) -> None:
    answer = signed_in(Role.OPERATOR).post("/tenants/bolt/schedule", {**USUAL, "timezone": "UTC", **changed})
    assert answer.status_code == 400
    assert text in said(answer.text)


def test_all_errors_are_shown_at_once_each_at_its_field(signed_in: SignedIn) -> None:
    wrong = {**USUAL, "at": "25:00", "opens": "20:00", "timezone": "Nowhere"}
    answer = signed_in(Role.OPERATOR).post("/tenants/bolt/schedule", wrong)
    assert answer.status_code == 400
    shown = preview_of(wrong, NOW).problems
    assert list(shown) == ["at", "closes", "timezone"]
    for name, problem in shown.items():
        assert re.search(rf'id="{name}-problem"[^>]*>{re.escape(html.escape(problem))}<', answer.text), name
        assert said(answer.text).count(problem) == 1
    assert "Not saved. Fix the highlighted fields." in said(answer.text)


def test_pausing_and_what_is_paused_are_an_operators(control: psycopg.Connection, signed_in: SignedIn) -> None:
    form = {**USUAL, "timezone": "UTC"}
    client, operator = signed_in(Role.CLIENT), signed_in(Role.OPERATOR)
    assert client.post("/tenants/acme/schedule", {**form, "kind": "paused"}).status_code == 403
    assert operator.post("/tenants/acme/schedule", {**form, "kind": "paused"}).status_code == 303
    assert client.post("/tenants/acme/schedule", form).status_code == 403
    cadence = control.execute("select cadence from control.tenants where key = 'acme'").fetchone()
    assert cadence == ("paused",)
    page = client.get("/tenants/acme/schedule").text
    assert "An operator paused this company." in said(page)
    assert ">Save<" not in page
    assert "No automatic syncs are scheduled." in said(page)
    assert ">Save<" in operator.get("/tenants/acme/schedule").text
