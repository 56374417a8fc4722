"""All state of one running sandbox, behind one lock: accounts, worlds, clock, faults, calls.

HTTP requests use it through app.py and control.py, tests in the same process through server.py.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import socket
import struct
import threading
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request

from st_pipeline.sandbox import changing, instants
from st_pipeline.sandbox.account import Account
from st_pipeline.sandbox.authorization import Gate
from st_pipeline.sandbox.calls import CALLS_PER_SECOND, CallLog, Limiter
from st_pipeline.sandbox.changing import Changed
from st_pipeline.sandbox.clock import Clock
from st_pipeline.sandbox.faults import Faults
from st_pipeline.sandbox.shelf import EXPORT_DELAY, Row
from st_pipeline.sandbox.world import records
from st_pipeline.sandbox.world.held import World
from st_pipeline.sandbox.world.plan import HISTORY_END

DEFAULT_PAGE_SIZE = 1_000


class State:
    """The sandbox without its server. ``page_size`` is one number, or one per entity with ``*`` for the rest."""

    def __init__(
        self,
        accounts: Sequence[Account],
        faults: Faults,
        page_size: int | Mapping[str, int],
        now: dt.datetime | None,
        *,
        gzip: bool = True,
        calls_per_second: int = CALLS_PER_SECOND,
    ) -> None:
        if len({one.tenant_id for one in accounts}) < len(accounts):
            raise ValueError("two accounts have the same tenant_id: give each account its own")
        self.clock = Clock(now)
        if self.clock.now() < HISTORY_END:
            raise ValueError("the generated history ends on 2025-12-01: use a later now")
        self.lock = threading.RLock()
        self.faults = faults
        self.gzip = gzip
        self.gate = Gate({one.tenant_id: one for one in accounts})
        self.limiter = Limiter(calls_per_second)
        self.log = CallLog()
        self.connections: dict[tuple[str, int], asyncio.Transport] = {}
        self._page_size = page_size
        self._worlds = {
            one.tenant_id: World(one, self.clock.now, lambda: self.faults.untypable, self.lock) for one in accounts
        }

    def world(self, tenant_id: int) -> World:
        """A tenant's data; KeyError for an unknown tenant."""
        return self._worlds[tenant_id]

    def page_size_of(self, entity: str) -> int:
        """How many records a page of an entity's export has."""
        if isinstance(self._page_size, int):
            return self._page_size
        return self._page_size.get(entity, self._page_size.get("*", DEFAULT_PAGE_SIZE))

    def change(self, tenant_id: int, seed: int, **what: Any) -> Changed:
        """See ``changing.change``."""
        with self.lock:
            return changing.change(self.world(tenant_id), self.clock.now(), seed, **what)

    def commit(
        self, tenant_id: int, entity: str, record: dict[str, Any] | bytes, visible_at: dt.datetime | None = None
    ) -> None:
        """Add or replace a record, given as a dict or as exact JSON.

        Exports show it from ``visible_at`` (in the past: now; None: 15 minutes from now, as in the API); lists show it
        at once. A record without a usable id is stored next to the others.
        """
        now = self.clock.now()
        body = record if isinstance(record, bytes) else records.encode(_active_last(record))
        members = _members(body)
        record_id = members.get("id")
        if not isinstance(record_id, int) or isinstance(record_id, bool) or abs(record_id) >= 2**63:
            record_id = -1 - zlib.crc32(body)
        created, modified = (instants.parse(str(members.get(name))) for name in ("createdOn", "modifiedOn"))
        row = Row(
            record_id,
            body,
            now if created is None else created,
            now if modified is None else modified,
            members.get("active") is not False,
        )
        visible = now + EXPORT_DELAY if visible_at is None else instants.from_datetime(visible_at)
        self.world(tenant_id).put(entity, row, visible)

    async def reset(self, request: Request) -> None:
        """Break a request's connection with a TCP reset instead of a response."""
        if request.client is None:
            return
        transport = self.connections.get((request.client.host, request.client.port))
        if transport is not None:
            sock = transport.get_extra_info("socket")
            if sock is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
            # Let the event loop notice the loss before the response is sent; otherwise the server logs a dead peer.
            await asyncio.sleep(0.01)


def _members(body: bytes) -> dict[str, Any]:
    try:
        decoded = records.decode(body)
    except ValueError:
        return {}
    return decoded if isinstance(decoded, dict) else {}


def _active_last(record: dict[str, Any]) -> dict[str, Any]:
    """Put ``active`` last: lists without it cut it off the end of the JSON."""
    if "active" not in record:
        return record
    return {**{name: value for name, value in record.items() if name != "active"}, "active": record["active"]}
