"""``st-pipeline portal``: only the web application, until Ctrl-C. ``up`` in serving.py starts it with the rest."""

from __future__ import annotations

import socket
from typing import Annotated

import typer

from st_pipeline import postgres
from st_pipeline.cli.errors import CommandRefused
from st_pipeline.cli.interrupting import until_interrupted
from st_pipeline.settings import Settings

PORT = 3001
FIRST_STEP = "The portal has no accounts yet. Create the first one with: .venv/bin/st-pipeline users add NAME"


def portal(
    port: Annotated[int, typer.Option(help="Port; 0 picks a free one.")] = PORT,
    host: Annotated[
        str, typer.Option(help="Address to listen on. To expose the portal, put a TLS proxy in front of it.")
    ] = "127.0.0.1",
) -> None:
    """Run only the portal, where clients connect their companies and operators see every sync."""
    import uvicorn

    from st_pipeline.portal.app import create_app

    settings = Settings.from_environment()
    listener = listen(host, port)
    with until_interrupted(), listener:
        app = create_app(settings)
        typer.echo(f"The portal is running on http://{host}:{listener.getsockname()[1]}")
        if has_nobody(settings):
            typer.echo(FIRST_STEP)
        # Requests are not logged: a URL may contain an invitation. The application decides whether to trust a proxy.
        config = uvicorn.Config(app, log_level="warning", access_log=False, proxy_headers=False, server_header=False)
        uvicorn.Server(config).run([listener])


def has_nobody(settings: Settings) -> bool:
    """Whether there is no account. The database must be running and migrated."""
    from st_pipeline.portal.people import accounts

    with postgres.connect(postgres.warehouse(settings), autocommit=True) as connection:
        return accounts.is_empty(connection)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises CommandRefused: the port is taken or the address is not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        raise CommandRefused(
            f"cannot listen on {host}:{port} ({error.strerror or error}); choose another --port or --host"
        ) from None
