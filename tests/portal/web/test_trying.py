"""portal/web/trying.py: trying credentials while somebody waits, few at once and each tenant by one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import FormData
from starlette.requests import Request

from st_pipeline import postgres
from st_pipeline.portal.people import accounts, sessions
from st_pipeline.portal.people.roles import Role
from st_pipeline.portal.web import trying
from st_pipeline.portal.web.service import Portal
from st_pipeline.portal.web.trying import BUSY, EVERY, OURS, PLACES, is_worth_trying, try_automatically, try_now
from st_pipeline.portal.web.visit import Visit
from st_pipeline.postgres import Database
from st_pipeline.sandbox import Sandbox
from st_pipeline.secret import Secret
from st_pipeline.settings import Settings
from st_pipeline.tenants.credentials import OwnCredentials
from st_pipeline.tenants.fields import Environment
from st_pipeline.tenants.model import Status, Tenant, new_tenant
from st_pipeline.tenants.registry import Registry
from tests.portal.connecting import APP_KEY, SECRET, account
from tests.portal.noted import noted

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
NewVisit = Callable[[str], Visit]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox([account(7001), account(7002, connected=False)]) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def settings(settings: Settings, sandbox: Sandbox) -> Settings:
    shared = replace(settings.servicetitan, app_key=Secret(APP_KEY))
    return replace(settings, sandbox_url=sandbox.url, servicetitan=shared)


@pytest.fixture
def registry(control: psycopg.Connection, settings: Settings) -> Registry:
    """Tenant acme, whose credentials work; bolt, which its administrator did not approve; and cole, with none."""
    control.execute("truncate control.tenants, control.users cascade")
    registry = Registry.of(control, settings)
    for number, key in enumerate(("acme", "bolt", "cole"), 7001):
        own = None if key == "cole" else OwnCredentials(f"cid.portal{number}", Secret(SECRET), Secret(APP_KEY))
        registry.add(new_tenant(key=key, tenant_id=number, environment="sandbox"), own)
    return registry


@pytest.fixture
def visits(portal: Portal, warehouse: Database, registry: Registry, control: psycopg.Connection) -> Iterator[NewVisit]:
    """An operator at the page of a tenant, on a connection of its own."""
    user = accounts.add(control, "operator", Role.OPERATOR, None, NOW)
    session_id = sessions.start(control, datetime.now(UTC), user_id=user.id)
    request = Request({"type": "http", "headers": [], "client": ("192.0.2.10", 1), "path": "/", "method": "POST"})
    with ExitStack() as stack:

        def make(key: str) -> Visit:
            connection = stack.enter_context(postgres.connect(warehouse, autocommit=True))
            now = datetime.now(UTC)
            session = sessions.read(connection, session_id, now)
            return Visit(portal, request, connection, now, FormData(), session, session_id, registry.get(key))

        yield make


def locks(control: psycopg.Connection) -> int:
    row = control.execute(
        "select count(*) from pg_locks where locktype = 'advisory' "
        "and database = (select oid from pg_database where datname = current_database())"
    ).fetchone()
    assert row
    return row[0]


def test_credentials_that_work_are_found_connected_and_the_audit_says_so(
    visits: NewVisit, registry: Registry, control: psycopg.Connection
) -> None:
    tried = try_now(visits("acme"))
    assert tried.problem is None
    assert tried.tenant.status is Status.CONNECTED
    assert registry.get("acme") == tried.tenant, "it was saved"
    assert noted(control) == [("operator", "operator", "credentials tried", "acme", {"found": "connected"})]
    assert locks(control) == 0


def test_a_tenant_without_credentials_is_tried_on_request_and_left_alone_by_the_page(
    visits: NewVisit, control: psycopg.Connection
) -> None:
    visit = visits("cole")
    before = noted(control)
    assert try_automatically(visit) == visit.tenant
    assert noted(control) == before
    assert try_now(visit).tenant.status is Status.NOT_CONNECTED


def test_a_page_that_refreshes_puts_only_what_changed_in_the_audit(
    visits: NewVisit, registry: Registry, sandbox: Sandbox, control: psycopg.Connection
) -> None:
    before = noted(control)
    first = try_automatically(visits("bolt"))
    assert first.status is Status.NOT_CONNECTED
    assert first.checked_at is not None
    assert noted(control) == before
    later = replace(visits("bolt"), now=datetime.now(UTC) + EVERY)
    sandbox.connect(7002)
    try:
        assert try_automatically(later).status is Status.CONNECTED
        assert noted(control) == [("operator", "operator", "credentials tried", "bolt", {"found": "connected"})]
    finally:
        sandbox.connect(7002, connected=False)


def test_a_page_that_refreshes_tries_no_more_often_than_it_should(visits: NewVisit, registry: Registry) -> None:
    first = try_automatically(visits("bolt"))
    assert first.checked_at
    soon = replace(visits("bolt"), now=first.checked_at + EVERY - timedelta(seconds=1))
    assert try_automatically(soon) == first
    assert registry.get("bolt").checked_at == first.checked_at


def test_one_tenant_is_tried_by_one_at_a_time(visits: NewVisit, control: psycopg.Connection) -> None:
    mine, other, another_tenant = visits("acme"), visits("acme"), visits("bolt")
    with trying._place(mine.connection, "acme") as has_place:  # pyright: ignore[reportPrivateUsage]
        assert has_place
        tried = try_now(other)
        assert tried == trying.Tried(other.tenant, BUSY)
        assert tried.tenant.checked_at is None, "nothing was tried"
        assert try_now(another_tenant).problem is None
    assert try_now(other).problem is None
    assert locks(control) == 0


def test_so_many_tenants_are_tried_at_once_and_the_next_is_told_to_wait(
    visits: NewVisit, control: psycopg.Connection
) -> None:
    visit = visits("acme")
    with ExitStack() as places:
        for number in range(PLACES):
            place = trying._place(visits("acme").connection, f"other-{number}")  # pyright: ignore[reportPrivateUsage]
            assert places.enter_context(place)
        assert try_now(visit).problem == BUSY
        assert locks(control) == 2 * PLACES
    assert try_now(visit).problem is None
    assert locks(control) == 0


def test_a_place_is_free_again_after_a_fault(visits: NewVisit, control: psycopg.Connection) -> None:
    with (
        pytest.raises(RuntimeError),
        trying._place(visits("acme").connection, "acme"),  # pyright: ignore[reportPrivateUsage]
    ):
        raise RuntimeError("on purpose")
    assert locks(control) == 0


def test_credentials_that_our_key_does_not_open_are_our_problem_and_told_so(
    visits: NewVisit, control: psycopg.Connection
) -> None:
    visit = visits("acme")
    other_key = (Secret(Fernet.generate_key().decode()),)
    portal = replace(visit.portal, settings=replace(visit.portal.settings, secret_keys=other_key))
    before = noted(control)
    tried = try_now(replace(visit, portal=portal))
    assert tried == trying.Tried(visit.tenant, OURS)
    assert noted(control) == before
    assert locks(control) == 0


def test_credentials_in_use_are_left_alone_by_the_page(visits: NewVisit, registry: Registry) -> None:
    connected = try_now(visits("acme")).tenant
    later = replace(visits("acme"), now=datetime.now(UTC) + timedelta(days=1))
    assert try_automatically(later) == connected
    assert registry.get("acme") == connected


@given(
    st.booleans(),
    st.sampled_from(Status),
    st.none() | st.timedeltas(min_value=timedelta(0), max_value=3 * EVERY),
)
def test_only_what_may_have_changed_is_worth_trying(enabled: bool, status: Status, ago: timedelta | None) -> None:
    checked_at = None if ago is None else NOW - ago
    tenant = Tenant(
        "acme", "Acme", 1, Environment.SANDBOX, None, None, "UTC", "nightly", enabled, status, "", NOW, checked_at,
        None, frozenset(), NOW, NOW,
    )  # fmt: skip
    waits_for_others = status in (Status.NOT_CONNECTED, Status.UNREACHABLE)
    assert is_worth_trying(tenant, NOW) is (enabled and waits_for_others and (ago is None or ago >= EVERY))
