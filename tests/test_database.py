"""database.py: every parameter of a connection string reaches every program, and sessions have our settings."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import adbc_driver_manager
import psycopg
import psycopg2
import pytest
import sqlalchemy
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from st_pipeline import dbt, postgres
from st_pipeline.database import SESSION, Database, PostgresError
from st_pipeline.portal.web.service import connections
from st_pipeline.secret import Secret
from st_pipeline.settings import Settings, added_to_environment
from st_pipeline.warehouse import arrow_connection
from tests.support.tls import tls_server, write_certificate

CANARY = "canary-p@ss/word:?"
PARAMETERS = {
    "sslmode": "verify-full",
    "sslrootcert": "/certs/root of all.crt",
    "sslcert": "/certs/client.crt",
    "sslkey": "/certs/client.key",
    "sslcrl": "/certs/revoked.crl",
    "connect_timeout": "7",
    "keepalives_idle": "11",
    "options": "-c work_mem=64MB",
    "target_session_attrs": "read-write",
    "application_name": "our name",
    "hostaddr": "10.1.2.3",
    "channel_binding": "disable",
    "gssencmode": "disable",
    "krbsrvname": "service",
}


def many() -> Database:
    query = "&".join(f"{key}={quote(value, safe='')}" for key, value in PARAMETERS.items())
    dsn = f"postgresql://us%40er:{quote(CANARY, safe='')}@db.example:6543/house?{query}"
    return Database.from_dsn(Secret(dsn), default_name="warehouse")


WHOLE = {
    **PARAMETERS,
    "host": "db.example",
    "port": "6543",
    "user": "us@er",
    "password": CANARY,
    "dbname": "house",
}


def test_psycopg_gets_every_parameter() -> None:
    assert {key: str(value) for key, value in many().parameters().items()} == WHOLE


def test_adbc_gets_every_parameter() -> None:
    """It hands the URL to libpq."""
    assert conninfo_to_dict(many().url().reveal()) == WHOLE


def test_sqlalchemy_hands_psycopg2_every_parameter() -> None:
    url = sqlalchemy.make_url(many().url("postgresql+psycopg2").reveal())
    arguments, keywords = url.get_dialect()().create_connect_args(url)
    assert arguments == []
    assert {key: str(value) for key, value in keywords.items()} == WHOLE


def test_psql_gets_every_parameter() -> None:
    variables = many().variables()
    assert variables["PGSSLROOTCERT"] == "/certs/root of all.crt"
    assert "PGKEEPALIVES_IDLE" not in variables
    assert as_libpq_reads(variables) | many().without_variable() == WHOLE


def test_dbt_gets_every_parameter() -> None:
    variables = dbt.process_environment(many())
    assert variables["ST_PIPELINE_PG_KEEPALIVES_IDLE"] == "11"
    assert variables["ST_PIPELINE_PG_CONNECT_TIMEOUT"] == "7"
    read = as_libpq_reads(variables)
    assert read.pop("options").startswith("-c work_mem=64MB ")
    assert read.pop("client_encoding") == "UTF8"
    assert read == {key: value for key, value in WHOLE.items() if key not in ("options", "keepalives_idle")}


def as_libpq_reads(variables: dict[str, str]) -> dict[str, str]:
    """The parameters that libpq takes from ``variables`` alone."""
    libpq = {name: value for name, value in variables.items() if name.startswith("PG")}
    with added_to_environment(libpq):
        return {
            option.keyword.decode(): option.val.decode()
            for option in psycopg.pq.Conninfo.get_defaults()
            if option.val and option.envvar and option.envvar.decode() in libpq
        }


def test_a_parameter_that_dbt_cannot_take_is_refused_and_named(tmp_path: Path) -> None:
    environment = {
        "ST_PIPELINE_HOME": str(tmp_path),
        "ST_PIPELINE_DSN": "postgresql://u:canary@host/db?sslpassword=canary&tcp_user_timeout=3&keepalives_idle=4&keepalives_count=5",
    }
    with pytest.raises(PostgresError) as refused:
        postgres.warehouse(Settings.from_environment(environment))
    assert str(refused.value) == (
        "ST_PIPELINE_DSN: dbt cannot use sslpassword, tcp_user_timeout; remove it from the DSN"
    )


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://us%40er:{}@db.example:6543/house?sslmode=require&options=-c%20a%3Db%2Bc",
        "postgresql://u@[::1]/h",
        "postgresql://u@/h?host=one,two&port=6543",
    ],
)
def test_a_dsn_keeps_its_parts_in_every_form(dsn: str) -> None:
    database = Database.from_dsn(Secret(dsn.format(quote(CANARY, safe=""))), default_name="warehouse")
    assert Database.from_dsn(database.url(), default_name="warehouse") == database
    assert CANARY not in repr(database)


def test_an_invalid_dsn_is_rejected_without_being_repeated() -> None:
    with pytest.raises(PostgresError) as refused:
        Database.from_dsn(Secret("postgresql://canary:canary@host:port:port/"), default_name="warehouse")
    assert "canary" not in str(refused.value)


def test_a_program_that_we_start_leaves_our_own_environment_as_it_was() -> None:
    before = dict(os.environ)
    with added_to_environment({"PATH": "/nowhere", "PGHOST": "elsewhere"}):
        assert os.environ["PGHOST"] == "elsewhere"
    assert dict(os.environ) == before


@pytest.fixture
def secure(warehouse: Database, tmp_path: Path) -> Iterator[Database]:
    """The warehouse behind TLS, with the server's and a client's certificate in files."""
    server, client = write_certificate(tmp_path, "server"), write_certificate(tmp_path, "client")
    options = {
        "sslmode": "verify-full",
        "sslrootcert": str(server[0]),
        "sslcert": str(client[0]),
        "sslkey": str(client[1]),
    }
    with tls_server(f"{warehouse.host}/.s.PGSQL.{warehouse.port}", server, client[0]) as port:
        yield Database("127.0.0.1", port, warehouse.user, None, warehouse.name, options)


def test_every_driver_verifies_the_server_and_shows_its_certificate(secure: Database) -> None:
    question = "select current_database()"
    with postgres.connect(secure) as connection:
        assert connection.execute(question).fetchone() == (secure.name,)
        assert connection.pgconn.ssl_in_use
    with connections(secure) as pool, pool.connection() as connection:
        assert connection.pgconn.ssl_in_use
    with arrow_connection.connect(secure) as connection, connection.cursor() as cursor:
        cursor.execute(question)
        assert cursor.fetchone() == (secure.name,)
    engine = sqlalchemy.create_engine(secure.url("postgresql+psycopg2").reveal(), poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        assert connection.execute(sqlalchemy.text(question)).scalar() == secure.name


def test_no_driver_trusts_another_server(secure: Database, tmp_path: Path) -> None:
    secure.options["sslrootcert"] = secure.options["sslcert"]
    with pytest.raises(PostgresError, match="certificate verify failed"):
        postgres.connect(secure)
    with pytest.raises(adbc_driver_manager.Error, match="certificate verify failed"):
        arrow_connection.connect(secure)
    with pytest.raises(psycopg2.OperationalError, match="certificate verify failed"):
        psycopg2.connect(secure.url().reveal())
    said = debug(secure, tmp_path)
    assert said.returncode
    assert "certificate verify failed" in said.stdout


def debug(database: Database, folder: Path) -> subprocess.CompletedProcess[str]:
    project = str(dbt.project_folder())
    return subprocess.run(
        [dbt.dbt_executable(), "debug", "--connection", "--project-dir", project, "--profiles-dir", project,
         "--log-path", str(folder)],
        env={"PATH": "/usr/bin:/bin", "DBT_TARGET_PATH": str(folder), **dbt.process_environment(database)},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip


def test_dbt_verifies_the_server_and_shows_its_certificate(secure: Database, tmp_path: Path) -> None:
    said = debug(secure, tmp_path)
    assert not said.returncode, said.stdout


HOSTILE = {
    "TimeZone": "Asia/Tokyo",
    "DateStyle": "SQL, DMY",
    "IntervalStyle": "iso_8601",
    "bytea_output": "escape",
    "standard_conforming_strings": "off",
    "search_path": "nowhere",
    "default_transaction_isolation": "serializable",
    "default_transaction_read_only": "on",
    "statement_timeout": "1ms",
    "lock_timeout": "1ms",
    "idle_in_transaction_session_timeout": "1ms",
    "idle_session_timeout": "1ms",
    "client_encoding": "LATIN1",
}


@pytest.fixture
def hostile(warehouse: Database, control: psycopg.Connection) -> Iterator[Database]:
    """The warehouse as a role that has other settings."""
    control.execute("create role hostile superuser login")
    for name, value in HOSTILE.items():
        control.execute(sql.SQL("alter role hostile set {} = {}").format(sql.Identifier(name.lower()), value))
    yield Database(warehouse.host, warehouse.port, "hostile", None, warehouse.name)
    control.execute("drop role hostile")


ASKED = "select name, setting from pg_settings where name in ({})".format(
    ", ".join(f"'{name}'" for name in (*SESSION, "client_encoding"))
).encode()
EXPECTED = {**SESSION, "client_encoding": "UTF8"}


def agreed(rows: Iterable[tuple[Any, ...]]) -> None:
    found = {name: value.removesuffix(", DMY").removesuffix(", MDY") for name, value in rows}
    assert found == EXPECTED


def test_no_connection_takes_the_settings_of_its_role(hostile: Database) -> None:
    with postgres.connect(hostile) as connection:
        agreed(connection.execute(ASKED).fetchall())
    with connections(hostile) as pool, pool.connection() as connection:
        agreed(connection.execute(ASKED).fetchall())
    with arrow_connection.connect(hostile) as connection, connection.cursor() as cursor:
        cursor.execute(ASKED.decode())
        agreed(cursor.fetchall())


def test_dbt_takes_no_settings_of_its_role(hostile: Database, tmp_path: Path) -> None:
    with added_to_environment(dbt.process_environment(hostile)):
        connection = psycopg2.connect(host=hostile.host, user=hostile.user, dbname=hostile.name)
    with connection.cursor() as cursor:
        cursor.execute(ASKED)
        agreed(cursor.fetchall())
    connection.close()
    assert not debug(hostile, tmp_path).returncode


def test_a_dsns_own_settings_come_first_but_not_in_place_of_ours() -> None:
    database = Database("h", 1, "u", None, "d", {"options": "-c work_mem=64MB -c statement_timeout=5"})
    options = database.for_session("ours").options["options"]
    assert options.startswith("-c work_mem=64MB -c statement_timeout=5 -c TimeZone=UTC")
    assert options.index("statement_timeout=0") > options.index("statement_timeout=5")
