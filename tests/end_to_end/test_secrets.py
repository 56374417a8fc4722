"""A marked value in every client secret and app key, and a search for it in everything that was written.

The search covers whole tenant lifetimes: added, shown, checked, synced, rejected, unreachable, with errors that repeat
the secrets, and built into reports.
"""

from __future__ import annotations

import base64
import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from st_pipeline.dbt import project_folder
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.servicetitan.catalogue.lookup import endpoint
from st_pipeline.servicetitan.errors import ServiceTitanError
from st_pipeline.servicetitan.retrying import RetryPolicy
from st_pipeline.settings import Settings
from st_pipeline.sync.pipeline import open_pipeline
from st_pipeline.sync.tenant import SyncPlan, sync_tenant
from st_pipeline.tenants import clients
from st_pipeline.tenants.key_file import FILE_NAME
from tests.end_to_end import canary
from tests.end_to_end.built import ACCOUNTS, NOBODY, OWN_APP_KEY, SHARED_APP_KEY, TENANTS, Built
from tests.end_to_end.home import Home
from tests.end_to_end.leaky_api import MODES

pytestmark = pytest.mark.acceptance

SHARED, OWN = TENANTS[4001].key, TENANTS[4003].key
WRONG_SECRET = "cs1.Canary+wrong/e2e="


@pytest.fixture(scope="module")
def lived(built: Built) -> Home:
    """The home after every command that involves credentials, whether it succeeded or failed."""
    home, leaky = built.home, built.leaky
    home.run("tenants", "show", SHARED, "--json")
    home.run("tenants", "show", OWN)
    home.run("tenants", "list", "--json")
    home.run("psql", "--dsn")
    home.run("status")
    home.run(
        "tenants", "add", "wrong", "--tenant-id", "4004", "--environment", "sandbox", "--client-id", "cid.4001",
        "--client-secret-file", "-", stdin=WRONG_SECRET,
    )  # fmt: skip
    home.run("doctor", "--json", status=1)
    home.run("sync", OWN, "--json", status=1, ST_PIPELINE_SANDBOX_URL=leaky.url("forbidden"))
    home.run("sync", "wrong", OWN, status=1, ST_PIPELINE_SANDBOX_URL=leaky.url("refused"))
    home.run("tenants", "check", OWN, status=1, ST_PIPELINE_SANDBOX_URL=leaky.url("refused"))
    for process in built.waiting:
        said = home.finish(process)
        assert said.status == 1, str(said)
    return home


def test_the_search_finds_a_canary_in_every_encoding(tmp_path: Path, built: Built) -> None:
    secrets = [OWN_APP_KEY, SHARED_APP_KEY, WRONG_SECRET, *(account.client_secret for account in ACCOUNTS)]
    for secret in secrets:
        for lead in range(4):
            plain = b"x" * lead + secret.encode()
            assert canary.is_in(base64.b64encode(plain))
            assert canary.is_in(base64.urlsafe_b64encode(plain))
        for text in (secret, quote(secret), quote_plus(secret), secret.encode().hex(), repr(secret)):
            assert canary.is_in(text.encode())
    assert not canary.is_in(b"nothing of the kind")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "log").write_text(f"token for {WRONG_SECRET}")
    assert len(canary.files_with(tmp_path)) == 1
    with built.home.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute("create table control.planted as select %s::jsonb as secret", ('{"k": "Canary+"}',))
        assert canary.tables_with(connection) == ["control.planted"]


def test_no_command_shows_a_secret(lived: Home) -> None:
    assert len(lived.said) > 15
    commands = {said.command[0] for said in lived.said} | {said.command[:2] for said in lived.said}
    assert {"sync", "marts", "status", "doctor", "psql"} <= commands
    leaks = [said.command for said in lived.said if canary.is_in(f"{said.out}\n{said.err}".encode())]
    assert leaks == []
    assert not [said.command for said in lived.said if "Traceback" in said.err]


def test_no_table_of_either_database_holds_a_secret(lived: Home) -> None:
    for database in ("warehouse", "dagster"):
        with lived.connect(database) as connection:
            assert canary.tables_with(connection) == [], database
    with lived.connect() as connection:
        stored = connection.execute("select count(*) from control.credentials").fetchone()
        assert stored == (5,)


def test_no_file_holds_a_secret(lived: Home) -> None:
    """Everything in the home, including the server's own files and logs, and what dbt writes next to the models."""
    assert (lived.folder / "logs" / "marts.log").exists()
    assert len(list(lived.landing.rglob("*.parquet"))) > 30
    assert canary.files_with(lived.folder, but=frozenset({FILE_NAME})) == []
    assert canary.files_with(project_folder()) == []


@contextmanager
def debugging(file: Path) -> Iterator[None]:
    """Every logger at its most verbose level, into a file."""
    handler = logging.FileHandler(file)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
        handler.close()


@pytest.mark.parametrize("mode", [*MODES, "unreachable"])
def test_no_traceback_repr_or_debug_log_of_a_failure_holds_a_secret(
    lived: Home, built: Built, tmp_path: Path, mode: str
) -> None:
    url = NOBODY if mode == "unreachable" else built.leaky.url(mode)
    settings = Settings.from_environment({**lived.environment, "ST_PIPELINE_SANDBOX_URL": url})
    pipeline = open_pipeline(settings)
    said: list[str] = [repr(settings), repr(pipeline)]
    with debugging(tmp_path / "debug.log"):
        for key in (SHARED, OWN):
            with pipeline.registry() as registry:
                tenant, credentials = registry.get(key), registry.credentials(key)
            retry = RetryPolicy(tries=2, first_wait=0.01)
            with clients.client(tenant, credentials, settings, retry=retry) as client:
                with pytest.raises(ServiceTitanError) as caught:
                    list(client.pages(endpoint("crm_customers")))
                said += traceback.format_exception(caught.value)
                said += [repr(each) for each in (tenant, credentials, client, caught.value, caught.value.__dict__)]
        if mode in ("refused", "forbidden"):  # the others would retry for a minute
            outcome = sync_tenant(pipeline, OWN, SyncPlan(ASSET_ENTITIES, ASSET_ENTITIES))
            assert outcome.failures
            said.append(repr(outcome))
    log = (tmp_path / "debug.log").read_text()
    assert "urllib3" in log or "HTTP" in log or mode == "unreachable"
    assert not canary.is_in("\n".join([*said, log]).encode())
