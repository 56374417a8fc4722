"""portal/pages/tenant/drift.py: fields that came or went, by entity, of one tenant alone."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg
import pytest

from st_pipeline.landing.ledger import Ledger
from st_pipeline.portal.people.roles import Role
from tests.portal.browser import text_of
from tests.portal.conftest import SignedIn
from tests.support.past import Past


@pytest.fixture
def past(control: psycopg.Connection) -> Past:
    control.execute("delete from control.drift")
    return Past(control)


def test_drift_has_new_and_missing_fields_with_when_they_were_seen(signed_in: SignedIn, past: Past) -> None:
    first, last = datetime(2026, 5, 1, 8, 30, tzinfo=UTC), datetime(2026, 6, 2, 9, 45, tzinfo=UTC)
    ledger = Ledger(past.connection)
    ledger.record_drift("acme", "crm_customers", "new", ["<i>colour"], first)
    ledger.record_drift("acme", "crm_customers", "new", ["<i>colour"], last)
    ledger.record_drift("acme", "jpm_jobs", "missing", ["total"], last)
    ledger.record_drift("bolt", "jpm_jobs", "new", ["another"], last)
    html = signed_in(Role.CLIENT).get("/tenants/acme/drift").text
    text = text_of(html)
    assert "<i>colour Customers crm_customers new May 1, 2026, 8:30 AM UTC Jun 2, 2026, 9:45 AM UTC" in text
    assert "total Jobs jpm_jobs missing Jun 2, 2026, 9:45 AM UTC" in text
    assert "<i>" not in html
    assert "another" not in text


def test_each_entity_is_listed_once_with_its_new_fields_before_its_missing_ones(
    signed_in: SignedIn, past: Past
) -> None:
    seen, ledger = datetime(2026, 6, 2, 9, 45, tzinfo=UTC), Ledger(past.connection)
    ledger.record_drift("acme", "jpm_jobs", "missing", ["gone_a"], seen)
    ledger.record_drift("acme", "jpm_jobs", "new", ["came_b"], seen)
    ledger.record_drift("acme", "crm_customers", "missing", ["gone_c"], seen)
    text = text_of(signed_in(Role.VIEWER).get("/tenants/acme/drift").text)
    places = [text.index(field) for field in ("gone_c", "came_b", "gone_a")]
    assert places == sorted(places)


def test_a_client_does_not_find_the_page_of_another_company(signed_in: SignedIn, past: Past) -> None:
    assert signed_in(Role.CLIENT).get("/tenants/bolt/drift").status_code == 404
    assert signed_in(Role.VIEWER).get("/tenants/bolt/drift").status_code == 200
