"""portal/pages/audit.py: the table of the audit with its filters, and the same as a file."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import psycopg
import pytest

from st_pipeline.operations import audit
from st_pipeline.operations.audit import Author
from st_pipeline.portal.audit.audit_search import COLUMNS
from st_pipeline.portal.pages import audit as page
from st_pipeline.portal.people.roles import Role
from tests.portal.browser import text_of
from tests.portal.conftest import SignedIn
from tests.portal.noted import noted

LONG_AGO = datetime(2020, 5, 4, 23, 59, tzinfo=UTC)


def test_the_table_is_paged_and_the_file_has_all(
    control: psycopg.Connection, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "AT_ONCE", 7)
    for number in range(150):
        audit.record(control, Author(f"=cmd|{number}"), "paged", LONG_AGO, detail={"note": "<script>x</script>"})
    viewer = signed_in(Role.VIEWER)
    first = viewer.get("/audit?action=paged").text
    assert "<script>x" not in first
    assert "note: <script>x</script>" in text_of(first)
    assert first.count('data-label="User"') == 100
    older = first.partition('class="pager"')[2].partition('href="')[2].partition('"')[0].replace("&amp;", "&")
    assert viewer.get(older).text.count('data-label="User"') == 50
    answer = viewer.get("/audit.csv?action=paged")
    filters = {"filters": {"action": "paged"}}
    assert noted(control) == [("viewer", "viewer", "audit exported", None, filters)]
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"].startswith('attachment; filename="audit-')
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert tuple(rows[0]) == COLUMNS
    assert [row[1] for row in rows[1:]] == [f"'=cmd|{number}" for number in range(149, -1, -1)]


def test_what_the_command_line_did_is_found_by_who_what_and_tenant_also_one_that_is_gone(
    control: psycopg.Connection, signed_in: SignedIn
) -> None:
    account = {"environment": "sandbox", "tenant_id": 7}
    audit.record(control, audit.COMMAND_LINE, "tenant removed", LONG_AGO, tenant="long-gone", detail=account)
    viewer = signed_in(Role.VIEWER)
    for query in ("tenant=long-gone", "actor=command+line", "action=tenant+removed"):
        page = viewer.get(f"/audit?{query}").text
        assert page.count('data-label="User"') == 1
        assert '<a href="/audit?tenant=long-gone">long-gone</a>' in page
        assert "tenant id: 7; environment: sandbox" in text_of(page)
        assert '<option value="tenant removed">Company removed' in page.replace(" selected", "")


def test_what_no_filter_can_be_is_left_out(signed_in: SignedIn) -> None:
    viewer = signed_in(Role.VIEWER)
    for query in ("since=9999-12-31", "since=0001-01-01", "until=yesterday", "before=x", "before=" + "9" * 18):
        assert viewer.get(f"/audit?{query}").status_code == 200
