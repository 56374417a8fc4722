"""What the audit says last, for tests that do something and look."""

from __future__ import annotations

from typing import Any

import psycopg

from st_pipeline.operations import audit

Noted = tuple[str, str, str, str | None, dict[str, Any]]


def noted(control: psycopg.Connection, count: int = 1) -> list[Noted]:
    """(who, role, action, tenant, detail) of the newest ``count`` rows, in the order in which they were written."""
    found = audit.read(control, limit=count)[::-1]
    return [(one.actor, one.role, one.action, one.tenant, one.detail) for one in found]
