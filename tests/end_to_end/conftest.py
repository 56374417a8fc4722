"""Fixtures of the end-to-end tests: a home for syncs in this process. built.py has those with reports."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.end_to_end.built import Built, build
from tests.end_to_end.home import Home


@pytest.fixture(scope="session")
def server() -> Home:
    """One home for all tests without reports; ``home`` empties it."""
    return Home.new("syncs")


@pytest.fixture
def home(server: Home) -> Iterator[Home]:
    """A home without tenants, records or files."""
    server.forget_tenants()
    yield server


@pytest.fixture(scope="session")
def built() -> Iterator[Built]:
    """Three tenants synced by commands all the way to the reports; tests must not change its tables."""
    yield from build()
