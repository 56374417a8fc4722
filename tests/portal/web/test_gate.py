"""gate.py: who may use an application that has no sign-in of its own, such as the Dagster UI."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from st_pipeline.portal.people import sessions
from st_pipeline.portal.people.roles import Role
from st_pipeline.portal.web import gate
from st_pipeline.portal.web.gate import Gate, objection, shares_sign_in
from st_pipeline.portal.web.service import Portal
from tests.portal.conftest import SignedIn

OURS = "http://127.0.0.1:3000"
LIVE = "ws://127.0.0.1:3000/graphql"
JSON = {"content-type": "application/json"}
ELSEWHERE = {"origin": "http://evil.test", "sec-fetch-site": "cross-site"}
OTHER_PORT = {"origin": "http://127.0.0.1:9999", "sec-fetch-site": "same-site"}


async def echo(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"{request.method} {request.url.path} {(await request.body()).decode()}")


async def live(websocket: WebSocket) -> None:
    await websocket.accept()
    with suppress(WebSocketDisconnect):
        while True:
            await websocket.send_text(await websocket.receive_text())


def behind() -> Starlette:
    """An application without any protection, as Dagster's is."""
    every = ["GET", "POST", "PUT", "DELETE"]
    return Starlette(routes=[WebSocketRoute("/graphql", live), Route("/{path:path}", echo, methods=every)])


@pytest.fixture
def visitor(app: Starlette, portal: Portal) -> TestClient:
    return TestClient(Gate(behind(), portal), base_url=OURS, follow_redirects=False)


@pytest.fixture
def operator(visitor: TestClient, signed_in: SignedIn) -> TestClient:
    return signed(visitor, signed_in, Role.OPERATOR)


def signed(visitor: TestClient, signed_in: SignedIn, role: Role) -> TestClient:
    cookie = signed_in(role).http.cookies["st_pipeline_session"]
    visitor.cookies.set("st_pipeline_session", cookie, domain="127.0.0.1")
    return visitor


def scope(method: str = "GET", path: str = "/", kind: str = "http", **headers: str) -> dict[str, Any]:
    sent = {"host": "127.0.0.1:3000", **{name.replace("_", "-"): value for name, value in headers.items()}}
    raw = [(name.encode(), value.encode()) for name, value in sent.items()]
    return {"type": kind, "method": method, "path": path, "query_string": b"", "headers": raw}


def test_an_operator_gets_everything_the_application_has(operator: TestClient) -> None:
    assert operator.get("/assets/raw").text == "GET /assets/raw "
    answer = operator.post("/graphql", json={"query": "{version}"})
    assert answer.text == 'POST /graphql {"query":"{version}"}'
    assert answer.headers["x-frame-options"] == "DENY", "another site cannot frame a button to click"
    with operator.websocket_connect(LIVE) as socket:
        socket.send_text("hello")
        assert socket.receive_text() == "hello"


def test_without_a_session_a_person_is_sent_to_sign_in_and_back_to_the_page(visitor: TestClient) -> None:
    answer = visitor.get("/runs/1?view=a b", headers={"accept": "text/html"})
    assert answer.status_code == 303
    to_sign_in = urlsplit(answer.headers["location"])
    assert f"{to_sign_in.scheme}://{to_sign_in.netloc}{to_sign_in.path}" == "http://127.0.0.1:3001/sign-in"
    back = urlsplit(parse_qs(to_sign_in.query)["next"][0])
    assert back.path == "/dagster"
    assert parse_qs(back.query)["to"] == ["/runs/1?view=a%20b"]


def test_without_a_session_nothing_else_gets_in(visitor: TestClient) -> None:
    assert visitor.get("/logs/1.out").status_code == 401
    assert visitor.post("/graphql", json={}).status_code == 401
    assert visitor.post("/report_asset_materialization/raw", json={}).status_code == 401
    with pytest.raises(WebSocketDisconnect), visitor.websocket_connect(LIVE):
        pass
    visitor.cookies.set("st_pipeline_session", "forged.signature", domain="127.0.0.1")
    assert visitor.post("/graphql", json={}).status_code == 401


@pytest.mark.parametrize("role", [Role.VIEWER, Role.CLIENT])
def test_only_operators_get_in(visitor: TestClient, signed_in: SignedIn, role: Role) -> None:
    client = signed(visitor, signed_in, role)
    assert client.get("/", headers={"accept": "text/html"}).status_code == 403
    assert client.post("/graphql", json={}).status_code == 403


def test_monitoring_needs_no_session(visitor: TestClient) -> None:
    assert visitor.get("/healthz").text == "ok\n"


