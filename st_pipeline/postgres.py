"""Connections to the warehouse, its databases, and the migrations of schema ``control``.

How the embedded server is started is in embedded_postgres.py; what the tables mean is in the rooms that own them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import alembic.command
import alembic.config
import psycopg
import sqlalchemy
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from st_pipeline import embedded_postgres
from st_pipeline.locks import Lock
from st_pipeline.secret import Secret
from st_pipeline.settings import Settings

MIGRATIONS = Path(__file__).parent / "migrations"
WAREHOUSE = "warehouse"
SCHEMAS = ("control", "raw", "staging", "intermediate", "legacy", "marts")


class PostgresError(Exception):
    """A database cannot be reached or made; the message says which setting to look at."""


@dataclass(frozen=True, slots=True)
class Database:
    """One database of one server. libpq, SQLAlchemy and dbt each want the same parts in another form."""

    host: str
    port: int
    user: str
    password: Secret | None
    name: str
    options: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_dsn(cls, dsn: Secret, *, default_name: str) -> Database:
        """Raises PostgresError when the text is no DSN; the text itself is not repeated (it may hold a password)."""
        try:
            parts: dict[str, Any] = conninfo_to_dict(dsn.reveal())
            port = int(parts.pop("port", 5432))
        except (psycopg.ProgrammingError, ValueError):
            raise PostgresError(
                "the DSN cannot be read; expected postgresql://user:password@host:port/database"
            ) from None
        password = parts.pop("password", None)
        return cls(
            host=str(parts.pop("host", "localhost")),
            port=port,
            user=str(parts.pop("user", "postgres")),
            password=Secret(str(password)) if password else None,
            name=str(parts.pop("dbname", default_name)),
            options={key: str(value) for key, value in parts.items()},
        )

    def with_name(self, name: str) -> Database:
        """Another database of the same server."""
        return replace(self, name=name)

    def parameters(self) -> dict[str, Any]:
        """Keyword arguments of ``psycopg.connect``."""
        password = {"password": self.password.reveal()} if self.password else {}
        return {
            **self.options,
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "dbname": self.name,
            **password,
        }

    def url(self, scheme: str = "postgresql") -> Secret:
        """The URL form; a Secret, as it may hold a password. SQLAlchemy needs ``postgresql+psycopg2``."""
        user = quote(self.user, safe="")
        login = f"{user}:{quote(self.password.reveal(), safe='')}" if self.password else user
        if self.host.startswith("/"):
            query = urlencode({"host": self.host, "port": self.port, **self.options})
            return Secret(f"{scheme}://{login}@/{quote(self.name, safe='')}?{query}")
        query = f"?{urlencode(self.options)}" if self.options else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return Secret(f"{scheme}://{login}@{host}:{self.port}/{quote(self.name, safe='')}{query}")


def warehouse(settings: Settings) -> Database:
    """The warehouse: the embedded server of the home (started when down), or the one ``ST_PIPELINE_DSN`` names."""
    if settings.dsn:
        return Database.from_dsn(settings.dsn, default_name=WAREHOUSE)
    socket = embedded_postgres.attach(settings.home)
    return Database(host=str(socket), port=5432, user=embedded_postgres.SUPERUSER, password=None, name=WAREHOUSE)


def warehouse_name(settings: Settings) -> str:
    """The name of the warehouse's database, without connecting to anything."""
    return Database.from_dsn(settings.dsn, default_name=WAREHOUSE).name if settings.dsn else WAREHOUSE


def dagster(settings: Settings) -> Database:
    """The database of the Dagster instance: by default ``dagster`` on the warehouse's server."""
    if settings.dagster_dsn:
        return Database.from_dsn(settings.dagster_dsn, default_name="dagster")
    return warehouse(settings).with_name("dagster")


def connect(database: Database, *, application: str = "st-pipeline", autocommit: bool = False) -> psycopg.Connection:
    """An open connection in UTC.

    Raises:
        PostgresError: the server cannot be reached or refuses; without the DSN.
    """
    parameters = {"application_name": application, "connect_timeout": 10, **database.parameters()}
    parameters["options"] = f"{parameters.get('options', '')} -c TimeZone=UTC".strip()
    try:
        return psycopg.connect(**parameters, autocommit=autocommit)
    except psycopg.OperationalError as error:
        raise PostgresError(
            f"cannot connect to database {database.name} on {database.host}:{database.port} as {database.user}: "
            f"{str(error).strip()}; check ST_PIPELINE_DSN and that the server runs"
        ) from None


def ensure_database(database: Database) -> None:
    """Create ``database`` on its server when it is missing."""
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
            return bool(connection.execute("select from pg_database where datname = %s", [database.name]).fetchone())
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


def drop_database(database: Database) -> None:
    """Drop ``database`` with everything in it, whoever is connected; nothing happens when it is not there."""
    with connect(database.with_name("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(database.name)))


def migrate(database: Database, revision: str = "head") -> None:
    """Bring schema ``control`` to ``revision`` and make the other schemas; safe to call at every start."""
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
        alembic.command.upgrade(config, revision)
        connection.commit()


def prepare(settings: Settings) -> Database:
    """The warehouse, there and migrated: what every command starts with."""
    database = warehouse(settings)
    ensure_database(database)
    migrate(database)
    return database
