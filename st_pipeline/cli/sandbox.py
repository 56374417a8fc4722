"""``st-pipeline sandbox``: the imitation of ServiceTitan alone, until Ctrl-C; and ``sandbox allow``, its administrator.

With everything else it is serving.py's ``up --sandbox``.
"""

from __future__ import annotations

from typing import Annotated

import requests
import typer

from st_pipeline.cli import sandbox_tenants
from st_pipeline.cli.errors import CommandRefused, Commands
from st_pipeline.sandbox import demo_accounts, serve, spare_accounts
from st_pipeline.servicetitan.environments import hosts
from st_pipeline.settings import Settings

PATIENCE_SECONDS = 10.0

app = typer.Typer(cls=Commands, invoke_without_command=True)


@app.callback()
def sandbox(
    context: typer.Context,
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 8700,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    customers: Annotated[int, typer.Option(help="Customers of each account.")] = 1_500,
    invoices: Annotated[int, typer.Option(help="Invoices of each account.")] = 4_000,
) -> None:
    """An API server that imitates ServiceTitan, with five accounts; its command is for one that runs already."""
    if context.invoked_subcommand:
        return
    accounts = [*demo_accounts(customers, invoices), *spare_accounts(customers, invoices)]

    def announce(url: str) -> None:
        typer.echo(f"The sandbox listens on {url}; its accounts:")
        for account in accounts:
            for line in sandbox_tenants.introduced(account, url):
                typer.echo(f"  {line}")

    try:
        serve(host, port, accounts=accounts, announce=announce)
    except OSError as error:
        raise CommandRefused(f"cannot listen on {host}:{port} ({error.strerror}); choose another --port") from None


@app.command()
def allow(
    tenant_id: Annotated[int, typer.Argument(metavar="TENANT_ID", help="Of the account, as the sandbox shows it.")],
    url: Annotated[
        str | None, typer.Option(help="Where the sandbox runs; without it where ST_PIPELINE_SANDBOX_URL says.")
    ] = None,
) -> None:
    """Allow the app, as an account's administrator does under Settings > Integrations > API Application Access."""
    try:
        address = hosts("sandbox", url or Settings.from_environment().sandbox_url).api
    except ValueError as error:
        raise CommandRefused(str(error)) from None
    with requests.Session() as session:
        session.trust_env = False  # a proxy has nothing to do with it
        try:
            answer = session.post(
                f"{address}/_sandbox/connect", json={"tenant_id": tenant_id}, timeout=PATIENCE_SECONDS
            )
        except requests.RequestException:
            raise CommandRefused(
                f"no sandbox answers on {address}; start it with st-pipeline up --sandbox, or give its --url"
            ) from None
    if answer.status_code == 400:
        raise CommandRefused(f"the sandbox on {address} has no account with the tenant id {tenant_id}")
    if not answer.ok:
        raise CommandRefused(f"what answers on {address} is no sandbox; give the --url of one")
    typer.echo(f"Account {tenant_id} of the sandbox on {address} allows the app now.")