@pytest.mark.parametrize(
    ("status", "sent"),
    [
        (405, scope(path="/graphql")),
        (405, scope(path="/graphql", accept="text/html")),
        (405, scope("HEAD", "/graphql")),
        (405, scope("PUT", "/assets")),
        (405, scope("OPTIONS", "/graphql", origin=OURS)),
        (415, scope("POST", "/graphql")),
        (415, scope("POST", "/graphql", content_type="text/plain")),
        (415, scope("POST", "/graphql", content_type="application/graphql")),
        (415, scope("POST", "/graphql", content_type="text/plain; application/json")),
        (415, scope("POST", "/report_asset_check/raw", content_type="application/x-www-form-urlencoded")),
        (403, scope("POST", "/graphql", content_type="application/json", origin="http://evil.test")),
        (403, scope("POST", "/graphql", content_type="application/json", origin="http://127.0.0.1:9999")),
        (403, scope("POST", "/graphql", content_type="application/json", origin="null")),
        (403, scope("POST", "/graphql", content_type="application/json", sec_fetch_site="same-site")),
        (403, scope(path="/logs/1", sec_fetch_site="cross-site", sec_fetch_mode="no-cors")),
        (403, scope(path="/graphql", kind="websocket", origin="http://evil.test")),
        (404, scope(path="/other", kind="websocket")),
        (421, scope(host="evil.test")),
        (421, scope(host="evil.test:3000", origin="http://evil.test:3000")),
        (421, scope(host="127.0.0.1.evil.test")),
        (421, scope(host="[::1")),
        (421, scope(host="")),
    ],
)
def test_what_another_website_can_send_is_refused(status: int, sent: dict[str, Any]) -> None:
    problem = objection(sent, OURS)
    assert problem and problem.status == status


@pytest.mark.parametrize(
    "sent",
    [
        scope(),
        scope(host="localhost:3000"),
        scope(host="[::1]:3000"),
        scope(host="192.0.2.7:3000"),
        scope(path="/runs/1", sec_fetch_site="cross-site", sec_fetch_mode="navigate"),
        scope("POST", "/graphql", content_type="application/json; charset=utf-8", origin=OURS),
        scope("POST", "/graphql", content_type="application/json", sec_fetch_site="same-origin"),
        scope(path="/graphql", kind="websocket", origin=OURS),
    ],
)
def test_what_its_own_pages_and_links_to_them_send_may_pass(sent: dict[str, Any]) -> None:
    assert objection(sent, OURS) is None


def test_behind_a_proxy_the_name_of_its_address_is_ours() -> None:
    own = "https://sync.example.com:8443"
    sent = scope("POST", "/graphql", host="sync.example.com:8443", content_type="application/json", origin=own)
    assert objection(sent, own) is None
    assert objection(sent, OURS)


def test_other_websites_are_refused_even_in_an_operators_browser(operator: TestClient) -> None:
    for headers in (ELSEWHERE, OTHER_PORT):
        assert operator.post("/graphql", json={}, headers=headers).status_code == 403
        with pytest.raises(WebSocketDisconnect), operator.websocket_connect(LIVE, headers=headers):
            pass
    assert operator.get("/graphql?query=mutation{launchRun}").status_code == 405


def test_an_open_one_still_refuses_other_websites(app: Starlette, portal: Portal) -> None:
    client = TestClient(Gate(behind(), portal, is_open=True), base_url=OURS)
    assert client.post("/graphql", json={}).status_code == 200
    assert client.post("/graphql", json={}, headers=ELSEWHERE).status_code == 403
    assert client.get("/graphql?query=mutation{launchRun}").status_code == 405
    assert client.get("/", headers={"host": "evil.test"}).status_code == 421


@pytest.fixture
def _hasty(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(gate, "RECHECK_SECONDS", 0.01)
    yield


@pytest.mark.usefixtures("_hasty")
def test_a_websocket_ends_with_its_session(operator: TestClient, control: psycopg.Connection) -> None:
    with operator.websocket_connect(LIVE) as socket:
        socket.send_text("hello")
        assert socket.receive_text() == "hello"
        control.execute("delete from control.sessions")
        with pytest.raises(WebSocketDisconnect):
            socket.receive_text()


def test_polling_keeps_no_session_alive(operator: TestClient, control: psycopg.Connection) -> None:
    control.execute("update control.sessions set seen_at = now() - %s / 2", (sessions.IDLE,))
    question = "select min(now() - seen_at) > %s / 4 from control.sessions"
    operator.post("/graphql", json={})
    assert control.execute(question, (sessions.IDLE,)).fetchone() == (True,)
    operator.get("/assets")
    cookie_seen = "select max(seen_at) > now() - interval '1 minute' from control.sessions"
    assert control.execute(cookie_seen).fetchone() == (True,)


@pytest.mark.parametrize(
    ("portal_url", "other_url", "is_shared"),
    [
        ("http://127.0.0.1:3001", "http://127.0.0.1:3000", True),
        ("https://sync.example.com", "https://sync.example.com:3000", True),
        ("http://sync.example.com", "https://sync.example.com:3000", True),
        ("https://sync.example.com", "http://sync.example.com:3000", False),
        ("https://sync.example.com", "http://127.0.0.1:3000", False),
        ("https://sync.example.com", "https://dagster.example.com", False),
    ],
)
def test_the_sign_in_is_shared_between_ports_of_one_host(portal_url: str, other_url: str, is_shared: bool) -> None:
    assert shares_sign_in(portal_url, other_url) is is_shared
