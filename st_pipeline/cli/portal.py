"""``st-pipeline portal``: the web application alone, until Ctrl-C. With everything else it is serving.py's ``up``."""

from __future__ import annotations

import socket
from typing import Annotated

import typer

from st_pipeline import postgres
from st_pipeline.cli.errors import CommandRefused
from st_pipeline.cli.interrupting import until_interrupted
from st_pipeline.settings import Settings

PORT = 3001
FIRST_STEP = "Nobody can sign in to the portal yet; make the first account with: .venv/bin/st-pipeline users add NAME"


def portal(
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = PORT,
    host: Annotated[
        str, typer.Option(help="Address to listen on; before any but this machine's own belongs a proxy with TLS.")
    ] = "127.0.0.1",
) -> None:
    """The portal, where clients connect themselves and operators see every sync."""
    import uvicorn

    from st_pipeline.portal.app import create_app

    settings = Settings.from_environment()
    listener = _listen(host, port)
    with until_interrupted(), listener:
        app = create_app(settings)
        typer.echo(f"The portal listens on http://{host}:{listener.getsockname()[1]}")
        if has_nobody(settings):
            typer.echo(FIRST_STEP)
        # Requests are not logged: an address may hold an invitation. Whether a proxy is believed is the application's.
        config = uvicorn.Config(app, log_level="warning", access_log=False, proxy_headers=False, server_header=False)
        uvicorn.Server(config).run([listener])


def has_nobody(settings: Settings) -> bool:
    """Whether no account can sign in; the database is there and migrated."""
    from st_pipeline.portal.people import accounts

    with postgres.connect(postgres.warehouse(settings), autocommit=True) as connection:
        return accounts.is_empty(connection)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        raise CommandRefused(
            f"cannot listen on {host}:{port} ({error.strerror or error}); choose another --port or --host"
        ) from None
