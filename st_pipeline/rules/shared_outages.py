"""The rule about many tenants that fail together, because of something they share: an API, a network or a disk.

It sends one alert; the failure of each tenant is a consequence. failed_syncs.py defines a failure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from st_pipeline.rules.failed_syncs import Failing
from st_pipeline.rules.findings import ALL_TENANTS, Finding, format_count, shorten
from st_pipeline.rules.tenant_health import TenantFacts
from st_pipeline.rules.thresholds import Rules
from st_pipeline.steps.step import Do, Step

NAMED = 10  # tenants, in the message


def find_shared_outages(
    failing: Iterable[Failing], explained: Collection[str], tenants: Iterable[TenantFacts], rules: Rules, now: datetime
) -> tuple[list[Finding], frozenset[str]]:
    """At most one finding, and the tenants whose failures it explains.

    It counts tenants whose syncs failed in the last ``hours`` without a reason of their own (``explained``), and
    compares them with the tenants that had a successful sync in that time.
    """
    rule = rules.many_failing
    since = now - timedelta(hours=rule.hours)
    together = [one for one in failing if one.tenant not in explained and one.last_failed_at > since]
    keys = frozenset(one.tenant for one in together)
    well = sum(
        tenant.key not in keys and tenant.last_success_at is not None and tenant.last_success_at > since
        for tenant in tenants
    )
    if not rule.enabled or len(keys) <= rule.more_than or len(keys) <= rule.over * (len(keys) + well):
        return [], frozenset()
    latest = max(together, key=lambda one: one.last_failed_at)
    names = ", ".join(sorted(keys)[:NAMED]) + (f" and {len(keys) - NAMED} more" if len(keys) > NAMED else "")
    finding = Finding(
        "many_failing",
        ALL_TENANTS,
        rule.severity,
        f"Syncs are failing for {len(keys)} of {format_count(len(keys) + well, 'company')} ({names}); last error: "
        f"{shorten(latest.error)}",
        min(one.since for one in together),
        (Step(Do.FIX_SHARED_CAUSE), Step(Do.WAIT_FOR_RETRY)),
        run_id=latest.run_id,
    )
    return [finding], keys
