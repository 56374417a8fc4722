"""schedule/launch_claims.py: of several launchers, one gets a tenant."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from st_pipeline import postgres
from st_pipeline.postgres import Database
from st_pipeline.schedule.launch_claims import LONGEST_CLAIM, claim, release

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _nothing_is_claimed(control: psycopg.Connection) -> None:
    control.execute("delete from control.launches")


def test_a_tenant_is_claimed_once(control: psycopg.Connection) -> None:
    assert claim(control, ["acme", "bolt"], NOW) == {"acme", "bolt"}
    assert claim(control, ["acme", "cole"], NOW) == {"cole"}
    assert claim(control, [], NOW) == set()
    assert claim(control, ["dale", "dale"], NOW) == {"dale"}, "named twice it is one tenant"


@pytest.mark.parametrize(
    ("later", "is_free"),
    [
        (timedelta(0), False),
        (SECOND, False),
        (LONGEST_CLAIM, False),
        (LONGEST_CLAIM + SECOND, True),
        (-SECOND, True),
        (-timedelta(days=1), True),
    ],
)
def test_a_claim_holds_for_a_while_and_one_from_a_clock_that_ran_ahead_holds_nobody_up(
    control: psycopg.Connection, later: timedelta, is_free: bool
) -> None:
    claim(control, ["acme"], NOW)
    assert (claim(control, ["acme"], NOW + later) == {"acme"}) is is_free


def test_a_claim_that_is_refused_does_not_make_the_first_one_longer(control: psycopg.Connection) -> None:
    claim(control, ["acme"], NOW)
    for seconds in (30, 60, 90):
        assert claim(control, ["acme"], NOW + seconds * SECOND) == set()
    assert claim(control, ["acme"], NOW + 91 * SECOND) == {"acme"}


def test_a_released_tenant_may_be_claimed_again_and_no_other(control: psycopg.Connection) -> None:
    claim(control, ["acme", "bolt"], NOW)
    release(control, "acme")
    release(control, "nobody")
    assert claim(control, ["acme", "bolt"], NOW) == {"acme"}


@given(st.lists(st.lists(st.sampled_from("abcde"), max_size=5), max_size=4))
@examples(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_asked_for_in_a_row_each_tenant_goes_to_the_first(
    control: psycopg.Connection, wanted: list[list[str]]
) -> None:
    control.execute("delete from control.launches")
    seen: set[str] = set()
    for tenants in wanted:
        assert claim(control, tenants, NOW) == set(tenants) - seen
        seen |= set(tenants)


def test_of_launchers_at_one_moment_each_tenant_goes_to_one(warehouse: Database) -> None:
    """In one transaction each, and in another order: neither twice nor a deadlock."""
    tenants = [f"tenant-{number}" for number in range(30)]
    barrier, found = threading.Barrier(4), list[str]()

    def launch(order: list[str]) -> None:
        with postgres.connect(warehouse, autocommit=True) as connection:
            barrier.wait()
            with connection.transaction():
                claimed = claim(connection, order, NOW)
        found.extend(claimed)

    threads = [threading.Thread(target=launch, args=(tenants[:: 1 if number % 2 else -1],)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted(tenants)
