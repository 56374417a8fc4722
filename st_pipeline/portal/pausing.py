"""Pausing a tenant and going on with the cadence it had: the audit remembers which that was. Enabling one that is
disabled.

One that was paused before there was an audit goes on with the usual cadence. What a cadence is:
tenants/cadence_parsing.py.
"""

from __future__ import annotations

from st_pipeline.portal.web.visit import Visit
from st_pipeline.schedule.due_times import parse
from st_pipeline.tenants import tenant_table
from st_pipeline.tenants.errors import FieldInvalid
from st_pipeline.tenants.model import DEFAULT_CADENCE

PAUSED = "paused"


def pause(visit: Visit) -> bool:
    """Nothing more by itself; False where that is so already. The audit has the cadence it had."""
    key = visit.tenant.key
    with visit.connection.transaction():
        before = tenant_table.read(visit.connection, key, lock=True).cadence
        if before == PAUSED:
            return False
        visit.registry().set(key, cadence=PAUSED)
        visit.record("paused", cadence=before)
    return True


def resume(visit: Visit) -> str | None:
    """The cadence it has from now on; None where it was not paused."""
    key = visit.tenant.key
    with visit.connection.transaction():
        if tenant_table.read(visit.connection, key, lock=True).cadence != PAUSED:
            return None
        cadence = _former(visit, key)
        visit.registry().set(key, cadence=cadence)
        visit.record("resumed", cadence=cadence)
    return cadence


def enable(visit: Visit) -> bool:
    """Part of syncs again, with the cadence it has; False where it is so already."""
    key = visit.tenant.key
    with visit.connection.transaction():
        if tenant_table.read(visit.connection, key, lock=True).enabled:
            return False
        visit.registry().enable(key)
        visit.record("enabled")
    return True


def _former(visit: Visit, key: str) -> str:
    row = visit.connection.execute(
        """
        select detail ->> 'cadence' from control.audit
        where tenant = %s and action = 'paused' order by at desc, id desc limit 1
        """,
        (key,),
    ).fetchone()
    try:
        former = parse(row[0]) if row and row[0] else None
    except FieldInvalid:
        # An older version took it.
        former = None
    return former.text if former and not former.is_paused else DEFAULT_CADENCE
