"""Compares each tenant's invoice totals in raw with those in the legacy tables, including rejected rows.

Exact to the last decimal that the legacy column can hold. It reads every invoice, so it belongs to the hourly checks,
not to the rules that run every minute.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import psycopg
from psycopg.rows import class_row

from st_pipeline.rules.findings import Finding, Severity
from st_pipeline.steps.step import Do, Step

RELATIVE_ERROR = Decimal("2.3e-16")
"""Per amount: half a unit in the last place of a binary float (2^-53), once when stored and once when written out."""


@dataclass(frozen=True, slots=True)
class InvoiceTotals:
    """The invoices of one company code, which identifies a tenant in the legacy tables; amounts in dollars."""

    tenants: list[str]
    """The keys of the tenants with this code, usually one."""
    invoices: int
    """Active invoices in raw; ``reported`` counts the streamed and rejected ones in legacy."""
    reported: int
    in_raw: Decimal
    in_reports: Decimal
    magnitude: Decimal
    """The sum of the absolute amounts, which determines how far off binary floats can be."""

    @property
    def is_off(self) -> bool:
        """Whether the invoice counts differ, or the sums differ by more than the legacy column's type explains."""
        return self.invoices != self.reported or abs(self.in_raw - self.in_reports) > RELATIVE_ERROR * self.magnitude


def read_invoice_totals(connection: psycopg.Connection) -> list[InvoiceTotals]:
    """The totals of tenants whose reports include everything that is loaded; none before the first build.

    Call it only while no build is running, because a build changes the tables one after the other. A float is read as
    its shortest decimal representation, so an amount in cents is exact again.
    """
    built = connection.execute("select to_regclass('intermediate.built_rows') is not null").fetchone()
    if not built or not built[0]:
        return []
    with connection.cursor(row_factory=class_row(InvoiceTotals)) as cursor:
        return cursor.execute(
            """
            with settled as (
                select t.company_code, array_agg(t.tenant order by t.tenant) as tenants
                from intermediate.int_tenants t
                left join intermediate.int_source_versions wanted
                    on wanted.tenant = t.tenant and wanted.model = 'int_invoice_report'
                left join intermediate.int_build_versions built
                    on built.tenant = t.tenant and built.model = 'int_invoice_report'
                group by t.company_code
                having bool_and(wanted.version is not distinct from built.version and wanted.is_held is not true)
            ),
            amounts as (
                select t.company_code, 1 as invoices, 0 as reported, i.total as in_raw, null::numeric as in_reports
                from raw.accounting_invoices i
                join intermediate.int_tenants t on t.tenant = i.tenant
                where i._deleted_at is null and i.active is not false
                union all
                select tenant, 0, 1, null, total::text::numeric from legacy.invoices_stream
                union all
                -- rows that the consumer has taken out of the stream
                select r.company_code, 0, 1, null, r.total::text::numeric
                from intermediate.int_invoice_report r
                join intermediate.built_rows b
                    on b.relation = 'invoices_stream' and b.tenant = r.tenant and b.id = r.id
                where not exists (select from legacy.invoices_stream s where s.id = r.id)
                union all
                select company_code, 0, 1, null, total::text::numeric from intermediate.int_invoice_report
                where rejection is not null
            )
            select s.tenants, sum(a.invoices)::bigint as invoices, sum(a.reported)::bigint as reported,
                -- the report rejects an amount that no float can hold, so it has no total for it
                coalesce(sum(a.in_raw) filter (where intermediate.to_double(a.in_raw) is not null), 0) as in_raw,
                coalesce(sum(a.in_reports), 0) as in_reports,
                coalesce(sum(abs(a.in_raw)) filter (where intermediate.to_double(a.in_raw) is not null), 0) as magnitude
            from settled s join amounts a using (company_code)
            group by s.company_code, s.tenants
            order by s.tenants
            """
        ).fetchall()


def find_lost_totals(totals: Iterable[InvoiceTotals], now: datetime) -> Iterator[Finding]:
    """One finding for each tenant whose invoices did not all reach the reports."""
    for one in totals:
        if not one.is_off:
            continue
        for tenant in one.tenants:
            yield Finding(
                "reconciliation",
                tenant,
                Severity.NOW,
                f"{one.invoices:,} active invoices totaling ${one.in_raw} are loaded; the reports and their rejected "
                f"rows have {one.reported:,} totaling ${one.in_reports}",
                now,
                (Step(Do.BUILD_REPORTS), Step(Do.COMPARE_INVOICES)),
                "accounting_invoices",
                subject="invoice totals",
            )
