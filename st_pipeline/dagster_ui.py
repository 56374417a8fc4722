"""The Dagster UI as an application of ours, so that gate.py can stand in front of it. cli/ui.py serves it.

``dagster-webserver`` has no sign-in, answers GET with mutations, and listens on a port that every user of the machine
and every web page can reach. Here it has no port of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

# As dagster-webserver's own command does; Dagster has no public name for a workspace. pyproject.toml keeps the version.
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster_webserver.app import create_app_from_workspace_process_context
from dagster_webserver.version import __version__
from starlette.applications import Starlette

from st_pipeline.dagster_home import WORKSPACE_FILE

# The defaults of dagster-webserver's command.
STATEMENT_TIMEOUT_MILLISECONDS = 15_000
CONNECTION_LIVES_SECONDS = 3600
MOST_EXTRA_CONNECTIONS = 20
POLL_MILLISECONDS = 2000


@contextmanager
def open_dagster_ui() -> Iterator[Starlette]:
    """Dagster's web application on the instance in DAGSTER_HOME and the project's workspace, without any protection."""
    with dg.DagsterInstance.get() as instance:
        instance.optimize_for_webserver(
            STATEMENT_TIMEOUT_MILLISECONDS, CONNECTION_LIVES_SECONDS, MOST_EXTRA_CONNECTIONS
        )
        target = WorkspaceFileTarget(paths=[str(WORKSPACE_FILE)])
        with WorkspaceProcessContext(instance, target, version=__version__) as context:
            yield create_app_from_workspace_process_context(context, live_data_poll_rate=POLL_MILLISECONDS)
