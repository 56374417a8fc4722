"""Checks that a run's tables are complete: every record is there, and the amounts add up."""

from __future__ import annotations

from decimal import Decimal

from benchmarks.pages import Expected
from st_pipeline import postgres

_OURS = """
    select (select count(*) from raw.accounting_invoices), (select sum(total) from raw.accounting_invoices),
        (select count(*) from raw.accounting_invoices i, jsonb_array_elements(i.items)),
        (select sum((item ->> 'total')::numeric) from raw.accounting_invoices i, jsonb_array_elements(i.items) item),
        (select count(*) from raw.crm_customers), (select sum(balance) from raw.crm_customers)
"""
# dlt keeps amounts that arrive as strings as text, and numbers as double precision.
_DLT = """
    select (select count(*) from dlt.invoices), (select sum(total::numeric) from dlt.invoices),
        (select count(*) from {items}), (select sum({total}::numeric) from {items}),
        (select count(*) from dlt.customers), (select sum({balance}::numeric) from dlt.customers)
"""
_ARRAY = {"items": "dlt.invoices i, json_array_elements(i.items::json) item", "total": "(item ->> 'total')"}
_CHILD = {"items": "dlt.invoices__items", "total": "total"}


class Incomplete(Exception):
    """A run's tables differ from what was served; the message says how."""


def check(database: postgres.Database, who: str, variant: str | None, expected: Expected) -> None:
    """Compare the tables of a run with what was served; ``variant`` is dlt's, None for ours.

    Raises:
        Incomplete: something differs.
    """
    with postgres.connect(database) as connection:
        if variant is None:
            row = connection.execute(_OURS).fetchone()
        else:
            # If a number first arrives as an integer, dlt adds a second column for decimals.
            columns = connection.execute(
                "select string_agg(format('coalesce(%I, 0)::numeric', column_name), ' + ') "
                "from information_schema.columns "
                "where table_schema = 'dlt' and table_name = 'customers' and column_name ~ '^balance(__v_double)?$'"
            ).fetchone()
            parts = _CHILD if variant in ("csv-tables", "rest-api") else _ARRAY
            row = connection.execute(
                _DLT.format(**parts, balance=f"({columns[0] if columns else 0})").encode()
            ).fetchone()
    e = expected
    wanted = (e.invoices, e.invoice_total, e.items, e.item_total, e.customers, e.customer_balance)
    found = tuple(value.normalize() if isinstance(value, Decimal) else value for value in row or ())
    if found != tuple(value.normalize() if isinstance(value, Decimal) else value for value in wanted):
        raise Incomplete(f"{who}: the tables contain {row}, but {wanted} was served")
