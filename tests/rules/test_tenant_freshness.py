"""tenant_freshness.py: until when data is fresh, by cadence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from st_pipeline.rules.tenant_freshness import compute_stale_at
from st_pipeline.rules.tenant_health import TenantFacts
from st_pipeline.rules.thresholds import Rules

LAST = datetime(2026, 6, 10, 2, 20, tzinfo=UTC)


def watched(cadence: str, zone: str = "UTC", last: datetime | None = LAST) -> TenantFacts:
    since = LAST - timedelta(days=1)
    return TenantFacts("acme", cadence, zone, "connected", "connected", since, LAST, LAST, since, LAST, last)


@pytest.mark.parametrize(
    ("cadence", "zone", "at"),
    [
        ("nightly", "UTC", datetime(2026, 6, 11, 6)),
        ("nightly", "America/Chicago", datetime(2026, 6, 10, 11)),  # 02:00 there is 07:00
        ("weekly", "UTC", datetime(2026, 6, 15, 6)),
        ("monthly last", "UTC", datetime(2026, 6, 30, 6)),
        ("every 1h", "UTC", datetime(2026, 6, 10, 4)),  # due at three, and the grace is an hour
        ("every 1m", "UTC", datetime(2026, 6, 10, 2, 36)),  # the least grace
        ("0 12 * * *", "UTC", datetime(2026, 6, 10, 16)),
    ],
)
def test_data_is_stale_some_grace_after_the_next_regular_time(cadence: str, zone: str, at: datetime) -> None:
    assert compute_stale_at(Rules())(watched(cadence, zone)) == at.replace(tzinfo=UTC)


def test_a_paused_tenant_is_never_stale() -> None:
    assert compute_stale_at(Rules())(watched("paused")) is None


def test_without_a_success_the_age_counts_from_when_the_tenant_came() -> None:
    assert compute_stale_at(Rules())(watched("nightly", last=None)) == datetime(2026, 6, 10, 6, tzinfo=UTC)


def test_a_cadence_that_nobody_reads_any_more_counts_as_nightly() -> None:
    assert compute_stale_at(Rules())(watched("now and then")) == datetime(2026, 6, 11, 6, tzinfo=UTC)
