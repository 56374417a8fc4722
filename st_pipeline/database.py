"""A database's address, in every form that a program needs: nothing of a connection string is lost in any of them.

Psycopg takes keywords, ADBC and SQLAlchemy a URL, dbt and psql environment variables. postgres.py connects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict

from st_pipeline.secret import Secret

KEEPALIVES = frozenset({"keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count"})
"""They say how soon a dead connection is noticed. A program that does without them works the same."""

SESSION = {
    "TimeZone": "UTC",
    "DateStyle": "ISO",
    "IntervalStyle": "postgres",
    "bytea_output": "hex",
    "standard_conforming_strings": "on",
    "search_path": "public",
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    "default_transaction_deferrable": "off",
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
}
"""What our statements rely on. A role, a database or a server may have other defaults."""

# A connection that a firewall dropped is noticed within a minute, not after libpq's default of over ten.
_DEFAULTS = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
}


class PostgresError(Exception):
    """A database cannot be reached or created; the message says which setting to check."""


@dataclass(frozen=True, slots=True)
class Database:
    """One database on one server. ``options`` are the other parameters of libpq by name."""

    host: str
    port: int
    user: str
    password: Secret | None
    name: str
    options: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_dsn(cls, dsn: Secret, *, default_name: str) -> Database:
        """Raises PostgresError if the DSN is invalid. The message never repeats it: it may contain a password."""
        try:
            parts: dict[str, Any] = conninfo_to_dict(dsn.reveal())
            port = int(parts.pop("port", 5432))
        except (psycopg.ProgrammingError, ValueError):
            raise PostgresError("the DSN is invalid; expected postgresql://user:password@host:port/database") from None
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
        """Another database on the same server."""
        return replace(self, name=name)

    def for_session(self, application: str) -> Database:
        """The same database for connections of ours: kept alive, with the settings that our statements rely on."""
        given = self.options.get("options", "")
        session = " ".join(f"-c {name}={_escaped(value)}" for name, value in SESSION.items())
        return replace(
            self,
            options={
                **_DEFAULTS,
                "application_name": application,
                **self.options,
                "client_encoding": "UTF8",
                "options": f"{given} {session}".strip(),  # of two, the last one counts
            },
        )

    def parameters(self) -> dict[str, Any]:
        """Keyword arguments for ``psycopg.connect``."""
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
        """The URL; a Secret, because it may contain a password. SQLAlchemy needs ``postgresql+psycopg2``."""
        user = quote(self.user, safe="")
        login = f"{user}:{quote(self.password.reveal(), safe='')}" if self.password else user
        if self.host.startswith("/") or "," in self.host:
            query = _query({"host": self.host, "port": str(self.port), **self.options})
            return Secret(f"{scheme}://{login}@/{quote(self.name, safe='')}?{query}")
        query = f"?{_query(self.options)}" if self.options else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return Secret(f"{scheme}://{login}@{host}:{self.port}/{quote(self.name, safe='')}{query}")

    def variables(self) -> dict[str, str]:
        """The environment of a program that uses libpq, with every parameter that has a variable."""
        names = _variables()
        return {names[key]: str(value) for key, value in self.parameters().items() if key in names}

    def without_variable(self) -> dict[str, str]:
        """The parameters that have no variable: such a program needs them in another way."""
        names = _variables()
        return {key: value for key, value in self.options.items() if key not in names}


def _variables() -> dict[str, str]:
    """The environment variable of each parameter that has one, as libpq itself lists them."""
    known = ((option.keyword.decode(), option.envvar) for option in pq.Conninfo.get_defaults())
    return {keyword: variable.decode() for keyword, variable in known if variable}


def _query(parameters: Mapping[str, str]) -> str:
    # libpq reads a plus sign as itself.
    return urlencode(parameters, quote_via=quote)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace(" ", "\\ ")
