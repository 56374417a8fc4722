"""What all visits share while the portal runs: settings, connections, templates, cookies, the throttle.

One visit with its session and tenant is visit.py; starting it all is app.py.
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
    """The portal of one process. Connections are in autocommit, and opened when the application starts."""

    settings: Settings
    pool: Pool
    cookies: Cookies
    provider: Provider | None = None
    """None: people sign in with passwords alone."""
    templates: Environment = field(default_factory=environment)
    throttle: Throttle = field(default_factory=Throttle)

    @classmethod
    def of(cls, settings: Settings, database: Database) -> Portal:
        """Raises VaultKeyInvalid when the keys cannot be used."""
        vault.open_vault(settings)
        return cls(settings, connections(database), Cookies(vault.keys_from(settings)), provider_of(settings))


def connections(database: Database) -> Pool:
    """A pool to ``database``, closed as yet; what is broken when it is asked for is replaced."""
    parameters = {"application_name": "st-pipeline portal", "connect_timeout": 10, **database.parameters()}
    parameters["options"] = f"{parameters.get('options', '')} -c TimeZone=UTC".strip()
    return ConnectionPool(
        kwargs={**parameters, "autocommit": True},
        min_size=1,
        max_size=MOST_CONNECTIONS,
        timeout=WAIT_SECONDS,
        check=ConnectionPool.check_connection,
        open=False,
    )


def prepared(settings: Settings) -> Portal:
    """The portal on the warehouse of ``settings``, made and migrated. Raises what ``postgres.prepare`` does."""
    return Portal.of(settings, postgres.prepare(settings))
