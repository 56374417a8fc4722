"""What all visits share while the portal runs: settings, connections, templates, cookies, the throttle.

visit.py is one visit with its session and tenant; app.py starts everything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import psycopg
from jinja2 import Environment
from psycopg_pool import ConnectionPool

from st_pipeline import postgres
from st_pipeline.portal.oidc.provider import Provider, provider_of
from st_pipeline.portal.people.throttle import Throttle
from st_pipeline.portal.web.cookies import Cookies
from st_pipeline.portal.web.rendering import environment
from st_pipeline.postgres import Database
from st_pipeline.settings import Settings
from st_pipeline.tenants import vault

MOST_CONNECTIONS = 8
WAIT_SECONDS = 5.0

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]
Pool: TypeAlias = ConnectionPool[Connection]


@dataclass(frozen=True, slots=True)
class Portal:
    """The portal of one process. Connections use autocommit and open when the application starts."""

    settings: Settings
    pool: Pool
    cookies: Cookies
    provider: Provider | None = None
    """None if people sign in only with passwords."""
    templates: Environment = field(default_factory=environment)

    @property
    def throttle(self) -> Throttle:
        """Counts tries to sign in, in the database."""
        return Throttle(self.cookies.digest)

    @classmethod
    def of(cls, settings: Settings, database: Database) -> Portal:
        """Raises VaultKeyInvalid if the keys are unusable."""
        vault.open_vault(settings)
        return cls(settings, connections(database), Cookies(vault.keys_from(settings)), provider_of(settings))


def connections(database: Database) -> Pool:
    """A pool of connections to ``database``, not open yet; it replaces broken connections."""
    return ConnectionPool(
        kwargs={**database.for_session("st-pipeline portal").parameters(), "autocommit": True},
        min_size=1,
        max_size=MOST_CONNECTIONS,
        timeout=WAIT_SECONDS,
        check=ConnectionPool.check_connection,
        open=False,
    )


def prepared(settings: Settings) -> Portal:
    """The portal on the warehouse of ``settings``, created and migrated.

    Raises:
        VaultKeyInvalid: the keys are unusable, or the key file is missing while stored credentials need it.
        PostgresError, EmbeddedPostgresError: as ``postgres.prepare``.
    """
    database = postgres.prepare(settings)
    with postgres.connect(database) as connection:
        vault.open_vault_of(connection, settings)
    return Portal.of(settings, database)
