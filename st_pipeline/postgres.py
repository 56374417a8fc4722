"""Connections to the warehouse, its databases, and the migrations of schema ``control``.

embedded_postgres.py starts the embedded server; database.py has the forms of an address. Each table is documented in
the package that owns it.
"""

from __future__ import annotations

from pathlib import Path

import alembic.command
import alembic.config
import alembic.script.revision
import alembic.util
import psycopg
import sqlalchemy
from psycopg import sql

from st_pipeline import embedded_postgres, private_home
from st_pipeline.database import KEEPALIVES, Database, PostgresError
from st_pipeline.locks import Lock
from st_pipeline.settings import Settings

__all__ = ["Database", "PostgresError"]

MIGRATIONS = Path(__file__).parent / "migrations"
WAREHOUSE = "warehouse"
SCHEMAS = ("control", "raw", "staging", "intermediate", "legacy", "marts")


def warehouse(settings: Settings) -> Database:
    """The warehouse: the home's embedded server (started if it is down), or the one in ``ST_PIPELINE_DSN``.

    Raises:
        PostgresError: the DSN is invalid, or dbt could not use all of it.
    """
    if settings.dsn:
        database = Database.from_dsn(settings.dsn, default_name=WAREHOUSE)
        if lost := sorted(set(database.without_variable()) - KEEPALIVES):
            raise PostgresError(f"ST_PIPELINE_DSN: dbt cannot use {', '.join(lost)}; remove it from the DSN")
        return database
    socket = embedded_postgres.attach(settings.home)
    return Database(host=str(socket), port=5432, user=embedded_postgres.SUPERUSER, password=None, name=WAREHOUSE)


def warehouse_name(settings: Settings) -> str:
    """The name of the warehouse's database, without connecting."""
    return Database.from_dsn(settings.dsn, default_name=WAREHOUSE).name if settings.dsn else WAREHOUSE


def dagster(settings: Settings) -> Database:
    """The Dagster instance's database: by default ``dagster`` on the warehouse's server."""
    if settings.dagster_dsn:
        return Database.from_dsn(settings.dagster_dsn, default_name="dagster")
    return warehouse(settings).with_name("dagster")


def connect(database: Database, *, application: str = "st-pipeline", autocommit: bool = False) -> psycopg.Connection:
    """An open connection with the settings in ``database.SESSION``.

    Raises:
        PostgresError: the server cannot be reached or rejects the connection; the message omits the DSN.
    """
    try:
        return psycopg.connect(**database.for_session(application).parameters(), autocommit=autocommit)
    except psycopg.OperationalError as error:
        raise PostgresError(
            f"cannot connect to database {database.name} on {database.host}:{database.port} as {database.user}: "
            f"{str(error).strip()}; check ST_PIPELINE_DSN or ST_PIPELINE_DAGSTER_DSN, and that the server is running"
        ) from None


def ensure_database(database: Database) -> None:
    """Create ``database`` on its server if it is missing."""
    try:
        connect(database).close()
    except PostgresError as refused:
        if _exists(database, refused):
            raise
        _create(database)


def _exists(database: Database, refused: PostgresError) -> bool:
    """Ask the server, whose messages may be in any language. Raises ``refused`` if the server cannot be asked."""
    try:
        with connect(database.with_name("postgres")) as connection:
            found = connection.execute("select 1 from pg_database where datname = %s", [database.name]).fetchone()
            return found is not None
    except PostgresError:
        raise refused from None


def _create(database: Database) -> None:
    with connect(database.with_name("postgres"), autocommit=True) as connection:
        try:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(database.name)))
        # Another process created it in the meantime. Timing decides which of the two errors is raised.
        except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
            return
        except psycopg.errors.InsufficientPrivilege:
            raise PostgresError(
                f"database {database.name} does not exist, and {database.user} may not create it; create it yourself"
            ) from None


def _require_utf8(database: Database) -> None:
    with connect(database) as connection:
        encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise PostgresError(
            f"database {database.name} is in {encoding}, which cannot store every text; create one with: "
            "create database NAME encoding 'UTF8' template template0, and name it in ST_PIPELINE_DSN"
        )


def drop_database(database: Database) -> None:
    """Drop ``database`` with everything in it and end its connections; does nothing if it is missing."""
    with connect(database.with_name("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(database.name)))


def migrate(database: Database, revision: str = "head") -> None:
    """Migrate schema ``control`` to ``revision`` and create the other schemas; safe to call at every start."""
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://",
        creator=lambda: connect(database, application="st-pipeline migrate"),
        poolclass=sqlalchemy.NullPool,
    )
    config = alembic.config.Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text("select pg_advisory_xact_lock(:lock)"), {"lock": Lock.MIGRATION.value})
        for schema in SCHEMAS:
            connection.execute(sqlalchemy.text(f"create schema if not exists {schema}"))
        config.attributes["connection"] = connection
        try:
            alembic.command.upgrade(config, revision)
        except alembic.util.CommandError as error:
            if not isinstance(error.__cause__, alembic.script.revision.ResolutionError):
                raise
            raise PostgresError(
                f"database {database.name} was migrated by a newer version of st-pipeline; upgrade st-pipeline"
            ) from None
        connection.commit()


def prepare(settings: Settings) -> Database:
    """The warehouse, created and migrated: the first step of every command. Closes a home that others could read."""
    private_home.close(settings.home)
    database = warehouse(settings)
    ensure_database(database)
    _require_utf8(database)
    migrate(database)
    return database
