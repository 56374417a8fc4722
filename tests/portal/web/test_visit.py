"""portal/web/visit.py: one visit, where it may be sent, and what a page says of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request

from st_pipeline.portal.people import accounts, sessions
from st_pipeline.portal.people.roles import Actor, Role
from st_pipeline.portal.web.cookies import SESSION, VISITOR
from st_pipeline.portal.web.service import Portal
from st_pipeline.portal.web.visit import Visit, home_of, is_by_script, safe_path
from st_pipeline.tenants import tenant_table
from tests.portal.browser import text_of
from tests.portal.noted import noted

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOST = "http://portal.test"


def request(app: Starlette, path: str = "/", *, scheme: str = "http", live: str = "", **params: str) -> Request:
    headers = [(b"host", b"portal.test"), *([(b"x-live", live.encode())] if live else [])]
    scope: dict[str, Any] = {
        "type": "http", "method": "GET", "scheme": scheme, "path": path, "query_string": b"", "headers": headers,
        "client": ("192.0.2.10", 50000), "server": ("portal.test", 80), "app": app, "path_params": params,
    }  # fmt: skip
    return Request(scope)


@pytest.fixture
def visit(app: Starlette, portal: Portal, control: psycopg.Connection) -> Visit:
    """The operator at the page of acme."""
    session_id = sessions.start(control, NOW, user_id=accounts.find(control, "operator").id)
    session = sessions.read(control, session_id, NOW)
    acme = tenant_table.read(control, "acme")
    return Visit(portal, request(app, "/tenants/acme"), control, NOW, FormData(), session, session_id, acme)


def now_read(visit: Visit) -> Visit:
    """The next visit of the same browser."""
    return replace(visit, session=sessions.read(visit.connection, visit.cookie_id, NOW))


def as_a_browser_goes(path: str) -> str:
    """The host a browser ends at (URL Standard): it drops tabs and line ends, and reads a backslash as a slash."""
    plain = path.strip("".join(map(chr, range(33)))).translate({9: None, 10: None, 13: None}).replace("\\", "/")
    return urlsplit(urljoin(f"{HOST}/sign-in", plain)).netloc


@given(
    st.text("/\\.:@?#[]ahtps \t\n", max_size=12)
    | st.text(max_size=20)
    | st.builds("/".join, st.lists(st.sampled_from(["", "http:", "evil.test", "\\", "[", "x"]), max_size=5))
)
def test_no_text_leads_to_another_site(text: str) -> None:
    path = safe_path(text)
    assert path in (text, "/")
    assert path.startswith("/")
    assert path.isprintable()
    assert as_a_browser_goes(path) == "portal.test"


@pytest.mark.parametrize(
    "path", ["/", "/tenants/acme", "/?q=a%20b&show=failed", "/x#part", "/a//b", "/?next=//x", "/é"]
)
def test_a_page_of_ours_is_kept(path: str) -> None:
    assert safe_path(path) == path


@pytest.mark.parametrize("path", ["", "//[", "///[x", "//evil.test", "/\\evil.test", "evil", "?x", "/\x7f", "http:/x"])
def test_what_is_no_page_of_ours_becomes_the_first_page(path: str) -> None:
    assert safe_path(path) == "/"


@pytest.mark.parametrize(
    ("actor", "home"),
    [
        (None, "/"),
        (Actor("ann", Role.OPERATOR, user_id=1), "/"),
        (Actor("viv", Role.VIEWER, user_id=2), "/"),
        (Actor("client of acme", Role.CLIENT, invitation_id=1, tenant="acme"), "/tenants/acme"),
    ],
)
def test_everyone_starts_at_a_page_they_may_see(actor: Actor | None, home: str) -> None:
    assert home_of(actor) == home


def test_only_the_portals_own_script_counts_as_one(app: Starlette) -> None:
    assert is_by_script(request(app, live="1"))
    for other in ("", "0", "true", "11"):
        assert not is_by_script(request(app, live=other))


@given(st.text("0123456789", min_size=1, max_size=18))
def test_a_number_in_the_path_is_read(text: str) -> None:
    visit = Visit(None, request(Starlette(), id=text), None, NOW, FormData(), None, "")  # pyright: ignore[reportArgumentType]
    assert visit.number("id") == int(text)


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.0", " 1", "1_0", "x", "٣", "²", "1" * 19, "0x1"])
def test_what_is_no_number_is_404(visit: Visit, app: Starlette, text: str) -> None:
    with pytest.raises(HTTPException) as raised:
        replace(visit, request=request(app, id=text)).number("id")
    assert raised.value.status_code == 404


def test_cookies_are_kept_from_plain_http_where_the_portal_is_behind_https(visit: Visit, app: Starlette) -> None:
    assert not visit.is_secure
    assert replace(visit, request=request(app, scheme="https")).is_secure
    public = replace(visit.portal, settings=replace(visit.portal.settings, portal_url="https://portal.example.com"))
    assert replace(visit, portal=public).is_secure, "also where the proxy speaks plain HTTP to us"


def test_the_address_is_that_of_the_request(visit: Visit, app: Starlette) -> None:
    assert visit.address == "192.0.2.10"
    without = request(app)
    without.scope["client"] = None
    assert replace(visit, request=without).address == ""


def test_the_audit_gets_who_did_it_and_to_which_tenant(visit: Visit, control: psycopg.Connection) -> None:
    visit.record("looked", things=3)
    assert noted(control) == [("operator", "operator", "looked", "acme", {"things": 3})]
    visit.about(tenant_table.read(control, "bolt")).record("looked")
    replace(visit, bound_tenant=None).record("looked")
    assert [tenant for _, _, _, tenant, _ in noted(control, 2)] == ["bolt", None]
    assert control.execute("select address, at from control.audit order by id desc limit 1").fetchone() == (
        "192.0.2.10", NOW
    )  # fmt: skip


def test_a_redirect_says_its_notice_on_the_next_page_and_stays_here(visit: Visit) -> None:
    answer = visit.redirect("/alerts", "Saved.")
    assert (answer.status_code, answer.headers["location"]) == (303, "/alerts")
    assert visit.redirect("//evil.test/").headers["location"] == "/"
    after = now_read(visit)
    assert after.session
    assert after.session.notices == ("Saved.",)


def test_a_notice_is_shown_once_and_not_to_a_script(visit: Visit, app: Starlette) -> None:
    visit.redirect("/", "Saved <b>well</b>.")
    by_script = replace(now_read(visit), request=request(app, live="1"))
    assert "Saved" not in text_of(bytes(by_script.render("password.html", form=None).body).decode())
    page = bytes(now_read(visit).render("password.html", form=None).body).decode()
    assert "Saved &lt;b&gt;well&lt;/b&gt;." in page
    assert "Saved" not in bytes(now_read(visit).render("password.html", form=None).body).decode()


def test_a_page_without_a_session_gives_the_browser_an_id_that_its_forms_belong_to(visit: Visit) -> None:
    stranger = replace(visit, session=None, cookie_id="visitor-id", bound_tenant=None)
    answer = stranger.render("password.html", form=None)
    assert f"{VISITOR}=visitor-id." in answer.headers["set-cookie"]
    assert "set-cookie" not in visit.render("password.html", form=None).headers


def test_a_new_session_replaces_the_one_before_and_the_visitors_id(visit: Visit, control: psycopg.Connection) -> None:
    user = accounts.find(control, "viewer")
    answer = visit.start_session("/alerts", user_id=user.id, notice="Welcome.")
    assert (answer.status_code, answer.headers["location"]) == (303, "/alerts")
    session, visitor = answer.headers.getlist("set-cookie")
    new_id = session.removeprefix(f"{SESSION}=").partition(".")[0]
    assert new_id != visit.cookie_id
    assert visitor.startswith(f'{VISITOR}="";')
    assert "Max-Age=0" in visitor
    assert sessions.read(control, visit.cookie_id, NOW) is None
    found = sessions.read(control, new_id, NOW)
    assert found
    assert (found.actor.name, found.notices) == ("viewer", ("Welcome.",))
    assert visit.start_session("https://evil.test", user_id=user.id).headers["location"] == "/"


def test_a_visitors_id_never_becomes_a_session(visit: Visit, control: psycopg.Connection) -> None:
    stranger = replace(visit, session=None, cookie_id="visitor-id")
    stranger.start_session("/", user_id=accounts.find(control, "viewer").id)
    assert sessions.read(control, "visitor-id", NOW) is None
