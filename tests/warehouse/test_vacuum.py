"""Tables that autovacuum isn't keeping up with are listed with the statement that helps, and upkeep runs it."""

from __future__ import annotations

import threading

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline import postgres
from st_pipeline.postgres import Database
from st_pipeline.warehouse.vacuum import (
    LEAST_DEAD,
    LEAST_ROWS,
    TableState,
    advise,
    is_autovacuum_on,
    read_advice,
    read_tables,
    relieve,
)
from tests.support.waiting import wait_for

counts = st.integers(0, 10**9)


def table(*, live: int = 0, dead: int = 0, was_analysed: bool = True, autovacuum: bool = True) -> TableState:
    return TableState("raw", "t", live, dead, was_analysed, autovacuum)


@given(counts, counts, st.booleans())
def test_there_is_something_to_do_exactly_when_a_table_has_many_dead_rows_or_no_statistics(
    live: int, dead: int, was_analysed: bool
) -> None:
    found = [one.statement for one in advise([table(live=live, dead=dead, was_analysed=was_analysed)], autovacuum=True)]
    if dead >= LEAST_DEAD and dead * 10 > 3 * (live + dead):
        assert found == ['vacuum (analyze) "raw"."t"']
    elif live >= LEAST_ROWS and not was_analysed:
        assert found == ['analyze "raw"."t"']
    else:
        assert found == []


def test_what_a_person_turned_off_is_left_to_a_person() -> None:
    found = list(advise([table(autovacuum=False)], autovacuum=False))
    assert [one.is_upkeep for one in found] == [False, False]
    assert found[0].sentence.startswith("autovacuum is off on the server")
    assert found[1].sentence == (
        'autovacuum is turned off for raw.t: alter table "raw"."t" reset (autovacuum_enabled);'
    )


@pytest.fixture
def neglected(control: psycopg.Connection) -> None:
    """A table with many dead rows, and with autovacuum off so that they stay."""
    control.execute("drop table if exists raw.neglected")
    control.execute("create table raw.neglected (id int) with (autovacuum_enabled = off)")
    control.execute(f"insert into raw.neglected select generate_series(1, {2 * LEAST_DEAD})")  # pyright: ignore
    control.execute(f"delete from raw.neglected where id <= {LEAST_DEAD}")  # pyright: ignore


def seen(connection: psycopg.Connection, *, dead: int) -> TableState:
    """The table's statistics, as soon as Postgres has updated them."""

    def look() -> TableState:
        connection.execute("select pg_stat_clear_snapshot()")
        (found,) = [one for one in read_tables(connection) if one.table == "neglected"]
        return found

    wait_for(f"{dead} dead rows", lambda: look().dead >= dead if dead else not look().dead)
    return look()


def test_a_fresh_warehouse_has_nothing_to_do(control: psycopg.Connection) -> None:
    control.execute("drop table if exists raw.neglected")
    assert is_autovacuum_on(control)
    assert [one.name for one in read_tables(control)][:1] == ["control.alerts"]
    assert read_advice(control) == []


@pytest.mark.usefixtures("neglected")
def test_dead_rows_are_seen_named_and_vacuumed(control: psycopg.Connection) -> None:
    state = seen(control, dead=LEAST_DEAD)
    assert (state.dead, state.was_analysed, state.autovacuum) == (LEAST_DEAD, False, False)
    advice = read_advice(control)
    assert [one.statement for one in advice] == [
        'alter table "raw"."neglected" reset (autovacuum_enabled)',
        'vacuum (analyze) "raw"."neglected"',
    ]
    assert advice[1].why == "raw.neglected has 10,000 dead rows out of 20,000"
    done, left = relieve(control, advice)
    assert done == ['vacuum (analyze) "raw"."neglected"']
    assert left == [advice[0].sentence]
    state = seen(control, dead=0)
    assert (state.dead, state.live, state.was_analysed) == (0, LEAST_DEAD, True)
    assert control.execute("show statement_timeout").fetchone() == ("0",)


@pytest.mark.usefixtures("neglected")
def test_every_advised_statement_can_be_run_as_printed(control: psycopg.Connection) -> None:
    seen(control, dead=LEAST_DEAD)
    for one in read_advice(control):
        control.execute(one.statement)  # pyright: ignore
    assert read_advice(control) == []


@pytest.mark.usefixtures("neglected")
def test_a_locked_table_is_skipped_without_waiting(control: psycopg.Connection, warehouse: Database) -> None:
    seen(control, dead=LEAST_DEAD)
    advice = [one for one in read_advice(control) if one.is_upkeep]
    with postgres.connect(warehouse) as other:
        other.execute("lock table raw.neglected in access exclusive mode")
        done, (left,) = relieve(control, advice)
        other.rollback()
    assert done == []
    # Waiting would have ended in lock_timeout, with a different message.
    assert left == f'{advice[0].sentence} (skipping vacuum of "neglected" --- lock not available)'
    assert seen(control, dead=LEAST_DEAD).dead == LEAST_DEAD


@pytest.mark.usefixtures("neglected")
def test_rows_are_written_while_a_table_is_vacuumed(control: psycopg.Connection, warehouse: Database) -> None:
    seen(control, dead=LEAST_DEAD)
    stop, failures = threading.Event(), []

    def write() -> None:
        with postgres.connect(warehouse, autocommit=True) as writer:
            writer.execute("set lock_timeout = '1s'")
            while not stop.is_set():
                try:
                    writer.execute("update raw.neglected set id = id where id = 15000")
                except psycopg.Error as error:
                    failures.append(error)

    writing = threading.Thread(target=write)
    writing.start()
    done, _ = relieve(control, [one for one in read_advice(control) if one.is_upkeep])
    stop.set()
    writing.join()
    assert len(done) == 1
    assert failures == []


def test_nothing_is_started_when_time_is_up(control: psycopg.Connection) -> None:
    advice = list(advise([table(live=LEAST_ROWS, was_analysed=False)], autovacuum=True))
    assert relieve(control, advice, seconds=0) == ([], [advice[0].sentence])
