"""How failures are shown on the command line: one line that says what to do, and exit status 1. Never a traceback
for what is known to happen.

Every Typer app is made with ``cls=Commands``; nothing else is needed.
"""

from __future__ import annotations

import sys
from typing import Any

import psycopg
import typer
from typer.core import TyperGroup

from st_pipeline.embedded_postgres import EmbeddedPostgresError
from st_pipeline.postgres import PostgresError
from st_pipeline.servicetitan.errors import ServiceTitanError
from st_pipeline.settings import SettingsError
from st_pipeline.tenants.errors import TenantsError


class CommandRefused(Exception):
    """The command cannot do what was asked; the message says what to give instead."""


# The base classes of the rooms. What is not among them is a fault of ours, and its traceback is wanted.
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
    """A group of commands that shows what is expected to fail as one line on standard error, and exits with 1."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except EXPECTED as error:
            message = str(error).strip() or type(error).__name__
        typer.echo(
            f"{typer.style('error:', fg=typer.colors.RED) if sys.stderr.isatty() else 'error:'} {message}", err=True
        )
        raise typer.Exit(1)
