"""portal/web/service.py: what all visits share, and the pool of connections."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest
from psycopg import sql
from psycopg_pool import PoolTimeout

from st_pipeline.portal.web import service
from st_pipeline.portal.web.service import MOST_CONNECTIONS, Portal, connections
from st_pipeline.postgres import Database
from st_pipeline.secret import Secret
from st_pipeline.settings import OpenIdClient, Settings
from st_pipeline.tenants.errors import VaultKeyInvalid


def test_connections_are_in_autocommit_in_utc_and_say_whose_they_are(warehouse: Database) -> None:
    with connections(warehouse) as pool, pool.connection() as connection:
        assert connection.autocommit
        row = connection.execute(
            "select current_setting('TimeZone'), current_setting('application_name'), current_database()"
        ).fetchone()
    assert row == ("UTC", "st-pipeline portal", warehouse.name)


def test_a_pool_is_closed_until_it_is_opened(warehouse: Database) -> None:
    pool = connections(warehouse)
    assert pool.closed
    with pool:
        assert not pool.closed
    assert pool.closed


def test_a_connection_that_the_server_ended_is_replaced(warehouse: Database, control: psycopg.Connection) -> None:
    with connections(warehouse) as pool:
        with pool.connection() as connection:
            before = connection.info.backend_pid
        control.execute("select pg_terminate_backend(%s, 10000)", (before,))
        with pool.connection() as connection:
            assert connection.execute("select 1").fetchone() == (1,)
            assert connection.info.backend_pid != before


def test_there_are_so_many_connections_and_no_more(warehouse: Database) -> None:
    with connections(warehouse) as pool:
        held = [pool.getconn() for _ in range(MOST_CONNECTIONS)]
        with pytest.raises(PoolTimeout):
            pool.getconn(timeout=0.05)
        for connection in held:
            pool.putconn(connection)
        assert len({connection.info.backend_pid for connection in held}) == MOST_CONNECTIONS


def test_a_portal_without_a_provider_has_passwords_alone(portal: Portal, settings: Settings) -> None:
    assert portal.provider is None
    assert portal.settings is settings
    assert portal.pool.closed, "it opens when the application starts"


def test_a_portal_with_a_provider_asks_it_nothing_yet(settings: Settings, warehouse: Database) -> None:
    """The address leads nowhere: a provider that is down must not keep the portal from starting."""
    client = OpenIdClient("https://127.0.0.1:9", "portal", Secret("canary-client-secret"))
    portal = Portal.of(replace(settings, portal_oidc=client), warehouse)
    assert portal.provider is not None
    assert "canary" not in repr(portal)


@pytest.mark.parametrize("wrong", ["canary", "", "canary" * 9, "A" * 40])
def test_keys_that_cannot_be_used_are_told_at_the_start_and_not_shown(
    settings: Settings, warehouse: Database, wrong: str
) -> None:
    good = settings.secret_keys or ()
    for keys in ((Secret(wrong),), (*good, Secret(wrong))):
        with pytest.raises(VaultKeyInvalid, match="ST_PIPELINE_SECRET_KEYS") as raised:
            Portal.of(replace(settings, secret_keys=keys), warehouse)
        assert "canary" not in str(raised.value)


def test_two_portals_with_the_same_keys_read_each_others_forms(settings: Settings, warehouse: Database) -> None:
    """A restart, or a second process, ends no session and no open form."""
    one, other = (Portal.of(settings, warehouse) for _ in range(2))
    assert other.cookies.is_form_token("an-id", one.cookies.form_token("an-id"))


def test_prepared_makes_and_migrates_the_warehouse_of_the_settings(
    settings: Settings, warehouse: Database, control: psycopg.Connection
) -> None:
    empty = warehouse.with_name(f"{warehouse.name}_empty")
    control.execute(sql.SQL("create database {}").format(sql.Identifier(empty.name)))
    portal = service.prepared(replace(settings, dsn=empty.url()))
    with portal.pool, portal.pool.connection() as connection:
        assert connection.execute("select current_database()").fetchone() == (empty.name,)
        assert connection.execute("select count(*) from control.users").fetchone() == (0,)
