"""Run the sandbox: a real HTTP server in a thread that tests can control, or in the foreground.

app.py builds the responses; state.py holds the state.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from st_pipeline.sandbox import app
from st_pipeline.sandbox.account import DEMO_ACCOUNTS, Account
from st_pipeline.sandbox.calls import CALLS_PER_SECOND, Call
from st_pipeline.sandbox.changing import Changed
from st_pipeline.sandbox.faults import Faults
from st_pipeline.sandbox.state import DEFAULT_PAGE_SIZE, State
from st_pipeline.sandbox.world.held import World


class Sandbox:
    """An imitation of ServiceTitan's API for a ``with`` block: real HTTP on ``url``, auth and API on one port.

    ``page_size`` applies to exports: one number, or one per entity with ``*`` for the rest. ``now`` None uses the real
    clock; a datetime stands still. ``advance`` moves either one forward. An entity's data is generated on first use.
    ``calls_per_second`` is the limit per app and tenant.
    """

    def __init__(
        self,
        accounts: Sequence[Account] = DEMO_ACCOUNTS,
        faults: Faults = Faults(),  # noqa: B008  (frozen)
        page_size: int | Mapping[str, int] = DEFAULT_PAGE_SIZE,
        port: int = 0,
        now: dt.datetime | None = None,
        *,
        host: str = "127.0.0.1",
        gzip: bool = True,
        calls_per_second: int = CALLS_PER_SECOND,
    ) -> None:
        self._state = State(accounts, faults, page_size, now, gzip=gzip, calls_per_second=calls_per_second)
        self._address = (host, port)
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self.url = ""

    def __enter__(self) -> Sandbox:
        listener = _listen(*self._address)
        self.url = _url(listener)
        self._server = _server(self._state)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, name="sandbox", daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + 60
        while not self._server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise RuntimeError(f"the sandbox did not start on {self.url}: is the port taken?")
            time.sleep(0.005)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None and self._thread is not None:
            self._server.should_exit = self._server.force_exit = True
            self._thread.join(timeout=10)

    @property
    def faults(self) -> Faults:
        """The current faults; assign to change them."""
        return self._state.faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._state.faults = faults

    @property
    def accounts(self) -> list[Account]:
        """The accounts in their current state."""
        return list(self._state.gate.accounts.values())

    @property
    def now(self) -> dt.datetime:
        """The sandbox's current time."""
        return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=self._state.clock.now() // 10)

    @property
    def calls(self) -> list[Call]:
        """Every request so far."""
        return self._state.log.all()

    def peak_rate(self, tenant_id: int) -> int:
        """A tenant's highest number of API calls in any second."""
        return self._state.log.peak_rate(tenant_id)

    def world(self, tenant_id: int) -> World:
        """A tenant's data: ``records(entity)``, ``count(entity)``, ``served(entity)``, ``defects(entity)``."""
        return self._state.world(tenant_id)

    def change(
        self,
        tenant_id: int,
        seed: int,
        *,
        edits: int = 0,
        inactivations: int = 0,
        additions: int = 0,
        late: int = 0,
        entities: Sequence[str] | None = None,
    ) -> Changed:
        """Simulate activity in a tenant; exports show it 15 minutes later (see ``changing.change``)."""
        return self._state.change(
            tenant_id,
            seed,
            edits=edits,
            inactivations=inactivations,
            additions=additions,
            late=late,
            entities=entities,
        )

    def commit(
        self, tenant_id: int, entity: str, record: dict[str, Any] | bytes, visible_at: dt.datetime | None = None
    ) -> None:
        """Add or replace one record, visible in exports from ``visible_at`` (None: in 15 minutes)."""
        self._state.commit(tenant_id, entity, record, visible_at)

    def delete(self, tenant_id: int, entity: str, record_id: int) -> bool:
        """Delete a record without a trace; False if it does not exist."""
        return self._state.world(tenant_id).remove(entity, record_id)

    def connect(self, tenant_id: int, *, connected: bool = True) -> None:
        """Connect the app to the tenant, or disconnect it."""
        with self._state.lock:
            self._state.gate.connect(tenant_id, connected=connected)

    def advance(self, seconds: float) -> None:
        """Move the sandbox's clock forward, past the export delay or a token's expiry, without waiting."""
        self._state.clock.advance(seconds)


def serve(
    host: str = "127.0.0.1",
    port: int = 8700,
    *,
    accounts: Sequence[Account] = DEMO_ACCOUNTS,
    faults: Faults = Faults(),  # noqa: B008  (frozen)
    page_size: int | Mapping[str, int] = DEFAULT_PAGE_SIZE,
    announce: Callable[[str], None] | None = None,
) -> None:
    """Run a sandbox in the foreground until interrupted. Calls ``announce`` with its URL once it listens.

    Raises OSError if the port is taken.
    """
    listener = _listen(host, port)
    state = State(accounts, faults, page_size, None)
    if announce is not None:
        announce(_url(listener))
    _server(state).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    # asyncio disables Nagle's algorithm only for a socket that names TCP; otherwise every response waits 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()
    return f"http://{host}:{port}"


def _server(state: State) -> uvicorn.Server:
    class Tracked(H11Protocol):
        """uvicorn's protocol, with a map from each client to its connection so that the app can reset it."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if self.client is not None:
                state.connections[self.client] = transport

        def connection_lost(self, exc: Exception | None) -> None:
            if self.client is not None:
                state.connections.pop(self.client, None)
            super().connection_lost(exc)

    config = uvicorn.Config(
        app.build(state),
        http=Tracked,
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        access_log=False,
        log_level="critical",
        server_header=False,
        # Longer than any pause of a client: connections break only when a test asks for it.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)
