"""locks.py and the views over them: no two locks are one, and only a living process holds one."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
import pytest

import st_pipeline
from st_pipeline import locks
from st_pipeline.landing.tenant_lock import tenant_lock
from st_pipeline.locks import Lock
from st_pipeline.portal.web.trying import PLACES
from st_pipeline.postgres import Database
from st_pipeline.tenants.fields import valid_key
from tests.support.past import Past


def test_no_two_locks_share_a_number() -> None:
    numbers = [*Lock, *(Lock.FIRST_CHECK_SLOT + place for place in range(1, PLACES))]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("key", ["acme", "rereads", "check", "run", "request", "weekly"])
def test_no_name_is_that_of_a_tenants_own_lock_whatever_the_tenant_is_called(
    control: psycopg.Connection, key: str
) -> None:
    names = [make(key) for make in (locks.check_name, locks.request_name, locks.run_name)]
    names += [locks.full_reads_name(), locks.check_name("b"), locks.request_name("b")]
    rows = control.execute(
        "select hashtextextended(name, 0) from unnest(%s::text[]) name union all "
        "select control.tenant_lock_key(key) from unnest(%s::text[]) key",
        (names, [valid_key(key), "full-reads", "weekly-full-reads"]),
    ).fetchall()
    assert len(set(rows)) == len(names) + 3


def test_numbers_and_names_of_locks_stand_here_alone() -> None:
    root = Path(st_pipeline.__file__).parent
    for path in root.rglob("*.py"):
        if path.name != "locks.py" and "migrations" not in path.parts:
            assert not re.search(r"7_350_|hashtextextended\('", path.read_text()), path


def test_a_tenant_is_locked_while_its_sync_holds_the_lock(
    past: Past, warehouse: Database, control: psycopg.Connection
) -> None:
    past.tenant("acme")
    past.tenant("bolt")
    locked = "select array_agg(tenant) from control.locked_tenants"
    with tenant_lock(warehouse, "acme", "test", wait_seconds=5):
        assert control.execute(locked).fetchone() == (["acme"],)
    assert control.execute(locked).fetchone() == (None,)
