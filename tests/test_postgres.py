"""postgres.py: forms of address, databases and migrations, on a real server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from psycopg import sql

from st_pipeline import postgres
from st_pipeline.postgres import Database, PostgresError
from st_pipeline.secret import Secret
from st_pipeline.settings import Settings
from tests.conftest import NewWarehouse
from tests.own_server import PREPARE, own_home, run
from tests.support.waiting import PATIENCE_SECONDS


@pytest.fixture
def home() -> Iterator[Path]:
    with own_home() as home:
        yield home


def test_a_database_that_exists_and_refuses_is_not_taken_for_a_missing_one(new_warehouse: NewWarehouse) -> None:
    closed = new_warehouse()
    with postgres.connect(closed.with_name("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("alter database {} allow_connections false").format(sql.Identifier(closed.name)))
    with pytest.raises(PostgresError, match=f"cannot connect to database {closed.name} "):
        postgres.ensure_database(closed)


def test_every_connection_form_reaches_the_same_database(home: Path) -> None:
    code = """
import adbc_driver_postgresql.dbapi, psycopg, sqlalchemy
urls = database.url().reveal(), database.url("postgresql+psycopg2").reveal()
assert psycopg.connect(urls[0]).info.dbname == "warehouse"
assert psycopg.connect(**database.parameters()).info.dbname == "warehouse"
with sqlalchemy.create_engine(urls[1]).connect() as c:
    assert c.execute(sqlalchemy.text("select current_database()")).scalar() == "warehouse"
with adbc_driver_postgresql.dbapi.connect(urls[0]) as c, c.cursor() as cursor:
    cursor.execute("select current_database()")
    assert cursor.fetchone() == ("warehouse",)
print("fine")
"""
    assert run(home, PREPARE + code).communicate(timeout=PATIENCE_SECONDS)[0] == "fine\n"


def test_a_server_that_cannot_be_reached_is_named_without_the_password() -> None:
    dsn = Secret("postgresql://user:canary@127.0.0.1:1/house")
    with pytest.raises(postgres.PostgresError) as refused:
        postgres.connect(postgres.Database.from_dsn(dsn, default_name="warehouse"))
    assert "127.0.0.1:1" in str(refused.value)
    assert "ST_PIPELINE_DSN" in str(refused.value)
    assert "canary" not in str(refused.value)


def test_a_database_of_an_older_version_is_upgraded_with_its_rows(home: Path) -> None:
    settings = Settings.from_environment({"ST_PIPELINE_HOME": str(home)})
    code = f"""
from st_pipeline.settings import Settings
settings = Settings.from_environment({{"ST_PIPELINE_HOME": {str(settings.home)!r}}})
database = postgres.warehouse(settings)
postgres.ensure_database(database)
postgres.migrate(database, "0001")
with postgres.connect(database, autocommit=True) as c:
    c.execute("insert into control.tenants (key, name, tenant_id, environment, timezone, cadence, status_detail) "
              "values ('acme', 'Acme', 1, 'sandbox', 'UTC', 'nightly', '')")
postgres.migrate(database)
postgres.migrate(database)
with postgres.connect(database, autocommit=True) as c:
    print(c.execute("select key from control.tenants").fetchall(),
          c.execute("select count(*) from control.landed_files").fetchone(),
          c.execute("select count(*) from control.schema_version").fetchone())
"""
    said, _ = run(home, code).communicate(timeout=PATIENCE_SECONDS)
    assert said.strip() == "[('acme',)] (0,) (1,)"


def test_a_missing_database_is_created_once_even_by_two_processes(home: Path) -> None:
    code = """
from concurrent.futures import ThreadPoolExecutor
server = postgres.warehouse(Settings.from_environment())
with ThreadPoolExecutor(4) as pool:
    list(pool.map(lambda _: postgres.ensure_database(server.with_name("another")), range(4)))
print(postgres.connect(server.with_name("another")).info.dbname)
postgres.drop_database(server.with_name("another"))
postgres.drop_database(server.with_name("another"))
"""
    assert run(home, code).communicate(timeout=PATIENCE_SECONDS)[0].strip() == "another"


def test_psycopg_is_in_utc_whatever_the_server_says(home: Path) -> None:
    code = PREPARE + "print(postgres.connect(database).execute('show timezone').fetchone())"
    assert run(home, code).communicate(timeout=PATIENCE_SECONDS)[0].strip() == "('UTC',)"


def test_a_database_of_a_newer_version_says_to_upgrade(new_warehouse: NewWarehouse) -> None:
    newer = new_warehouse()
    with postgres.connect(newer) as connection:
        connection.execute("update control.schema_version set version_num = '9999'")
    with pytest.raises(PostgresError) as refused:
        postgres.migrate(newer)
    assert str(refused.value) == (
        f"database {newer.name} was migrated by a newer version of st-pipeline; upgrade st-pipeline"
    )


def test_a_database_in_another_encoding_is_refused_with_what_to_do(
    server_settings: Settings, warehouse: Database
) -> None:
    latin = warehouse.with_name("latin")
    with postgres.connect(warehouse, autocommit=True) as connection:
        connection.execute("create database latin encoding 'LATIN1' locale_provider libc locale 'C' template template0")
    with pytest.raises(PostgresError, match=r"database latin is in LATIN1, .* encoding 'UTF8' template template0"):
        postgres.prepare(replace(server_settings, dsn=latin.url()))
    postgres.drop_database(latin)
