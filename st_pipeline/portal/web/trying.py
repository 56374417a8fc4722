"""Tests a tenant's credentials while someone waits: a limited number at once, and one at a time per tenant.

tenants/recheck.py does the check. A check takes long if ServiceTitan doesn't respond, and the portal has few
connections, so visitors beyond the limit see the result of the last check.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from st_pipeline.locks import Lock, check_name
from st_pipeline.portal.web.service import Connection
from st_pipeline.portal.web.visit import Visit
from st_pipeline.settings import SettingsError
from st_pipeline.tenants.errors import VaultError
from st_pipeline.tenants.model import Status, Tenant

EVERY = timedelta(seconds=20)
"""How often to test while someone has the page open; otherwise the daemon does it."""
PLACES = 3

OURS = (
    "The saved credentials cannot be read because of a problem on our side. Tell the operator. Operators: run "
    "st-pipeline doctor."
)
BUSY = "A test is already running. Check again in 30 seconds."


@dataclass(frozen=True, slots=True)
class Tried:
    """The current tenant; ``problem``: why nothing could be tested."""

    tenant: Tenant
    problem: str | None = None


def try_now(visit: Visit) -> Tried:
    """Sign in to ServiceTitan as the tenant, and record and audit the result. No transaction is open meanwhile."""
    return _try(visit)


def try_automatically(visit: Visit) -> Tenant:
    """The same for an automatic reload of a page: only if it may help, and at most once per EVERY.

    Only changes are audited, not every test.
    """
    tenant = visit.tenant
    if not is_worth_trying(tenant, visit.now) or visit.registry().outline(tenant.key) is None:
        return tenant
    return _try(visit, only_changes=True).tenant


def is_worth_trying(tenant: Tenant, now: datetime) -> bool:
    """Whether another test may find something new. If the credentials were refused, someone must act first."""
    if not tenant.enabled or tenant.status not in (Status.NOT_CONNECTED, Status.UNREACHABLE):
        return False
    return tenant.checked_at is None or now - tenant.checked_at >= EVERY


def _try(visit: Visit, *, only_changes: bool = False) -> Tried:
    key = visit.tenant.key
    with _place(visit.connection, key) as has_place:
        if not has_place:
            return Tried(visit.tenant, BUSY)
        try:
            return Tried(visit.operations().check(key, visit.portal.settings, only_changes=only_changes))
        except (VaultError, SettingsError):
            return Tried(visit.tenant, OURS)


@contextmanager
def _place(connection: Connection, key: str) -> Iterator[bool]:
    """Reserve a slot to test this tenant during the block; False if there is none."""
    with _held(connection, "select pg_try_advisory_lock(hashtextextended(%s, 0))", check_name(key)) as mine:
        if not mine:
            yield False
            return
        for number in range(PLACES):
            with _held(connection, "select pg_try_advisory_lock(%s)", Lock.FIRST_CHECK_SLOT + number) as has_place:
                if has_place:
                    yield True
                    return
        yield False


@contextmanager
def _held(connection: Connection, query: str, value: object) -> Iterator[bool]:
    row = connection.execute(query.encode(), (value,)).fetchone()
    is_held = bool(row and row[0])
    try:
        yield is_held
    finally:
        if is_held and not connection.closed:
            connection.execute(query.replace("pg_try_advisory_lock", "pg_advisory_unlock").encode(), (value,))
