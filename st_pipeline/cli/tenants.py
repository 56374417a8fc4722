"""``st-pipeline tenants``: the registry on the command line.

The commands call operations/tenant_operations.py; only options, prompts and output are here. Secrets are never
arguments, because other users of the machine can see those, and are never shown.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from st_pipeline.cli import entry, output
from st_pipeline.cli.context import open_operations, read_next_syncs, renew_encryption
from st_pipeline.cli.errors import CommandRefused, Commands
from st_pipeline.cli.tenant_options import (
    AllSecrets,
    AppKeyFile,
    AsJson,
    Cadence,
    ClientSecretFile,
    CompanyCode,
    CredentialFile,
    Key,
    Name,
    NewEnvironment,
    NewTenantId,
    SharedAppKey,
    Timezone,
    Trade,
)
from st_pipeline.schedule.due_times import Due
from st_pipeline.settings import Settings
from st_pipeline.tenants import importing, presentation
from st_pipeline.tenants.credentials import new_parts, own_credentials
from st_pipeline.tenants.model import Status, new_tenant

app = typer.Typer(cls=Commands, no_args_is_help=True, help="Manage the tenants and their credentials.")


@app.command()
def add(
    key: Key,
    tenant_id: Annotated[str, typer.Option(metavar="N", help="The company's tenant ID in ServiceTitan.")],
    environment: Annotated[str, typer.Option(metavar="E", help="production, integration or sandbox.")],
    client_id: Annotated[str, typer.Option(metavar="ID", help="The client ID from ServiceTitan.")],
    client_secret_file: ClientSecretFile = None,
    app_key_file: AppKeyFile = None,
    name: Name = None,
    company_code: CompanyCode = None,
    trade: Trade = None,
    timezone: Timezone = None,
    cadence: Cadence = None,
    as_json: AsJson = False,
) -> None:
    """Register a tenant and test its connection. If the test fails, the tenant is still saved and you see what to do.

    The client secret is read from a file, standard input, or a hidden prompt.
    """
    settings = Settings.from_environment()
    tenant = new_tenant(
        key=key,
        name=name,
        tenant_id=tenant_id,
        environment=environment,
        company_code=company_code,
        trade=trade,
        timezone=timezone or settings.servicetitan.timezone,
        cadence=cadence,
    )
    entry.refuse_two_readers(client_secret_file, app_key_file)
    app_key = entry.secret_from(app_key_file) if app_key_file else None
    client_secret = entry.secret_from(client_secret_file) if client_secret_file else None
    client_secret = client_secret or entry.ask("Client secret", "--client-secret-file")
    own = own_credentials(client_id, client_secret, app_key, settings.servicetitan.app_id)
    with open_operations(settings) as operations:
        operations.register([(tenant, own)])
        output.tenants("added", [operations.check(key, settings)], as_json, one=True)
    if not timezone and not settings.servicetitan.timezone:
        output.zone_is_utc(key)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List every tenant with its state and next sync. Times are in UTC."""
    settings, now = Settings.from_environment(), datetime.now(UTC)
    with open_operations(settings) as operations:
        tenants = operations.registry.list()
        upcoming = read_next_syncs(settings, tenants, now)
    if as_json:
        output.json_([presentation.as_json(one) | _next_sync(upcoming.get(one.key)) for one in tenants])
    elif tenants:
        next_at = {key: due.at if due else None for key, due in upcoming.items()}
        output.lines(presentation.as_table(tenants, next_at, now))
    else:
        typer.echo("No tenants yet. Run st-pipeline tenants add KEY, or st-pipeline tenants import FILE.", err=True)


@app.command()
def show(key: Key, as_json: AsJson = False) -> None:
    """Show everything about a tenant except its secrets, and its next sync."""
    settings = Settings.from_environment()
    with open_operations(settings) as operations:
        tenant = operations.registry.get(key)
        facts = presentation.as_json(tenant) | presentation.credentials_as_json(
            operations.registry.outline(key), settings.servicetitan.app_key is not None
        )
        facts |= _next_sync(read_next_syncs(settings, [tenant], datetime.now(UTC)).get(key))
    output.json_(facts) if as_json else output.lines(presentation.as_lines(facts))


@app.command()
def check(key: Key, as_json: AsJson = False) -> None:
    """Test the connection and save the result. Exit status 1 unless the tenant is connected."""
    settings = Settings.from_environment()
    with open_operations(settings) as operations:
        tenant = operations.check(key, settings)
    output.tenants(None, [tenant], as_json, one=True)
    if tenant.status is not Status.CONNECTED:
        raise typer.Exit(1)


