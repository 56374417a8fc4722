"""``/metrics`` for Prometheus: the figures of ``st-pipeline status``, for anyone who has the token."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.exceptions import HTTPException
from starlette.responses import Response

from st_pipeline.overview.overview import Overview, TenantOverview, read_overview
from st_pipeline.portal.web.guards import Permission, page
from st_pipeline.portal.web.visit import Visit
from st_pipeline.rules.thresholds_file import read_rules

PREFIX = "st_pipeline_"
TOTALS = (
    ("tenants", "Registered tenants.", "tenants"),
    ("tenants_connected", "Tenants whose last check found them connected.", "connected"),
    ("syncs_running", "Syncs running now.", "running"),
    ("syncs_queued", "Tenants that are due or requested, and not running.", "queued"),
    ("syncs_succeeded_24h", "Complete syncs that succeeded in the last 24 hours.", "succeeded"),
    (
        "sync_success_ratio_24h",
        "Share of syncs that succeeded in the last 24 hours; absent if none finished.",
        "success_rate",
    ),
    ("syncs_failed_today", "Syncs that failed since midnight UTC.", "failed_today"),
    ("sync_seconds_average_24h", "Average duration of complete syncs.", "average_sync_seconds"),
    ("api_calls_24h", "API calls made by syncs that finished in the last 24 hours.", "calls"),
    ("api_latency_seconds_average_24h", "Average duration of an API call.", "average_latency"),
    ("api_latency_seconds_p95_24h", "95th percentile duration of an API call.", "p95_latency"),
    ("rate_limit_share", "Share of the allowed call rate used by the busiest tenant's last sync.", "rate_limit_share"),
    ("incidents_open", "Open incidents.", "open_incidents"),
)


def metrics(visit: Visit) -> Response:
    """404 unless a token is set, 401 without it."""
    token = visit.portal.settings.portal_metrics_token
    if token is None:
        raise HTTPException(404)
    given = visit.request.headers.get("authorization", "")
    if not hmac.compare_digest(given.encode(), f"Bearer {token.reveal()}".encode()):
        raise HTTPException(401, "Send the ST_PIPELINE_PORTAL_METRICS_TOKEN value as a bearer token.")
    overview = read_overview(visit.connection, visit.now, rules=read_rules(visit.portal.settings.home))
    registry = CollectorRegistry()
    registry.register(_Figures(overview))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class _Figures(Collector):
    def __init__(self, overview: Overview) -> None:
        self._overview = overview

    def collect(self) -> Iterable[Metric]:
        for name, documentation, field in TOTALS:
            value = getattr(self._overview.totals, field)
            if value is not None:
                yield GaugeMetricFamily(PREFIX + name, documentation, value)
        yield from _of_tenants(self._overview.tenants)


def _of_tenants(tenants: list[TenantOverview]) -> Iterator[Metric]:
    def family(name: str, documentation: str) -> GaugeMetricFamily:
        return GaugeMetricFamily(f"{PREFIX}tenant_{name}", documentation, labels=["tenant"])

    status = GaugeMetricFamily(f"{PREFIX}tenant_status", "1 for the current status.", labels=["tenant", "status"])
    success = family("last_success_timestamp_seconds", "When its last complete sync succeeded.")
    rows = family("last_sync_rows", "Rows loaded by its last sync.")
    seconds = family("last_sync_seconds", "Duration of its last sync.")
    stale = family("stale", "1 if its data is older than its schedule allows.")
    quarantined = family("quarantined", "Records and fields in quarantine.")
    incidents = family("incidents_open", "Open incidents.")
    for one in tenants:
        key = [one.tenant.key]
        status.add_metric([*key, one.tenant.status.value if one.tenant.enabled else "disabled"], 1)
        _add(success, key, one.last_success_at)
        newest = one.recent[-1] if one.recent else None
        _add(rows, key, newest.loaded if newest else None)
        _add(seconds, key, newest.seconds if newest else None)
        stale.add_metric(key, 1 if one.stale_since else 0)
        quarantined.add_metric(key, one.quarantined_whole + one.quarantined_fields)
        incidents.add_metric(key, len(one.incidents))
    yield from (status, success, rows, seconds, stale, quarantined, incidents)


def _add(family: GaugeMetricFamily, labels: list[str], value: Any) -> None:
    """The metrics, without unknown values."""
    if value is not None:
        family.add_metric(labels, value.timestamp() if isinstance(value, datetime) else value)


PAGES = (page("/metrics", metrics, permission=Permission.PUBLIC),)
