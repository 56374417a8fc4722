"""A world of some size with changes on top, for the tests beside this; none of them changes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from st_pipeline.sandbox import Account, Sandbox, Size, World
from st_pipeline.sandbox.endpoints import entities
from st_pipeline.sandbox.world.plan import Plan
from tests.sandbox.conftest import NOW

Records = dict[str, dict[int, dict[str, Any]]]


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    """A tenant of a certain size, with awkward data and later changes."""
    account = Account(1, "c", "s", "k", size=Size(customers=600, invoices=900))
    with Sandbox([account], now=NOW) as sandbox:
        sandbox.change(1, seed=8, edits=200, inactivations=40, additions=40, late=10)
        sandbox.advance(900)
        yield sandbox.world(1)


@pytest.fixture(scope="session")
def held(world: World) -> Records:
    return {one.name: {record["id"]: record for record in world.records(one.name)} for one in entities()}


@pytest.fixture
def plan() -> Plan:
    """The skeleton of a small world without awkward data."""
    return Plan(Account(1, "c", "s", "k", name="Northwest HVAC", size=Size(customers=80, invoices=80, awkward=False)))
