"""Tests a tenant's connection and records the result: credentials from the registry, two calls, one row.

connection_check.py says what an outcome means.
"""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta

from st_pipeline.servicetitan.limits import Limits
from st_pipeline.servicetitan.retrying import RetryPolicy
from st_pipeline.settings import Settings
from st_pipeline.steps.step import Do, Step
from st_pipeline.tenants import clients, connection_check
from st_pipeline.tenants.connection_check import CheckResult
from st_pipeline.tenants.errors import CredentialsMissing
from st_pipeline.tenants.model import CheckCause, Status, Tenant
from st_pipeline.tenants.registry import Registry

# Someone is waiting for the answer. Syncs have their own, more patient policy.
BRIEF_RETRY = RetryPolicy(tries=3, first_wait=0.5, longest_wait=2.0, longest_named_wait=5.0, total_seconds=10.0)
BRIEF_LIMITS = Limits(connect_seconds=5.0, read_seconds=20.0, total_seconds=30.0)

NEWEST_REFUSED = "ServiceTitan rejects the newer of the two client secrets; the older one still works"
SHORTEST_PAUSE, LONGEST_PAUSE = timedelta(minutes=5), timedelta(hours=6)


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


def check_and_record(registry: Registry, settings: Settings, key: str, now: datetime) -> Tenant:
    """Check at ``now``, record the result, and return the tenant. Raises the same errors as ``check_connection``."""
    return registry.record_check(key, check_connection(registry, settings, key, now), now)


def check_connection(registry: Registry, settings: Settings, key: str, now: datetime) -> CheckResult:
    """The result of a check at ``now``. It is not recorded yet, except for which client secrets worked.

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
    with closing(clients.client(tenant, credentials, settings, retry=BRIEF_RETRY, limits=BRIEF_LIMITS)) as client:
        result = connection_check.check(tenant, client)
    if outline and result.status is not Status.UNREACHABLE:
        registry.record_secret_use(key, outline, client.tried, now)
    if client.tried == [False, True]:
        result = result.add_problem(NEWEST_REFUSED, Step(Do.REVOKE_NEWER_SECRET))
    return result
