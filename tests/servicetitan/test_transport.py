from __future__ import annotations

import gzip
import itertools
import socket
import threading
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from st_pipeline.secret import Secret
from st_pipeline.servicetitan import pacing
from st_pipeline.servicetitan.calls import CallLog
from st_pipeline.servicetitan.limits import MEGABYTE, Limits
from st_pipeline.servicetitan.pacing import Pacer
from st_pipeline.servicetitan.problems import Problem
from st_pipeline.servicetitan.retrying import Again
from st_pipeline.servicetitan.transport import Answer, Transport, Unsigned, Unusable
from tests.support.stepped_time import SteppedTime

from .conftest import PATIENT, Serve
from .scripted import Asked, Reply, reply

OPERATION = "GET /x"


@pytest.fixture
def transport(tmp_path: Path):
    lane = Pacer(tmp_path).lane(Secret("k"), 1)
    made = Transport(lane, CallLog(), limits=PATIENT, longest_wait=60, uses_proxies=False)
    yield made
    made.close()


@pytest.fixture
def hasty(tmp_path: Path):
    """A transport whose requests end after half a second."""
    yield from opened(tmp_path, replace(PATIENT, total_seconds=0.5))


def opened(folder: Path, limits: Limits) -> Iterator[Transport]:
    made = Transport(Pacer(folder).lane(Secret("k"), 1), CallLog(), limits=limits, longest_wait=60, uses_proxies=False)
    yield made
    made.close()


@pytest.fixture
def small(tmp_path: Path):
    """A transport with limits of 2 MB and 100 KB."""
    limits = replace(PATIENT, body_bytes=2 * MEGABYTE, short_body_bytes=100_000)
    made = Transport(
        Pacer(tmp_path).lane(Secret("k"), 1), CallLog(), limits=limits, longest_wait=60, uses_proxies=False
    )
    yield made
    made.close()


def get(transport: Transport, url: str, **more: Any) -> Answer | Again | Unusable:
    return transport.attempt("GET", url, operation=OPERATION, number=more.pop("number", 1), auth=Unsigned(), **more)


@pytest.mark.parametrize("status", [200, 301, 400, 401, 403, 404, 409])
def test_a_final_response_is_returned_with_its_whole_body(transport: Transport, serve: Serve, status: int) -> None:
    body = b"x" * 1_000_000
    server = serve(lambda asked, n: Reply(status, body))
    answer = get(transport, server.url)
    assert isinstance(answer, Answer)
    assert (answer.status, answer.body) == (status, body)


def test_compressed_bodies_are_requested_and_decompressed(transport: Transport, serve: Serve) -> None:
    server = serve(lambda asked, n: Reply(body=gzip.compress(b"plain" * 1000), headers={"Content-Encoding": "gzip"}))
    assert get(transport, server.url) == Answer(200, b"plain" * 1000, Problem())
    assert server.calls[0].headers["accept-encoding"] == "gzip"


TOO_LARGE = "the response is larger than 2 MB, the limit for one response"


def bomb(megabytes: int, times: int = 1) -> Reply:
    """Zeros, packed ``times`` times."""
    packer = zlib.compressobj(1, wbits=31)
    body = b"".join([*(packer.compress(bytes(MEGABYTE)) for _ in range(megabytes)), packer.flush()])
    for _ in range(times - 1):
        body = gzip.compress(body, 1)
    return Reply(body=body, headers={"Content-Encoding": ", ".join(["gzip"] * times)})


@pytest.mark.parametrize("times", [1, 2])
def test_a_body_that_unpacks_to_too_much_is_not_unpacked(small: Transport, serve: Serve, times: int) -> None:
    sent = bomb(200, times)
    server = serve(lambda asked, n: sent)
    tracemalloc.start()
    try:
        outcome = get(small, server.url)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(outcome, Unusable)
    assert outcome.reason.startswith(TOO_LARGE)
    assert " unpacked to " in outcome.reason
    assert peak < 20 * MEGABYTE


def test_a_body_that_announces_too_much_is_not_read(small: Transport, serve: Serve) -> None:
    server = serve(lambda asked, n: Reply(raw=lambda: iter([b"HTTP/1.1 200 OK\r\nContent-Length: 3221225472\r\n\r\n"])))
    assert get(small, server.url) == Unusable(200, "the response has 3,072 MB, and the limit is 2 MB")


