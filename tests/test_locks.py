"""locks.py and the views over them: no two locks are one, and only a living process holds one."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg

import st_pipeline
from st_pipeline import locks
from st_pipeline.landing.tenant_lock import tenant_lock
from st_pipeline.locks import Lock
from st_pipeline.portal.web.trying import PLACES
from st_pipeline.postgres import Database
from tests.support.past import Past


def test_no_two_locks_share_a_number() -> None:
    numbers = [*Lock, *(Lock.FIRST_CHECK_SLOT + place for place in range(1, PLACES))]
    assert len(set(numbers)) == len(numbers)


def test_no_two_names_are_one_whatever_the_tenant_is_called() -> None:
    names = [make(key) for make in (locks.check_name, locks.request_name, locks.run_name) for key in ("a", "b")]
    assert len({*names, locks.full_reads_name()}) == 7


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
