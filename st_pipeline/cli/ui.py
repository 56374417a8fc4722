"""``st-pipeline ui``: only the Dagster UI, for operators who are signed in to the portal, until Ctrl-C.

``up`` in serving.py starts it with the rest. portal/web/gate.py decides who gets in.
"""

from __future__ import annotations

import os
from typing import Annotated

import typer

from st_pipeline import dagster_home
from st_pipeline.cli.interrupting import until_interrupted
from st_pipeline.cli.portal import listen
from st_pipeline.settings import Settings

PORT = 3000
STOP_SECONDS = 5
OPEN = "The Dagster UI is open: every user of this machine, and everyone who can reach the port, can launch runs."


def ui(
    port: Annotated[int, typer.Option(help="Port; 0 picks a free one.")] = PORT,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    is_open: Annotated[
        bool, typer.Option("--open", help="Let in everyone who can reach the port, without signing in.")
    ] = False,
) -> None:
    """Run only the Dagster UI. Operators sign in at the portal."""
    import uvicorn

    from st_pipeline.dagster_ui import open_dagster_ui
    from st_pipeline.portal.web.gate import Gate
    from st_pipeline.portal.web.service import prepared

    settings = Settings.from_environment()
    listener = listen(host, port)
    with until_interrupted(), listener:
        portal = prepared(settings)
        os.environ.update(dagster_home.environment(settings))
        with portal.pool, open_dagster_ui() as app:
            typer.echo(f"The Dagster UI is running on http://{host}:{listener.getsockname()[1]}")
            if is_open:
                typer.echo(OPEN)
            config = uvicorn.Config(
                Gate(app, portal, is_open=is_open), log_level="warning", access_log=False, proxy_headers=False,
                server_header=False, timeout_graceful_shutdown=STOP_SECONDS,
            )  # fmt: skip
            uvicorn.Server(config).run([listener])