ENDLESS = {
    "body": (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"x" * 65536 + b"\r\n"),
    "empty gzip members": (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", gzip.compress(b"") * 1000),
    "interim responses": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
}


@pytest.mark.parametrize(("head", "more"), ENDLESS.values(), ids=ENDLESS.keys())
def test_a_response_without_an_end_is_read_up_to_the_limit(
    small: Transport, serve: Serve, head: bytes, more: bytes
) -> None:
    server = serve(lambda asked, n: Reply(raw=lambda: itertools.chain([head], itertools.repeat(more))))
    outcome = get(small, server.url)
    assert isinstance(outcome, Unusable)
    assert outcome.reason == TOO_LARGE


def test_an_error_above_its_limit_is_a_reason_to_retry(small: Transport, serve: Serve) -> None:
    reason = "the response has 195 KB, and the limit is 98 KB"
    server = serve(lambda asked, n: Reply(403, b"x" * 200_000))
    assert get(small, server.url) == Again(f"HTTP 403: {reason}", 403)


def test_a_wait_is_kept_even_if_the_error_is_above_its_limit(small: Transport, serve: Serve) -> None:
    server = serve(lambda asked, n: Reply(503, b"x" * 200_000, {"Retry-After": "7"}))
    assert get(small, server.url) == Again("HTTP 503", 503, 7.0)


def test_the_response_to_a_form_is_short(small: Transport, serve: Serve) -> None:
    server = serve(lambda asked, n: Reply(200, b"x" * 200_000))
    assert get(small, server.url, form={"a": "b"}) == Unusable(200, "the response has 195 KB, and the limit is 98 KB")


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_a_temporary_response_is_a_reason_to_retry(transport: Transport, serve: Serve, status: int) -> None:
    server = serve(lambda asked, n: Reply(status, b"<html>oops</html>"))
    assert get(transport, server.url) == Again(f"HTTP {status}", status)


def test_a_429_names_its_wait_and_holds_the_lane(
    transport: Transport, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SteppedTime()
    monkeypatch.setattr(pacing, "time", clock)
    title = "Rate limit is exceeded. Try again in 0.4 seconds."
    server = serve(lambda asked, n: reply({"title": title, "traceId": "t-1"}, 429) if n == 1 else reply({}))
    assert get(transport, server.url) == Again("HTTP 429", 429, 0.4, trace_id="t-1")
    assert isinstance(get(transport, server.url), Answer)
    assert clock.slept == [pytest.approx(0.4)]


def test_a_wait_beyond_the_limit_is_cut(tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SteppedTime()
    monkeypatch.setattr(pacing, "time", clock)
    server = serve(lambda asked, n: Reply(429, b"", {"Retry-After": "3600"}))
    transport = Transport(
        Pacer(tmp_path).lane(Secret("k"), 1), CallLog(), limits=PATIENT, longest_wait=70, uses_proxies=False
    )
    assert get(transport, server.url) == Again("HTTP 429", 429, 70)
    get(transport, server.url)
    assert clock.slept == [pytest.approx(70)]
    transport.close()


def test_sent_secrets_are_removed_from_the_servers_error(transport: Transport, serve: Serve) -> None:
    def echo(asked: Asked, n: int) -> Reply:
        return reply({"title": str(asked.form), "traceId": asked.headers.get("st-app-key", "t")}, 400)

    server = serve(echo)
    answer = get(transport, server.url, form={"client_secret": "canary+/=", "client_id": "cid.1"})
    assert isinstance(answer, Answer)
    assert "canary" not in repr(answer.problem)
    assert "cid.1" in answer.problem.text


def test_a_503_names_its_wait_too(transport: Transport, serve: Serve) -> None:
    server = serve(lambda asked, n: Reply(503, b"", {"Retry-After": "7"}))
    assert get(transport, server.url) == Again("HTTP 503", 503, 7.0)


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (Reply(reset=True), "connection refused or dropped"),
        (Reply(body=b"x" * 1000, cut=10), "connection refused or dropped"),
        (Reply(body=b"not gzip", headers={"Content-Encoding": "gzip"}), "the body could not be decompressed"),
    ],
    ids=["reset", "cut", "unpackable"],
)
def test_an_incomplete_response_is_a_reason_to_retry(
    transport: Transport, serve: Serve, sent: Reply, reason: str
) -> None:
    server = serve(lambda asked, n: sent)
    assert get(transport, server.url) == Again(reason)


def test_a_missing_response_is_a_reason_to_retry(tmp_path: Path, serve: Serve) -> None:
    over = threading.Event()
    server = serve(lambda asked, n: reply({"late": over.wait(120)}))
    transport = Transport(
        Pacer(tmp_path).lane(Secret("k"), 1),
        CallLog(),
        limits=replace(PATIENT, read_seconds=0.3),
        longest_wait=60,
        uses_proxies=False,
    )
    assert get(transport, server.url) == Again("response timed out")
    over.set()
    transport.close()


OK = b"HTTP/1.1 200 OK\r\n"
DRIPPING = {
    "status line": (b"HTTP/1.1 200 ", b"O"),
    "headers": (OK, b"X: y\r\n"),
    "one header": (OK + b"X: ", b"y"),
    "body": (OK + b"Content-Length: 9999\r\n\r\n", b"x"),
    "chunks": (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "the size of a chunk": (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
    "packed body": (OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"x")[:10], b"\0"),
    "interim responses": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@pytest.mark.parametrize(("head", "drop"), DRIPPING.values(), ids=DRIPPING.keys())
def test_a_response_that_drips_ends_after_the_total_time(
    hasty: Transport, serve: Serve, head: bytes, drop: bytes
) -> None:
    def drip() -> Iterator[bytes]:
        yield head
        while True:
            time.sleep(0.02)
            yield drop

    server = serve(lambda asked, n: Reply(raw=drip))
    assert get(hasty, server.url) == Again("no complete response within 0.5 seconds")


def test_no_call_begins_after_the_last_moment(tmp_path: Path, serve: Serve) -> None:
    server = serve(lambda asked, n: reply({}))
    with contextmanager(opened)(tmp_path, replace(PATIENT, until=time.monotonic() - 1)) as transport:
        assert get(transport, server.url) == Again("there was no time left for a call")
    assert not server.calls


def test_no_call_lasts_beyond_the_last_moment(tmp_path: Path, serve: Serve) -> None:
    over = threading.Event()
    server = serve(lambda asked, n: reply({"late": over.wait(120)}))
    with contextmanager(opened)(tmp_path, replace(PATIENT, until=time.monotonic() + 2)) as transport:
        outcome = get(transport, server.url)
    over.set()
    assert isinstance(outcome, Again)
    assert outcome.reason.startswith("no complete response within ")


def test_a_host_that_does_not_listen_is_a_reason_to_retry(transport: Transport) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        assert get(transport, url) == Again("connection refused or dropped", is_unconnected=True)


def test_a_redirect_is_not_followed(transport: Transport, serve: Serve) -> None:
    elsewhere = serve(lambda asked, n: reply({}))
    server = serve(lambda asked, n: Reply(302, b"", {"Location": elsewhere.url}))
    assert get(transport, server.url) == Answer(302, b"", Problem())
    assert not elsewhere.calls


def test_parameters_are_encoded_and_connections_kept(transport: Transport, serve: Serve) -> None:
    server = serve(lambda asked, n: reply({"n": n}))
    for _ in range(5):
        get(transport, server.url, params={"from": "a+b/c==", "sort": "+Id"})
    assert {asked.raw_query for asked in server.calls} == {"from=a%2Bb%2Fc%3D%3D&sort=%2BId"}
    assert {asked.connection for asked in server.calls} == {1}


def test_cookies_are_not_kept(transport: Transport, serve: Serve) -> None:
    server = serve(lambda asked, n: Reply(headers={"Set-Cookie": "a=b; Path=/"}))
    get(transport, server.url)
    get(transport, server.url)
    assert "cookie" not in server.calls[1].headers


def test_every_attempt_is_counted_with_status_size_and_latency(tmp_path: Path, serve: Serve) -> None:
    log = CallLog()
    transport = Transport(
        Pacer(tmp_path).lane(Secret("k"), 1), log, limits=PATIENT, longest_wait=60, uses_proxies=False
    )
    server = serve(lambda asked, n: [Reply(503), Reply(reset=True), Reply(body=b"12345", delay=0.05)][n - 1])
    for number in (1, 2, 3):
        get(transport, server.url, number=number)
    transport.close()
    found = {count.status: (count.calls, count.retries, count.bytes) for count in log.snapshot()}
    assert found == {503: (1, 0, 0), 0: (1, 1, 0), 200: (1, 1, 5)}
    assert next(count for count in log.snapshot() if count.status == 200).seconds >= 0.05


def test_a_netrc_file_adds_nothing_to_a_call(tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server = serve(lambda asked, n: reply({}))
    transport = Transport(
        Pacer(tmp_path).lane(Secret("k"), 1), CallLog(), limits=PATIENT, longest_wait=60, uses_proxies=True
    )
    get(transport, server.url)
    transport.close()
    assert "authorization" not in server.calls[0].headers
