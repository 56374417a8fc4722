"""pages/quarantine.py: what was set aside, with reasons and as it was sent."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import psycopg
import pytest

from st_pipeline.landing.typer import Problem
from st_pipeline.portal.pages.tenant.quarantine import LONGEST_SHOWN, ROWS, place_of
from st_pipeline.portal.people.roles import Role
from tests.portal.browser import text_of
from tests.portal.conftest import SignedIn
from tests.support.past import Past

SENT = '{"id": 7, "name": "</pre><script>alert(1)</script>",  "balance": "lots"}'


@pytest.fixture
def past(control: psycopg.Connection) -> Past:
    for table in ("quarantine", "landed_files", "drift"):
        control.execute(f"delete from control.{table}")  # pyright: ignore[reportArgumentType]
    return Past(control)


def test_a_record_is_shown_with_reasons_and_as_it_was_sent_escaped(signed_in: SignedIn, past: Past) -> None:
    past.land(
        datetime.now(UTC),
        notes=[Problem(0, 7, "balance", "not a number <b>", SENT), Problem(1, None, None, "no id", "7")],
    )
    past.land(datetime.now(UTC), "bolt", notes=[Problem(0, 4711, "balance", "another's", "{}")])
    html = signed_in(Role.CLIENT).get("/tenants/acme/quarantine").text
    text = text_of(html)
    assert "<script>alert" not in html
    assert "<b>" not in html
    for said in ("crm_customers 7 balance left empty not a number <b>", "without a valid id not loaded no id",
                 "Customers crm_customers 1 1"):  # fmt: skip
        assert said in text, said
    assert SENT.replace("  ", " ") in text
    assert "4711" not in text
    assert '<details><summary>Original record</summary><pre tabindex="0">7</pre>' in html


def test_pages_and_an_entity_of_ones_own_show_every_record_once(signed_in: SignedIn, past: Past) -> None:
    now = datetime.now(UTC)
    past.land(now, notes=[Problem(row, 1000 + row, "balance", "no", "{}") for row in range(ROWS + 3)])
    past.land(now, entity="jpm_jobs", notes=[Problem(0, 5, "total", "no", "x" * (LONGEST_SHOWN + 1))])
    browser = signed_in(Role.VIEWER)
    seen, address = [], "/tenants/acme/quarantine?entity=crm_customers"
    while address:
        html = browser.get(address).text
        seen += [int(number) for number in re.findall(r"</code> (1\d{3})", html)]
        found = re.search(r'href="([^"]+)" rel="next"', html)
        address = found[1].replace("&amp;", "&") if found else ""
    assert seen == list(range(1000 + ROWS + 2, 999, -1))
    text = text_of(browser.get("/tenants/acme/quarantine?entity=jpm_jobs").text)
    assert "Shortened to 10,000 of 10,001 characters." in text
    assert browser.get("/tenants/acme/quarantine?entity=%27%3B--&after=1-2-3").status_code == 200


@pytest.mark.parametrize("text", ["", "1", "-", "1-", "1-x", "²-1", f"{'9' * 19}-1"])
def test_what_is_no_place_begins_at_the_newest(text: str) -> None:
    assert place_of(text) is None


def test_nothing_in_quarantine_and_no_drift_are_said(signed_in: SignedIn, past: Past) -> None:
    browser = signed_in(Role.CLIENT)
    assert "No problem records." in text_of(browser.get("/tenants/acme/quarantine").text)
    assert "No field changes found." in text_of(browser.get("/tenants/acme/drift").text)
