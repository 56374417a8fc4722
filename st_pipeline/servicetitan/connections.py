"""HTTP connections whose requests end: after their total time, and after so many bytes from the network.

A timeout of a socket limits one read, so a server that sends a byte a second never exceeds it. These limits include the
headers, the response of a proxy, and what surrounds the chunks of a body.
"""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Callable
from http.client import HTTPResponse
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from st_pipeline.servicetitan.limits import Limits, TooLarge, readable_size


class BoundedAdapter(HTTPAdapter):
    """An adapter for requests that applies ``limits`` to each request. Thread-safe.

    A request that takes too long ends like one whose read timed out. One that sends too much raises TooLarge.
    """

    def __init__(self, limits: Limits, **options: Any) -> None:
        self._limits = limits
        self._of_thread = threading.local()
        super().__init__(**options)

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        self._of_thread.ends = min(time.monotonic() + self._limits.total_seconds, self._limits.until)
        return super().send(request, *args, **options)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = _pools(self._bounded)

    def proxy_manager_for(self, *args: Any, **options: Any) -> Any:
        manager = super().proxy_manager_for(*args, **options)
        manager.pool_classes_by_scheme = _pools(self._bounded)
        return manager

    def _bounded(self, sock: socket.socket) -> _BoundedSocket:
        return _BoundedSocket(sock, self._of_thread.ends, self._limits)


class _BoundedSocket:
    """The part of a socket that http.client reads a response from."""

    def __init__(self, sock: socket.socket, ends: float, limits: Limits) -> None:
        self._sock, self._ends, self._limits = sock, ends, limits

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_BoundedReader(self._sock, self._ends, self._limits))


class _BoundedReader(io.RawIOBase):
    def __init__(self, sock: socket.socket, ends: float, limits: Limits) -> None:
        self._sock, self._ends, self._limits = sock, ends, limits
        self._file = sock.makefile("rb", buffering=0)  # keeps the socket open while the response is read
        self._received = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("the response took too long")
        self._sock.settimeout(min(left, self._limits.read_seconds))
        count = self._file.readinto(buffer)
        self._received += count or 0
        # Headers come on top of the body; whatever is this much larger is not an honest response.
        if self._received > 2 * self._limits.body_bytes:
            limit = readable_size(self._limits.body_bytes)
            raise TooLarge(f"the response is larger than {limit}, the limit for one response")
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


def _pools(bounded: Callable[[socket.socket], _BoundedSocket]) -> dict[str, Any]:
    """Connection pools for both schemes whose connections read responses through ``bounded``."""

    def response(sock: socket.socket, *args: Any, **options: Any) -> HTTPResponse:
        return HTTPResponse(bounded(sock), *args, **options)  # type: ignore[arg-type]

    class Plain(HTTPConnection):
        response_class = staticmethod(response)  # type: ignore[assignment]

    class Secure(HTTPSConnection):
        response_class = staticmethod(response)  # type: ignore[assignment]

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain  # type: ignore[assignment]

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure  # type: ignore[assignment]

    return {"http": PlainPool, "https": SecurePool}
