"""portal/web/headers.py: the headers of every answer, and what they allow a browser."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from st_pipeline.portal.people.roles import Role
from st_pipeline.portal.web.headers import A_YEAR, CONTENT_SECURITY_POLICY, HEADERS, SecurityHeaders
from tests.portal.browser import Browser
from tests.portal.conftest import SignedIn


async def _weak(request: object) -> PlainTextResponse:
    """An endpoint that would weaken what it is wrapped in."""
    weak = {"content-security-policy": "default-src *", "x-frame-options": "ALLOWALL", "cache-control": "public"}
    return PlainTextResponse("hello", headers={**weak, "x-own": "kept"})


async def _socket(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("hello")
    await socket.close()


WRAPPED = SecurityHeaders(
    Starlette(
        routes=[Route("/page", _weak), Route("/static/a.css", _weak), WebSocketRoute("/socket", _socket)],
    )
)


def directives() -> dict[str, set[str]]:
    parts = (part.split() for part in CONTENT_SECURITY_POLICY.split(";"))
    return {name: set(sources) for name, *sources in parts}


def test_the_policy_allows_our_own_files_and_nothing_else() -> None:
    allowed = directives()
    assert allowed["default-src"] == {"'none'"}
    assert allowed["script-src"] == allowed["style-src"] == allowed["connect-src"] == {"'self'"}
    assert allowed["frame-ancestors"] == allowed["base-uri"] == {"'none'"}
    assert allowed["form-action"] == {"'self'"}, "default-src says nothing of where forms go"
    sources = set.union(*allowed.values())
    assert sources == {"'none'", "'self'", "data:"}
    assert "data:" in allowed["img-src"]
    assert "data:" not in allowed["script-src"]


def test_a_page_cannot_weaken_the_headers_and_keeps_its_own() -> None:
    answer = TestClient(WRAPPED).get("/page")
    assert {name: answer.headers.get_list(name) for name in HEADERS} == {name: [HEADERS[name]] for name in HEADERS}
    assert answer.headers.get_list("cache-control") == ["no-store"]
    assert answer.headers["x-own"] == "kept"
    assert answer.text == "hello"


@pytest.mark.parametrize(
    ("path", "kept"),
    [("/page", "no-store"), ("/static/a.css", "no-cache"), ("/static", "no-store"), ("/staticky", "no-store")],
)
def test_no_cache_keeps_a_page_and_static_files_are_asked_for_again(path: str, kept: str) -> None:
    assert TestClient(WRAPPED).get(path).headers["cache-control"] == kept


def test_only_over_https_a_browser_is_told_to_stay_with_https() -> None:
    assert "strict-transport-security" not in TestClient(WRAPPED).get("/page").headers
    secure = TestClient(WRAPPED, base_url="https://portal.test").get("/page")
    assert secure.headers["strict-transport-security"] == f"max-age={A_YEAR}"
    assert A_YEAR >= 31_536_000, "browsers' preload lists ask for a year"


def test_what_is_no_http_passes_as_it_is() -> None:
    with TestClient(WRAPPED).websocket_connect("/socket") as socket:
        assert socket.receive_text() == "hello"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/sign-in"), ("GET", "/"), ("GET", "/no/such/page"), ("GET", "/static/portal.css"),
        ("POST", "/sign-in"), ("DELETE", "/sign-in"), ("GET", "/healthz"), ("GET", "/metrics"), ("GET", "/%00"),
        ("GET", "/static/%2e%2e/app.py"), ("OPTIONS", "/"), ("HEAD", "/sign-in"), ("GET", "/static/none.css"),
        ("POST", "/static/portal.css"),
    ],
)  # fmt: skip
def test_every_answer_has_the_headers(browser: Browser, method: str, path: str) -> None:
    answer = browser.http.request(method, path)
    assert answer.status_code < 500
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert answer.headers["cache-control"] == ("no-cache" if path.startswith("/static/") else "no-store")


def test_no_page_has_script_or_style_in_it(browser: Browser, signed_in: SignedIn) -> None:
    operator = signed_in(Role.OPERATOR)
    for path, who in (("/sign-in", browser), ("/", operator), ("/password", operator), ("/no", operator)):
        html = who.get(path).text
        assert html.count("<script") == html.count('<script src="/static/portal.js" defer>') == 1
        assert "<style" not in html
        assert " style=" not in html
        assert " onclick" not in html
