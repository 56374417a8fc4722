"""``st-pipeline``: the commands and their modules. Slow imports wait until a command needs them."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from st_pipeline import log_lines, private_home
from st_pipeline.cli import (
    alerts,
    demo,
    inspection,
    portal,
    sandbox,
    serving,
    status,
    syncing,
    tenants,
    ui,
    upkeep,
    usage,
    users,
)
from st_pipeline.cli.errors import Commands

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # its tracebacks would show local variables
    help="Sync the ServiceTitan data of many tenants into Postgres and the report tables.",
)


def _show_version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(f"st-pipeline {version('st-pipeline')}")
        raise typer.Exit


@app.callback()
def begin(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    # The help is the application's, above.
    private_home.keep_new_files_private()
    log_lines.make_visible()


app.add_typer(tenants.app, name="tenants")
app.add_typer(alerts.app, name="alerts")
app.add_typer(users.app, name="users")
app.add_typer(sandbox.app, name="sandbox")
for command in (
    demo.demo,
    serving.up,
    serving.dev,
    portal.portal,
    ui.ui,
    syncing.sync,
    syncing.reload,
    syncing.marts,
    status.status,
    usage.usage,
    upkeep.upkeep,
    inspection.doctor,
    inspection.psql,
):
    app.command()(command)