@app.command("set")
def set_(
    key: Key,
    name: Name = None,
    company_code: CompanyCode = None,
    trade: Trade = None,
    timezone: Timezone = None,
    cadence: Cadence = None,
    environment: NewEnvironment = None,
    tenant_id: NewTenantId = None,
    as_json: AsJson = False,
) -> None:
    """Change the given fields of a tenant. An empty company code or trade clears it."""
    given = {
        "name": name,
        "company_code": company_code,
        "trade": trade,
        "timezone": timezone,
        "cadence": cadence,
        "environment": environment,
        "tenant_id": tenant_id,
    }
    changes = {field: value for field, value in given.items() if value is not None}
    if not changes:
        raise CommandRefused(f"nothing to change for {key}; for the options, run st-pipeline tenants set --help")
    with open_operations() as operations:
        output.tenants("changed", [operations.set(key, **changes)], as_json, one=True)


@app.command()
def rotate(
    key: Annotated[str | None, typer.Argument(metavar="[KEY]", help="The tenant's key.", show_default=False)] = None,
    client_id: Annotated[str | None, typer.Option(metavar="ID", help="New client ID; unchanged by default.")] = None,
    client_secret_file: ClientSecretFile = None,
    app_key_file: AppKeyFile = None,
    shared_app_key: SharedAppKey = False,
    vault: AllSecrets = False,
    as_json: AsJson = False,
) -> None:
    """Replace a tenant's client secret or app key, and test the connection.

    The client secret is read from a file, standard input, or a hidden prompt. With --vault and no KEY: re-encrypt all
    tenants' credentials with the newest key in ST_PIPELINE_SECRET_KEYS or, if unset, a new one in the key file.
    """
    settings = Settings.from_environment()
    if vault:
        if key or client_id or client_secret_file or app_key_file or shared_app_key:
            raise CommandRefused("--vault applies to all tenants; use it without a KEY and other options")
        output.encryption(*renew_encryption(settings), as_json)
        return
    if key is None:
        raise CommandRefused("specify a tenant's KEY, or --vault to re-encrypt the credentials of all tenants")
    if shared_app_key and app_key_file:
        raise CommandRefused("use either --shared-app-key or --app-key-file, not both")
    entry.refuse_two_readers(client_secret_file, app_key_file)
    with open_operations(settings) as operations:
        operations.registry.get(key)  # reports an unknown key before any prompt
        app_key = entry.secret_from(app_key_file) if app_key_file else None
        client_secret = entry.secret_from(client_secret_file) if client_secret_file else None
        if client_secret is None and (client_id or not (app_key or shared_app_key)):
            client_secret = entry.ask("New client secret", "--client-secret-file")
        operations.replace_credentials(key, new_parts(client_id, client_secret, app_key, shared_app_key))
        output.tenants("has new credentials", [operations.check(key, settings)], as_json, one=True)


@app.command()
def disable(key: Key, as_json: AsJson = False) -> None:
    """Turn off a tenant's syncs. Its data, settings and credentials are kept."""
    with open_operations() as operations:
        output.tenants("disabled", [operations.disable(key)], as_json, one=True)


@app.command()
def enable(key: Key, as_json: AsJson = False) -> None:
    """Turn a tenant's syncs back on."""
    with open_operations() as operations:
        operations.enable(key)
        output.tenants("enabled", [operations.registry.get(key)], as_json, one=True)


@app.command()
def remove(
    key: Key,
    yes: Annotated[bool, typer.Option("--yes", help="Skip the confirmation.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove a tenant and its credentials. Its data is kept. On a terminal, asks for confirmation."""
    with open_operations() as operations:
        tenant = operations.registry.get(key)
        if not yes and sys.stdin.isatty():
            typer.confirm(f"Remove {key} ({tenant.name}) and its credentials? Its data is kept", abort=True)
        output.tenants("removed; its data is kept", [operations.remove(key)], as_json, one=True, with_state=False)


@app.command("import")
def import_(
    file: CredentialFile = None,
    key: Annotated[str | None, typer.Option(help="The tenant's key, if the file has one tenant.")] = None,
    environment: Annotated[
        str | None, typer.Option(metavar="E", help="Environment of entries that have none; production by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Register all tenants in a credential file, or none if one is invalid, and test each connection.

    Without FILE, registers the tenant in the SERVICETITAN_* environment variables.
    """
    settings = Settings.from_environment()
    if file is None:
        found = importing.from_variables(settings.servicetitan, key=key, environment=environment)
    else:
        found = importing.parse(
            entry.text_from(file).reveal(),
            "standard input" if file == entry.STANDARD_INPUT else file,
            key=key,
            environment=environment,
            shared_app_key=settings.servicetitan.app_key is not None,
        )
    with open_operations(settings) as operations:
        operations.register((one.tenant, one.own) for one in found)
        output.tenants("imported", [operations.check(one.tenant.key, settings) for one in found], as_json)


def _next_sync(due: Due | None) -> dict[str, Any]:
    return presentation.next_sync_as_json(due and due.at, due and due.reason.value)
