"""portal/audit/audit_search.py: filters, and the cells of the file."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import psycopg
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.operations import audit
from st_pipeline.operations.audit import Author
from st_pipeline.portal.audit.audit_search import Wanted, cell, find
from st_pipeline.visible import visible

LONG_AGO = datetime(2020, 5, 4, 23, 59, tzinfo=UTC)


def test_filters_find_by_tenant_actor_action_and_days_of_utc(control: psycopg.Connection) -> None:
    audit.record(control, Author("ann"), "counted", LONG_AGO, tenant="acme")
    audit.record(control, Author("bob"), "counted", LONG_AGO + timedelta(minutes=2), tenant="bolt")

    def found(wanted: Wanted) -> list[str]:
        return [one.actor for one in find(control, wanted, before=None, limit=10)]

    assert found(Wanted(action="counted")) == ["bob", "ann"]
    assert found(Wanted(action="counted", tenant="acme")) == ["ann"]
    assert found(Wanted(actor="bob")) == ["bob"]
    assert found(Wanted(action="counted", until=date(2020, 5, 4))) == ["ann"]
    assert found(Wanted(action="counted", since=date(2020, 5, 5))) == ["bob"]


@given(st.text(max_size=20))
def test_no_cell_is_a_formula(text: str) -> None:
    is_formula = cell(text).lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert not is_formula or float(text) is not None
    assert cell(text).endswith(visible(text))


def test_a_number_stays_a_number_and_a_formula_is_text() -> None:
    assert [cell(text) for text in ("-5", "+1.5", "3", "-5+1", "=cmd()")] == ["-5", "+1.5", "3", "'-5+1", "'=cmd()"]
