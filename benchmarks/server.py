"""A server of prepared bytes in its own process: two exports and a token, no logic, no serialization.

It uses as little CPU as possible, so that the client is what gets measured. ``serving`` starts it, ``python -m
benchmarks.server`` is the process.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import msgspec

from benchmarks.pages import Expected, Pages, prepare

_SCOPES = "tn.acc.invoices:r tn.crm.customers:r"
_UNKNOWN = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Served:
    """Where the server listens, and what complete tables of its data contain."""

    url: str
    expected: Expected


@contextmanager
def serving(invoices: int, customers: int) -> Iterator[Served]:
    """The server while the block runs; its bodies are ready when the block begins."""
    command = [sys.executable, "-m", "benchmarks.server", str(invoices), str(customers)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE)
    assert process.stdout and process.stdin
    try:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError("the benchmark's server did not start; what it said is above")
        yield msgspec.json.decode(line, type=Served)
    finally:
        process.stdin.close()  # it serves until its input closes, so it never outlives us
        process.wait(timeout=10)
        process.stdout.close()


class _Connection(asyncio.Protocol):
    def __init__(self, answers: dict[tuple[str, str], bytes], token: bytes) -> None:
        self._answers, self._token = answers, token
        self._transport: asyncio.Transport | None = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, rest = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        if len(rest) < length:
            return
        self._received = rest[length:]
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        assert self._transport
        self._transport.write(self._token if method == "POST" else self._page(target))

    def _page(self, target: str) -> bytes:
        parts = urlsplit(target)
        (cursor,) = parse_qs(parts.query).get("from", [""])
        return self._answers.get((parts.path.strip("/"), cursor), _UNKNOWN)


def _answer(body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _answers(pages: Pages) -> dict[tuple[str, str], bytes]:
    answers = {}
    for path, bodies in pages.bodies.items():
        cursor = ""
        for number, body in enumerate(bodies, start=1):
            answers[path, cursor] = _answer(body)
            cursor = f"{number}+/="
        # After the last page: nothing new, the same token.
        answers[path, cursor] = _answer(msgspec.json.encode({"hasMore": False, "continueFrom": cursor, "data": []}))
    return answers


async def _serve(pages: Pages) -> None:
    token = {"access_token": "benchmark", "expires_in": 900, "token_type": "Bearer", "scope": _SCOPES}
    granted, answers = _answer(msgspec.json.encode(token)), _answers(pages)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(answers, granted), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    sys.stdout.buffer.write(msgspec.json.encode(Served(f"http://{host}:{port}", pages.expected)) + b"\n")
    sys.stdout.buffer.flush()
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    invoices, customers = map(int, sys.argv[1:])
    asyncio.run(_serve(prepare(invoices, customers)))
