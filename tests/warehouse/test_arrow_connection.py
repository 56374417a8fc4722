"""arrow_connection.py: many connections of one driver, each with its own transaction."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import adbc_driver_manager
import pyarrow as pa
import pytest

from st_pipeline import postgres
from st_pipeline.postgres import Database
from st_pipeline.secret import Secret
from st_pipeline.warehouse import arrow_connection
from tests.conftest import NewWarehouse


def rows(database: Database) -> int:
    with postgres.connect(database) as connection:
        found = connection.execute("select count(*) from numbers").fetchone()
    assert found
    return found[0]


def make(database: Database) -> None:
    with postgres.connect(database) as connection:
        connection.execute("create table numbers (n bigint)")


def test_threads_have_separate_connections_and_none_closes_another(new_warehouse: NewWarehouse) -> None:
    database = new_warehouse()
    make(database)

    def fill(number: int) -> None:
        with arrow_connection.connect(database) as connection, connection.cursor() as cursor:
            cursor.adbc_ingest("numbers", pa.table({"n": [number] * 3}), mode="append")
            if number % 2:
                connection.rollback()
            else:
                connection.commit()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(fill, range(40)))
    assert rows(database) == 20 * 3


def test_a_recreated_database_is_reached(new_warehouse: NewWarehouse) -> None:
    database = new_warehouse()
    for _ in range(2):
        make(database)
        with arrow_connection.connect(database) as connection, connection.cursor() as cursor:
            cursor.adbc_ingest("numbers", pa.table({"n": [1, 2]}), mode="append")
            connection.commit()
        assert rows(database) == 2
        postgres.drop_database(database)
        postgres.ensure_database(database)


def test_a_server_that_does_not_answer_is_an_error_without_the_password() -> None:
    nowhere = Database(host="127.0.0.1", port=1, user="ann", password=Secret("canary-of-arrow-91c4"), name="warehouse")
    with pytest.raises(adbc_driver_manager.Error) as raised:
        arrow_connection.connect(nowhere)
    assert "canary-of-arrow-91c4" not in str(raised.value)
