"""How failures are shown on the command line: one line that says what to do, and exit status 1. Expected errors never
show a traceback.

Create every Typer app with ``cls=Commands``; nothing else is needed.
"""

from __future__ import annotations

import sys
from typing import Any

import psycopg
import typer
from typer.core import TyperGroup

from st_pipeline.cli.screen import echo
from st_pipeline.embedded_postgres import EmbeddedPostgresError
from st_pipeline.postgres import PostgresError
from st_pipeline.servicetitan.errors import ServiceTitanError
from st_pipeline.settings import SettingsError
from st_pipeline.tenants.errors import TenantsError


class CommandRefused(Exception):
    """The command cannot do what the user requested; the message says what to do instead."""


# The base classes of each package. Any other error is a bug, and we want its traceback.
EXPECTED: tuple[type[Exception], ...] = (
    CommandRefused,
    EmbeddedPostgresError,
    PostgresError,
    ServiceTitanError,
    SettingsError,
    TenantsError,
    psycopg.OperationalError,
)


class Commands(TyperGroup):
    """A group of commands that shows an expected error as one line on standard error, and exits with 1."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except EXPECTED as error:
            message = str(error).strip() or type(error).__name__
        typer.echo(typer.style("error:", fg=typer.colors.RED) if sys.stderr.isatty() else "error:", nl=False, err=True)
        echo(f" {message}", err=True)
        raise typer.Exit(1)
