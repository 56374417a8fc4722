"""portal/audit/audit.py: what was done, by whom, and that nothing of it changes."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg
import pytest
from starlette.applications import Starlette

from st_pipeline.operations import audit, invitations
from st_pipeline.operations.audit import Author
from st_pipeline.operations.tenant_operations import TenantOperations
from st_pipeline.portal.people import sessions
from st_pipeline.portal.people.roles import Role
from st_pipeline.settings import Settings
from st_pipeline.tenants.model import Status
from st_pipeline.tenants.registry import Registry
from tests.portal.conftest import SignedIn
from tests.portal.noted import noted

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def test_what_was_done_is_read_newest_first_and_by_tenant(app: Starlette, control: psycopg.Connection) -> None:
    ann = Author("ann", "operator", "192.0.2.1")
    audit.record(control, ann, "paused", NOW, tenant="acme", detail={"cadence": "paused"})
    audit.record(control, audit.COMMAND_LINE, "user added", NOW)
    newest, before = audit.read(control, limit=2)
    assert (newest.actor, newest.role, newest.action, newest.tenant) == ("command line", "", "user added", None)
    assert (before.actor, before.role, before.detail) == ("ann", "operator", {"cadence": "paused"})
    assert audit.read(control, tenant="acme", before=newest.id)[0] == before
    assert audit.read(control, tenant="acme", before=before.id) == []


def test_one_paused_by_a_command_goes_on_with_the_cadence_it_had(
    settings: Settings, signed_in: SignedIn, control: psycopg.Connection
) -> None:
    registry = TenantOperations(control, Registry.of(control, settings), audit.COMMAND_LINE, datetime.now(UTC))
    for cadence in ("every 6h", "paused"):
        registry.set("acme", cadence=cadence)
    signed_in(Role.OPERATOR).post("/tenants/acme/resume")
    assert registry.registry.get("acme").cadence == "every 6h"
    assert [(who, action) for who, _, action, *_ in noted(control, 3)] == [
        ("command line", "schedule changed"),
        ("command line", "paused"),
        ("operator", "resumed"),
    ]


@pytest.mark.parametrize(
    "statement", ["update control.audit set actor = ''", "delete from control.audit", "truncate control.audit"]
)
def test_nothing_of_it_is_changed_or_deleted(app: Starlette, control: psycopg.Connection, statement: str) -> None:
    with pytest.raises(psycopg.errors.RaiseException, match="kept for good"):
        control.execute(statement)  # pyright: ignore[reportCallIssue, reportArgumentType]
