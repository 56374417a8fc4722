"""The application on a warehouse of its own for every module, with an operator, a viewer and two clients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import psycopg
import pytest
from cryptography.fernet import Fernet
from starlette.applications import Starlette

from st_pipeline import postgres
from st_pipeline.operations import invitations
from st_pipeline.portal.app import create_app
from st_pipeline.portal.people import accounts, sessions
from st_pipeline.portal.people.roles import Role
from st_pipeline.portal.web.service import Portal
from st_pipeline.postgres import Database
from st_pipeline.secret import Secret
from st_pipeline.settings import Settings
from tests.portal.browser import PASSWORD, Browser, forget_tries, signed
from tests.support.past import Past

SignedIn = Callable[[Role], Browser]
KEYS = (Secret(Fernet.generate_key().decode()),)


@pytest.fixture(scope="module")
def settings(server_settings: Settings) -> Settings:
    return replace(server_settings, secret_keys=KEYS, portal_metrics_token=Secret("canary-metrics-token"))


@pytest.fixture(scope="module")
def portal(settings: Settings, warehouse: Database) -> Portal:
    return Portal.of(settings, warehouse)


@pytest.fixture(scope="module")
def app(settings: Settings, portal: Portal, warehouse: Database) -> Iterator[Starlette]:
    """Running, with tenants acme and bolt and a user for each role that has an account."""
    now = datetime.now(UTC)
    with postgres.connect(warehouse, autocommit=True) as connection:
        past = Past(connection)
        past.tenant("acme")
        past.tenant("bolt")
        for role in accounts.ROLES:
            accounts.add(connection, role.value, role, Secret(PASSWORD), now)
    app = create_app(settings, portal)
    with portal.pool:
        yield app


@pytest.fixture
def browser(app: Starlette, portal: Portal) -> Browser:
    """A browser that was never here, at a portal where nobody tried to sign in before."""
    forget_tries(portal)
    return Browser(app)


@pytest.fixture
def signed_in(app: Starlette, portal: Portal, control: psycopg.Connection) -> SignedIn:
    """A browser with a session of this role; a client's is of tenant acme."""

    def make(role: Role) -> Browser:
        now = datetime.now(UTC)
        if role is Role.CLIENT:
            invitation, _ = invitations.invite(control, "acme", "ann", now)
            session_id = sessions.start(control, now, invitation_id=invitation.id)
        else:
            session_id = sessions.start(control, now, user_id=accounts.find(control, role.value).id)
        return Browser(app).take_session(signed(portal.cookies, session_id))

    return make
