"""Small sandboxes with a clock that stands still; a test that changes a sandbox gets its own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest

from st_pipeline.sandbox import Account, Sandbox, Size
from tests.sandbox.caller import Caller

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
ACCOUNT = Account(
    tenant_id=1001,
    client_id="cid.one",
    client_secret="cs1.one",
    app_key="ak1.app",
    size=Size(customers=120, invoices=150),
)
TWIN = Account(tenant_id=1002, client_id="cid.two", client_secret="cs1.two", app_key="ak1.app", size=ACCOUNT.size)


@pytest.fixture(scope="session")
def shared() -> Iterator[Sandbox]:
    """A sandbox that no test changes, with a limit so high that fast tests never hit it."""
    with Sandbox([ACCOUNT, TWIN], page_size=40, now=NOW, calls_per_second=100_000) as sandbox:
        yield sandbox


@pytest.fixture
def reader(shared: Sandbox) -> Iterator[Caller]:
    """An authorized client of the shared sandbox."""
    with Caller(shared, ACCOUNT) as caller:
        yield caller.authorize()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A sandbox for one test."""
    with Sandbox([ACCOUNT, TWIN], page_size=40, now=NOW) as sandbox:
        yield sandbox


@pytest.fixture
def caller(sandbox: Sandbox) -> Iterator[Caller]:
    """An authorized client of the test's own sandbox."""
    with Caller(sandbox, ACCOUNT) as caller:
        yield caller.authorize()
