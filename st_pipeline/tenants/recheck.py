"""Tests a tenant's connection and records the result: credentials from the registry, two calls, one row.

connection_check.py says what an outcome means.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from st_pipeline.servicetitan.limits import Limits
from st_pipeline.servicetitan.retrying import RetryPolicy
from st_pipeline.settings import Settings
from st_pipeline.steps.step import Do, Step
from st_pipeline.tenants import clients, connection_check
from st_pipeline.tenants.connection_check import CheckResult
from st_pipeline.tenants.errors import CredentialsMissing, TenantsError
from st_pipeline.tenants.model import CheckCause, Status, Tenant
from st_pipeline.tenants.registry import Registry

# Someone is waiting for the answer. Syncs have their own, more patient policy.
BRIEF_RETRY = RetryPolicy(tries=3, first_wait=0.5, longest_wait=2.0, longest_named_wait=5.0, total_seconds=10.0)
BRIEF_LIMITS = Limits(connect_seconds=5.0, read_seconds=20.0, total_seconds=30.0)
CHECK_SECONDS = 60.0
"""The longest check."""
ROUND_SECONDS = 25.0
"""The longest round of automatic checks: a sensor that takes a minute is ended, and its result is lost."""
SHARE_SECONDS = 10.0
"""The longest check in such a round, so that one tenant does not use it up."""

NEWEST_REFUSED = "ServiceTitan rejects the newer of the two client secrets; the older one still works"
_NEVER = datetime.min.replace(tzinfo=UTC)
SHORTEST_PAUSE, LONGEST_PAUSE = timedelta(minutes=5), timedelta(hours=6)

log = logging.getLogger(__name__)


def is_recheck_due(tenant: Tenant, now: datetime) -> bool:
    """Whether to automatically test an unreachable or not yet connected tenant again at ``now``.

    The pauses grow the longer nothing changes. Refused credentials wait until someone acts.
    """
    if not tenant.enabled or tenant.status not in (Status.NOT_CONNECTED, Status.UNREACHABLE):
        return False
    if tenant.checked_at is None:
        return True
    unchanged = tenant.checked_at - tenant.status_since
    return now - tenant.checked_at >= min(max(unchanged / 4, SHORTEST_PAUSE), LONGEST_PAUSE)


def recheck_waiting(
    registry: Registry, settings: Settings, clock: Callable[[], datetime], seconds: float = ROUND_SECONDS
) -> list[Tenant]:
    """Test the tenants that are due again, those that waited longest first, for at most so many ``seconds``.

    Returns the tested ones. The others are first in the next round. One that cannot be tested is logged and left out.
    """
    until = time.monotonic() + seconds
    due = [tenant for tenant in registry.list() if is_recheck_due(tenant, clock())]
    found: list[Tenant] = []
    for tenant in sorted(due, key=lambda tenant: tenant.checked_at or _NEVER):
        ends = min(until, time.monotonic() + SHARE_SECONDS)
        # With less time than the others had, it would look unreachable.
        if found and until - time.monotonic() < SHARE_SECONDS:
            break
        try:
            found.append(check_and_record(registry, settings, tenant.key, clock(), until=ends))
        except TenantsError as error:
            log.warning("%s: the connection could not be tested: %s", tenant.key, error)
    return found


def check_and_record(
    registry: Registry, settings: Settings, key: str, now: datetime, *, until: float | None = None
) -> Tenant:
    """Check at ``now``, record the result, and return the tenant. The rest is as in ``check_connection``."""
    return registry.record_check(key, check_connection(registry, settings, key, now, until=until), now)


def check_connection(
    registry: Registry, settings: Settings, key: str, now: datetime, *, until: float | None = None
) -> CheckResult:
    """The result of a check at ``now``. It is not recorded yet, except for which client secrets worked.

    It ends at ``until`` (``time.monotonic()``), or after ``CHECK_SECONDS``, whatever ServiceTitan does.

    No transaction is open during the calls to ServiceTitan.

    Raises:
        TenantUnknown; VaultLocked; SettingsError: ST_PIPELINE_SANDBOX_URL is not a URL.
    """
    tenant = registry.get(key)
    try:
        credentials = registry.credentials(key)
    except CredentialsMissing as missing:
        status = Status.REFUSED if tenant.connected_at else Status.NOT_CONNECTED
        return CheckResult(status, missing.problem, cause=CheckCause.CREDENTIALS_MISSING, steps=missing.steps)
    outline = registry.outline(key)
    limits = replace(BRIEF_LIMITS, until=time.monotonic() + CHECK_SECONDS if until is None else until)
    with closing(clients.client(tenant, credentials, settings, retry=BRIEF_RETRY, limits=limits)) as client:
        result = connection_check.check(tenant, client)
    if outline and result.status is not Status.UNREACHABLE:
        registry.record_secret_use(key, outline, client.tried, now)
    if client.tried == [False, True]:
        result = result.add_problem(NEWEST_REFUSED, Step(Do.REVOKE_NEWER_SECRET))
    return result
