"""Reading the rows of drift."""

from __future__ import annotations

from datetime import timedelta

from st_pipeline.history.drift import DriftedField, read_drift
from st_pipeline.landing.ledger import Ledger
from tests.support.past import CUSTOMERS, NOW, Past


def test_a_tenants_fields_are_listed_new_ones_first_with_times(past: Past) -> None:
    past.tenant()
    past.tenant("bolt")
    ledger, later = Ledger(past.connection), NOW + timedelta(hours=1)
    ledger.record_drift("acme", CUSTOMERS, "missing", ["balance"], NOW)
    ledger.record_drift("acme", CUSTOMERS, "new", ["zone", "colour"], NOW)
    ledger.record_drift("acme", CUSTOMERS, "new", ["zone"], later)
    ledger.record_drift("bolt", CUSTOMERS, "new", ["other"], NOW)
    assert read_drift(past.connection, "acme") == [
        DriftedField(CUSTOMERS, "colour", "new", NOW, NOW),
        DriftedField(CUSTOMERS, "zone", "new", NOW, later),
        DriftedField(CUSTOMERS, "balance", "missing", NOW, NOW),
    ]
