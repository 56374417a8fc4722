"""What the proofs of the whole share: a home for syncs in this process. Those with reports are in built.py."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.end_to_end.built import Built, build
from tests.end_to_end.home import Home


@pytest.fixture(scope="session")
def server() -> Home:
    """One home for all that needs no reports; ``home`` empties it."""
    return Home.new("syncs")


@pytest.fixture
def home(server: Home) -> Iterator[Home]:
    """A home without tenants, records and files."""
    server.forget_tenants()
    yield server


@pytest.fixture(scope="session")
def built() -> Iterator[Built]:
    """Three tenants brought all the way into the reports by commands; whoever uses it leaves its tables alone."""
    yield from build()
