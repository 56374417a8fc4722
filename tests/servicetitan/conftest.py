"""A client of a scripted server, with marked secrets and waits of milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from st_pipeline.secret import Secret
from st_pipeline.servicetitan.client import ServiceTitan
from st_pipeline.servicetitan.credentials import Credentials
from st_pipeline.servicetitan.environments import hosts
from st_pipeline.servicetitan.limits import Limits
from st_pipeline.servicetitan.pacing import Pacer
from st_pipeline.servicetitan.retrying import RetryPolicy

from .scripted import Asked, Reply, ScriptedServer

CANARY_SECRET = "cs1.canary-client-secret-5f1c"
CANARY_APP_KEY = "ak1.canary-app-key-90ab"
PATIENT = Limits(connect_seconds=60, read_seconds=60)
QUICK = RetryPolicy(tries=4, first_wait=0.002, longest_wait=0.01, longest_named_wait=0.3, total_seconds=3.0)

Serve = Callable[[Callable[[Asked, int], Reply]], ScriptedServer]
Connect = Callable[..., ServiceTitan]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def serve(stack: ExitStack) -> Serve:
    """Start a scripted server for the duration of the test."""
    return lambda script: stack.enter_context(ScriptedServer(script))


@pytest.fixture
def connect(stack: ExitStack, tmp_path: Path) -> Connect:
    """A client of a server; keyword arguments override those of ServiceTitan."""

    def make(server: ScriptedServer | str, **changed: Any) -> ServiceTitan:
        url = server if isinstance(server, str) else server.url
        arguments: dict[str, Any] = {
            "tenant": "acme",
            "tenant_id": 1001,
            "credentials": Credentials("cid.acme", Secret(CANARY_SECRET), Secret(CANARY_APP_KEY)),
            "hosts": hosts("sandbox", url),
            "pacer": Pacer(tmp_path / "pace"),
            "retry": QUICK,
            "limits": PATIENT,
        }
        return stack.enter_context(ServiceTitan(**arguments | changed))

    return make
