"""How long a tenant's data is fresh: until the next regular time of its cadence, plus some grace. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from st_pipeline.rules.tenant_health import TenantFacts
from st_pipeline.rules.thresholds import Rules
from st_pipeline.schedule.due_times import regular_times
from st_pipeline.schedule.tenant_states import parse_stored_cadence


def compute_stale_at(rules: Rules) -> Callable[[TenantFacts], datetime | None]:
    """Returns a function: when a tenant's data becomes stale unless a sync succeeds first; None for a paused tenant.

    A successful sync at any hour counts until the next regular time.
    """
    most, least = timedelta(hours=rules.stale.grace_hours), timedelta(minutes=rules.stale.least_minutes)

    def stale_at(tenant: TenantFacts) -> datetime | None:
        times = regular_times(parse_stored_cadence(tenant.cadence), tenant.timezone, tenant.fresh_since, 2)
        if not times:
            return None
        next_, following = times
        return next_ + min(most, max(least, following - next_))

    return stale_at
