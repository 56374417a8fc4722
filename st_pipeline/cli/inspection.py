"""``st-pipeline doctor`` and ``psql``: inspect without changing anything. The state of every tenant is in status.py."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from psycopg.conninfo import make_conninfo

from st_pipeline import embedded_postgres, postgres
from st_pipeline.cli import output
from st_pipeline.cli.errors import EXPECTED, CommandRefused
from st_pipeline.cli.screen import Screen
from st_pipeline.dbt import DbtProjectBroken, manifest
from st_pipeline.landing.ledger import Ledger
from st_pipeline.landing.ownership import ZoneNotOurs, claim
from st_pipeline.landing.zone import LandingZone
from st_pipeline.settings import Settings
from st_pipeline.sync.pipeline import Pipeline, open_pipeline
from st_pipeline.tenants.model import Status
from st_pipeline.tenants.presentation import detail_words
from st_pipeline.tenants.recheck import check_and_record
from st_pipeline.warehouse import vacuum

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def doctor(as_json: AsJson = False) -> None:
    """Check every setting, connection and credential, and say what to fix. Exit status 1 if anything needs fixing."""
    findings: list[dict[str, Any]] = []

    def run_check(name: str, check: Callable[[], str]) -> bool:
        try:
            findings.append({"what": name, "fine": True, "said": check()})
        except (*EXPECTED, DbtProjectBroken, ZoneNotOurs, OSError) as problem:
            findings.append({"what": name, "fine": False, "said": str(problem).strip()})
        return findings[-1]["fine"]

    opened: list[Pipeline] = []
    if run_check("settings", lambda: f"home {Settings.from_environment().home}"):
        settings = Settings.from_environment()
        run_check("landing zone", lambda: _try_landing(settings.landing))
        run_check("models", lambda: f"{manifest(postgres.warehouse_name(settings)).name} is up to date")
        run_check("app key", lambda: _app_key(settings))
        if settings.portal_oidc:
            run_check("sign-in through OpenID Connect", lambda: _oidc(settings))
        run_check("Dagster's database", lambda: _dagster(settings))
        if run_check("warehouse", lambda: _open(settings, opened)):
            pipeline = opened[0]
            run_check("tables", lambda: _tables(pipeline))
            run_check("landed files", lambda: _landed_files(pipeline))
            with pipeline.registry() as registry:
                for tenant in registry.list():
                    run_check(f"tenant {tenant.key}", lambda key=tenant.key: _connected(pipeline, key))
    if as_json:
        output.json_(findings)
    else:
        console = Screen()
        for finding in findings:
            mark, style = ("ok ", "green") if finding["fine"] else ("fix", "red")
            console.print(mark, style=style, end="")
            console.print(f"  {finding['what']}: {finding['said']}")
    if not all(finding["fine"] for finding in findings):
        raise typer.Exit(1)


def psql(
    arguments: Annotated[list[str] | None, typer.Argument(metavar="[-- ARGS]", help="Arguments for psql.")] = None,
    dsn: Annotated[bool, typer.Option("--dsn", help="Print the connection string instead.")] = False,
) -> None:
    """Open psql on the warehouse. The embedded server runs while psql is open."""
    settings = Settings.from_environment()
    database = postgres.prepare(settings)
    url = database.url().reveal()
    if dsn:
        typer.echo(url)
        return
    embedded = embedded_postgres.binary(settings.home, "psql")
    program = shutil.which("psql") if settings.dsn else str(embedded)
    if not program:
        raise CommandRefused(
            "psql is not on this machine's PATH; install it, or connect with another client: st-pipeline psql --dsn "
            "prints the connection string"
        )
    # The password goes through the environment: every user of the machine can read arguments.
    environment = {**os.environ, "PGPASSWORD": "", **database.variables()}
    command = [program, "-d", make_conninfo(dbname=database.name, **database.without_variable())]
    raise typer.Exit(subprocess.run([*command, *(arguments or [])], env=environment, check=False).returncode)


def _open(settings: Settings, opened: list[Pipeline]) -> str:
    pipeline = open_pipeline(settings)
    opened.append(pipeline)
    with postgres.connect(pipeline.database, autocommit=True) as connection:
        version = connection.info.server_version
        if version < 140000:
            raise CommandRefused(f"PostgreSQL {version // 10000} is too old; use version 14 or newer")
        row = connection.execute("select version_num from control.schema_version").fetchone()
    revision = row[0] if row else "?"
    return f"PostgreSQL {version // 10000} on {pipeline.database.host}, schema control at revision {revision}"


def _dagster(settings: Settings) -> str:
    database = postgres.dagster(settings)
    postgres.ensure_database(database)
    return f"{database.name} on {database.host} is reachable"


def _try_landing(location: str) -> str:
    LandingZone(location).probe()
    return f"{location} is writable"


def _landed_files(pipeline: Pipeline) -> str:
    with postgres.connect(pipeline.database, autocommit=True) as connection:
        ledger = Ledger(connection)
        known, owner = ledger.all_paths(), pipeline.zone.read_owner()
        if owner not in (None, ledger.installation()):
            claim(pipeline.zone, ledger)  # says whose it is and what to do
    missing = sorted(known - pipeline.zone.paths())
    if missing:
        count = "1 landed file is" if len(missing) == 1 else f"{len(missing)} landed files are"
        raise CommandRefused(
            f"{count} missing from the landing zone, for example {missing[0]}. Restore them from a backup, or read "
            "these tenants again: run st-pipeline sync TENANT --full"
        )
    return f"all {len(known)} files of the ledger are in the landing zone"


def _app_key(settings: Settings) -> str:
    if settings.servicetitan.app_key:
        return "SERVICETITAN_APP_KEY is set; tenants without their own app key use it"
    return "SERVICETITAN_APP_KEY is not set; every tenant needs its own app key"


def _oidc(settings: Settings) -> str:
    from st_pipeline.portal.oidc.provider import OidcError, provider_of  # slow to import, and rarely needed

    provider = provider_of(settings)
    assert provider
    try:
        provider.check()
    except OidcError as error:
        raise CommandRefused(str(error)) from None
    return f"{provider.client.issuer} is reachable; register this redirect URI there: {provider.redirect_uri}"


def _tables(pipeline: Pipeline) -> str:
    with postgres.connect(pipeline.database, autocommit=True) as connection:
        advice = vacuum.read_advice(connection)
    if not advice:
        return "vacuum and statistics are up to date"
    last = (
        ""
        if any(not one.is_upkeep for one in advice)
        else " (the nightly upkeep does this; to do it now, run st-pipeline upkeep)"
    )
    raise CommandRefused("\n".join(one.sentence for one in advice) + last)


def _connected(pipeline: Pipeline, key: str) -> str:
    with pipeline.registry() as registry:
        tenant = check_and_record(registry, pipeline.settings, key, datetime.now(UTC))
    if tenant.status is not Status.CONNECTED:
        raise CommandRefused(f"{tenant.status.label}: {detail_words(tenant)}")
    return detail_words(tenant)
