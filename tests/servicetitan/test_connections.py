"""BoundedAdapter on a bare session. test_transport.py has the responses that exceed a limit."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import requests

from st_pipeline.servicetitan.connections import BoundedAdapter
from st_pipeline.servicetitan.limits import Limits

from .conftest import Serve
from .scripted import Reply, ScriptedServer, reply


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.mount("http://", BoundedAdapter(Limits()))
        yield session


def test_connections_are_kept_between_requests(session: requests.Session, serve: Serve) -> None:
    server = serve(lambda asked, n: reply({"n": n}))
    assert [session.get(server.url).json()["n"] for _ in range(3)] == [1, 2, 3]
    assert {asked.connection for asked in server.calls} == {1}


def test_a_response_after_which_the_server_hangs_up_is_complete(session: requests.Session, serve: Serve) -> None:
    body = b"x" * 3_000_000
    server = serve(lambda asked, n: Reply(raw=lambda: iter([b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", body])))
    assert session.get(server.url).content == body


def test_each_request_has_its_own_time(session: requests.Session, serve: Serve) -> None:
    session.mount("http://", BoundedAdapter(Limits(total_seconds=0.5)))
    server = serve(lambda asked, n: Reply(body=b"x", delay=0.3))
    assert [session.get(server.url).status_code for _ in range(3)] == [200] * 3


def test_the_time_of_one_thread_is_not_that_of_another(serve: Serve) -> None:
    def ask(server: ScriptedServer, adapter: BoundedAdapter, path: str) -> None:
        with requests.Session() as session:
            session.trust_env = False
            session.mount("http://", adapter)
            found[path] = session.get(server.url + path).status_code

    found: dict[str, int] = {}
    server = serve(lambda asked, n: Reply(body=b"x", delay=0.1))
    adapter = BoundedAdapter(Limits())
    threads = [threading.Thread(target=ask, args=(server, adapter, f"/{n}")) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {f"/{n}": 200 for n in range(4)}


def test_a_proxy_is_bounded_too(session: requests.Session, serve: Serve) -> None:
    proxy = serve(lambda asked, n: reply({"path": asked.path}))
    answer = session.get("http://api.invalid/x", proxies={"http": proxy.url})
    assert answer.json() == {"path": "/x"}
