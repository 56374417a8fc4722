"""``st-pipeline sandbox``: only the simulated ServiceTitan, until Ctrl-C; ``sandbox allow`` acts as its administrator.

``up --sandbox`` in serving.py starts it with everything else.
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
    port: Annotated[int, typer.Option(help="Port; 0 picks a free one.")] = 8700,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    customers: Annotated[int, typer.Option(help="Number of customers per account.")] = 1_500,
    invoices: Annotated[int, typer.Option(help="Number of invoices per account.")] = 4_000,
) -> None:
    """Run a simulated ServiceTitan API with five accounts, or allow the app in a sandbox that is already running."""
    if context.invoked_subcommand:
        return
    accounts = [*demo_accounts(customers, invoices), *spare_accounts(customers, invoices)]

    def announce(url: str) -> None:
        typer.echo(f"The sandbox is running on {url}; its accounts:")
        for account in accounts:
            for line in sandbox_tenants.introduced(account, url):
                typer.echo(f"  {line}")

    try:
        serve(host, port, accounts=accounts, announce=announce)
    except OSError as error:
        raise CommandRefused(f"cannot listen on {host}:{port} ({error.strerror}); choose another --port") from None


@app.command()
def allow(
    tenant_id: Annotated[int, typer.Argument(metavar="TENANT_ID", help="The account's tenant ID.")],
    url: Annotated[
        str | None, typer.Option(help="URL of the running sandbox; ST_PIPELINE_SANDBOX_URL by default.")
    ] = None,
) -> None:
    """Allow the app, as the company's administrator does under Settings > Integrations > API Application Access."""
    try:
        address = hosts("sandbox", url or Settings.from_environment().sandbox_url).api
    except ValueError as error:
        raise CommandRefused(str(error)) from None
    with requests.Session() as session:
        session.trust_env = False  # never through a proxy
        try:
            answer = session.post(
                f"{address}/_sandbox/connect", json={"tenant_id": tenant_id}, timeout=PATIENCE_SECONDS
            )
        except requests.RequestException:
            raise CommandRefused(
                f"no sandbox is running on {address}; start one with st-pipeline up --sandbox, or give its URL with "
                "--url"
            ) from None
    if answer.status_code == 400:
        raise CommandRefused(f"the sandbox on {address} has no account with tenant id {tenant_id}")
    if not answer.ok:
        raise CommandRefused(f"the server on {address} is not a sandbox; give the sandbox's URL with --url")
    typer.echo(f"Account {tenant_id} in the sandbox on {address} now allows the app.")
