"""The portal under attack, over its own route table: ids of others, forgery, script, and what is no form at all.

Each kind of refusal by itself is beside what refuses: test_access.py, test_signin.py, test_intake.py.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from urllib.parse import quote

import psycopg
import pytest
from cryptography.fernet import Fernet
from httpx2 import Response
from starlette.applications import Starlette

from st_pipeline.operations import invitations
from st_pipeline.portal.people import sessions
from st_pipeline.portal.people.roles import Permission, Role
from st_pipeline.portal.routes import PAGES
from st_pipeline.portal.web.cookies import Cookies
from st_pipeline.portal.web.intake import FORM_TYPE
from st_pipeline.portal.web.service import Portal
from st_pipeline.secret import Secret
from st_pipeline.tenants import clients
from tests.portal.browser import PASSWORD, Browser, signed, text_of
from tests.portal.browser_forms import forms_of
from tests.portal.browser_world import World, fill
from tests.portal.conftest import SignedIn
from tests.support.hostile import HOSTILE, SCRIPT, TAG, unseen

COOKIE = "st_pipeline_session"
SECRET = "cs1.canary-secret-4b1f"
GETS = [page for page in PAGES if "GET" in (page.methods or ())]
POSTS = [page for page in PAGES if "POST" in (page.methods or ())]


@pytest.fixture(scope="module", autouse=True)
def _nobody_is_asked() -> object:
    """No environment has hosts that can be reached: whoever tries keys finds ServiceTitan unreachable at once."""
    with pytest.MonkeyPatch.context() as patch:
        before: Callable[..., object] = clients.hosts
        patch.setattr(clients, "hosts", lambda environment, url: before("sandbox", "http://127.0.0.1:9"))
        yield


@pytest.fixture
def world(app: Starlette, control: psycopg.Connection) -> World:
    return fill(control, "as usual")


@pytest.fixture
def marked(app: Starlette, control: psycopg.Connection) -> World:
    """The same world, with script, escape sequences, a formula and right-to-left marks in every text."""
    return fill(control, HOSTILE + SCRIPT)


def held(control: psycopg.Connection) -> dict[str, object]:
    """What the portal could change, but for when sessions were used, and tries to get in that the audit keeps."""
    tables = ("tenants", "credentials", "invitations", "sync_requests", "users", "incidents", "alerts", "audit")
    found: dict[str, object] = {
        table: control.execute(f"select t::text from control.{table} t order by 1").fetchall()  # pyright: ignore[reportCallIssue, reportArgumentType]
        for table in tables
    }
    return found | {"sessions": control.execute("select id_hash from control.sessions order by 1").fetchall()}


def is_ours(location: str) -> bool:
    return location.startswith("/") and not location.startswith(("//", "/\\")) and location.isprintable()


def test_a_client_finds_nothing_of_another_tenant_by_any_id(
    world: World, signed_in: SignedIn, control: psycopg.Connection
) -> None:
    browser = signed_in(Role.CLIENT)
    before = held(control)
    tried = 0
    for page in PAGES:
        if "{id}" not in page.path:
            continue
        for key in ("acme", "bolt"):
            path = world.address(page, key, ids_of="bolt")
            answer = browser.post(path) if page in POSTS else browser.get(path)
            assert answer.status_code == (404 if key == "bolt" or page.permission is Permission.SEE_TENANT else 403), (
                path
            )
            tried += 1
    assert tried >= 2
    assert held(control) == before
    assert browser.get(f"/tenants/acme/syncs/{world.syncs['acme']}").status_code == 200


def test_an_id_under_the_wrong_tenant_is_404_for_operators_too(
    world: World, signed_in: SignedIn, control: psycopg.Connection
) -> None:
    browser = signed_in(Role.OPERATOR)
    before = held(control)
    for page in PAGES:
        if "{id}" in page.path:
            path = world.address(page, "acme", ids_of="bolt")
            answer = browser.post(path) if page in POSTS else browser.get(path)
            assert answer.status_code == 404, path
            for wrong in ("0", "-1", "9" * 18, "9" * 40, "x", "1%0a", "%D9%A1"):
                path = page.path.replace("{key}", "acme").replace("{id}", wrong)
                assert (browser.post(path) if page in POSTS else browser.get(path)).status_code == 404, path
    assert held(control) == before


def test_no_spelling_of_a_key_leads_to_another_tenant(world: World, signed_in: SignedIn) -> None:
    browser = signed_in(Role.CLIENT)
    for key in (
        "..%2fbolt",
        "acme%2f..%2fbolt",
        "bolt%00",
        "acme'%20or%20'1'='1",
        "BOLT",
        "bolt%20",
        "%2e%2e",
        "bolt;",
    ):
        for page in GETS:
            if "{key}" in page.path:
                path = page.path.replace("{key}", key).replace("{id}", "1")
                answer = browser.get(path)
                assert answer.status_code in (400, 403, 404), path
                assert "bolt" not in text_of(answer.text)


def test_a_token_of_another_session_is_refused_on_every_form_and_nothing_happens(
    world: World, signed_in: SignedIn, control: psycopg.Connection
) -> None:
    browser, other = signed_in(Role.OPERATOR), signed_in(Role.OPERATOR)
    foreign = other.token("/nowhere")
    before = held(control)
    for page in POSTS:
        path = world.address(page, "acme")
        assert browser.post(path, token=foreign).status_code == 403, path
        assert browser.http.post(path, data={"name": "x"}).status_code == 403, path
        assert browser.http.post(f"{path}?form_token={browser.token('/nowhere')}").status_code == 403, path
    assert held(control) == before
    assert browser.get("/").status_code == 200


def test_a_forged_cookie_is_none(app: Starlette, portal: Portal, world: World) -> None:
    browser = Browser(app)
    with_another_key = signed(Cookies((Secret(Fernet.generate_key().decode()),)), "guessed")
    for cookie in (
        "",
        "x",
        "a.b",
        ".",
        "é",
        "0" * 5000,
        signed(portal.cookies, "guessed"),
        with_another_key,
        signed(portal.cookies, "' or true --"),
    ):
        for page in GETS:
            answer = browser.get(world.address(page, "acme"), headers={"Cookie": f"{COOKIE}={cookie}".encode()})
            if page.permission is not Permission.PUBLIC:
                assert answer.headers["location"].split("?")[0] == "/sign-in", page.path


def test_a_cookie_with_another_end_or_another_name_is_none(
    app: Starlette, signed_in: SignedIn, control: psycopg.Connection
) -> None:
    good = signed_in(Role.OPERATOR).http.cookies[COOKIE]
    session_id, _, signature = good.rpartition(".")
    assert Browser(app).take_session(good).get("/").status_code == 200
    other = "B" if session_id[0] == "A" else "A"  # not the last: its lowest bits may mean nothing
    forged = "B" if signature[0] == "A" else "A"
    altered = [session_id, f"{session_id}.", f"{other}{session_id[1:]}.{signature}", f"{good}.{signature}"]
    altered.append(f"{session_id}.{forged}{signature[1:]}")
    visitor = Browser(app)
    visitor.get("/sign-in")
    altered.append(visitor.http.cookies["st_pipeline_visitor"])
    for cookie in altered:
        assert Browser(app).take_session(cookie).get("/").status_code == 303, cookie
    in_other_name = Browser(app)
    in_other_name.http.cookies.set("st_pipeline_visitor", good, domain="portal.test")
    assert in_other_name.get("/").status_code == 303


def test_a_session_that_ended_is_worth_nothing_to_who_kept_its_cookie(app: Starlette, signed_in: SignedIn) -> None:
    browser = signed_in(Role.OPERATOR)
    kept = browser.http.cookies[COOKIE]
    assert browser.post("/sign-out").status_code == 303
    assert Browser(app).take_session(kept).get("/").headers["location"] == "/sign-in"
    assert Browser(app).take_session(kept).http.post("/tenants/acme/sync").status_code == 401


def open_link(browser: Browser, token: str) -> Response:
    """What a client does: look at the page, press its button."""
    path = f"/invitation/{token}"
    assert browser.get(path).status_code == 200
    return browser.post(path, token=browser.token(path))


def test_an_invitation_makes_a_session_that_nobody_could_plant(
    app: Starlette, portal: Portal, world: World, control: psycopg.Connection, signed_in: SignedIn
) -> None:
    control.execute("update control.tenants set status = 'not_connected'")
    planted = signed_in(Role.VIEWER)
    before = planted.http.cookies[COOKIE]
    answer = open_link(planted, world.tokens["acme"])
    assert answer.status_code == 303
    assert world.tokens["acme"] not in str(answer.headers)
    after = planted.http.cookies[COOKIE]
    assert after != before
    assert Browser(app).take_session(before).get("/").headers["location"] == "/sign-in"
    assert planted.get("/tenants/acme").status_code == 200
    assert planted.get("/tenants/bolt").status_code == 404
    assert planted.get("/").status_code == 403
    visitor = Browser(app)
    visitor.http.cookies.set(COOKIE, signed(portal.cookies, "planted-by-somebody"), domain="portal.test")
    assert open_link(visitor, world.tokens["bolt"]).status_code == 303
    assert sessions.read(control, "planted-by-somebody", _now(control)) is None


@pytest.mark.parametrize("how", ["expired", "revoked", "connected", "forged", "of a removed tenant"])
def test_an_invitation_that_is_of_no_use_makes_no_session(
    app: Starlette, world: World, control: psycopg.Connection, how: str
) -> None:
    control.execute("update control.tenants set status = 'not_connected'")
    token = world.tokens["acme"]
    browser = Browser(app)
    form_token = browser.token(f"/invitation/{token}")
    match how:
        case "expired":
            control.execute("update control.invitations set expires_at = now() - interval '1 second'")
        case "revoked":
            assert invitations.revoke(control, "acme", world.invitations["acme"], "ann", _now(control))
        case "connected":
            control.execute("update control.tenants set status = 'connected', status_since = now() where key = 'acme'")
        case "forged":
            token = token[:-1] + ("A" if token[-1] != "A" else "B")
        case _:
            control.execute("delete from control.credentials where tenant = 'acme'")
            control.execute("delete from control.invitations where tenant = 'acme'")
            control.execute("delete from control.tenants where key = 'acme'")
    shown = browser.get(f"/invitation/{token}")
    sent = browser.post(f"/invitation/{token}", token=form_token)
    assert (shown.status_code, sent.status_code) == (404, 404)
    assert COOKIE not in str(sent.headers) + str(shown.headers)
    assert token not in shown.text + sent.text
    assert browser.get("/tenants/acme").status_code == 303


def test_looking_at_an_invitation_uses_nothing_up(app: Starlette, world: World, control: psycopg.Connection) -> None:
    control.execute("update control.tenants set status = 'not_connected'")
    before = held(control)
    preview = Browser(app)
    for _ in range(3):
        answer = preview.get(f"/invitation/{world.tokens['acme']}")
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert COOKIE not in str(answer.headers)
    assert held(control) == before
    assert open_link(Browser(app), world.tokens["acme"]).status_code == 303


def test_no_parameter_leads_to_another_site(world: World, signed_in: SignedIn, app: Starlette) -> None:
    names = ("next", "return", "return_to", "url", "redirect", "redirect_uri", "to", "back", "page", "after")
    for target in ("https://evil.test/", "//evil.test", "/\\evil.test"):
        query = "&".join(f"{name}={quote(target, safe='')}" for name in names)
        for browser in (signed_in(Role.OPERATOR), Browser(app)):
            for page in GETS:
                answer = browser.get(f"{world.address(page, 'acme')}?{query}")
                assert answer.status_code < 500
                location = answer.headers.get("location", "/")
                assert is_ours(location), page.path
                assert "evil.test" not in location.split("?")[0]


def fields_of_forms(world: World, browser: Browser) -> dict[str, dict[str, list[str]]]:
    """Every form that POSTs, on any page of acme: where it goes -> its fields and their options."""
    found: dict[str, dict[str, list[str]]] = {}
    for page in GETS:
        path = world.address(page, "acme")
        for form in forms_of(browser.get(path).text, path):
            if form.method == "post":
                found.setdefault(form.action, {}).update(form.fields)
    return found


def test_line_breaks_in_any_field_make_no_header(world: World, signed_in: SignedIn) -> None:
    browser = signed_in(Role.OPERATOR)
    bad = "x\r\nSet-Cookie: canary=1\r\nLocation: https://evil.test/"
    for action, fields in fields_of_forms(world, browser).items():
        if action == "/sign-out":
            continue
        answer = browser.post(action, dict.fromkeys(set(fields) - {"form_token"}, bad))
        assert answer.status_code < 500, action
        assert "canary" not in str(answer.headers), action
        assert is_ours(answer.headers.get("location", "/")), action
    for page in GETS:
        answer = browser.get(f"{world.address(page, 'acme')}?q={quote(bad)}&next={quote(bad)}&entity={quote(bad)}")
        assert answer.status_code < 500
        assert "canary" not in str(answer.headers)


def test_stored_script_and_controls_are_text_on_every_page(marked: World, signed_in: SignedIn) -> None:
    seen: set[str] = set()
    for role in (Role.OPERATOR, Role.CLIENT):
        browser = signed_in(role)
        for page in GETS:
            answer = browser.get(marked.address(page, "acme"))
            assert f"<{TAG}" not in answer.text or "csv" in page.path, page.path
            assert f"<script>alert('{TAG}" not in answer.text or "csv" in page.path, page.path
            assert "<img src=x" not in answer.text or "csv" in page.path, page.path
            assert not unseen(answer.text), page.path
            if TAG in answer.text:
                seen.add(page.path)
    for part in ("", "/syncs", "/syncs/{id}", "/quarantine", "/drift"):
        assert f"/tenants/{{key}}{part}" in seen
    assert {"/", "/alerts", "/audit"} <= seen


def test_a_file_of_the_audit_is_no_page_and_no_formula(
    marked: World, signed_in: SignedIn, control: psycopg.Connection
) -> None:
    control.execute("insert into control.audit (at, actor, role, address, action) values (now(), '=1+1', '', '', '@x')")
    answer = signed_in(Role.OPERATOR).get("/audit.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not [
        line
        for line in answer.text.splitlines()
        for cell in line.split(",")
        if cell.strip('"')[:1] in "=@" and cell.strip('"')
    ]


def test_script_in_any_field_or_parameter_comes_back_as_text(world: World, signed_in: SignedIn) -> None:
    browser = signed_in(Role.OPERATOR)
    for action, fields in fields_of_forms(world, browser).items():
        if action == "/sign-out":
            continue
        browser.form_page = "/nowhere"
        answer = browser.post(action, dict.fromkeys(set(fields) - {"form_token"}, SCRIPT))
        assert answer.status_code < 500, action
        assert f"<{TAG}" not in answer.text, action
    for page in GETS:
        query = "&".join(
            f"{name}={quote(SCRIPT)}"
            for name in (
                "q",
                "show",
                "sort",
                "page",
                "entity",
                "outcome",
                "after",
                "actor",
                "action",
                "tenant",
                "before",
                "days",
                "from",
                "to",
                "kind",
                "cron",
                "at",
                "timezone",
                "every",
            )
        )
        answer = browser.get(f"{world.address(page, 'acme')}?{query}")
        assert answer.status_code < 500, page.path
        assert f"<{TAG}" not in answer.text, page.path
    for path in (
        f"/{quote(SCRIPT, safe='')}",
        f"/tenants/{quote(SCRIPT, safe='')}",
        f"/invitation/{quote(SCRIPT, safe='')}",
    ):
        assert f"<{TAG}" not in browser.get(path).text


MULTIPART = "multipart/form-data; boundary=b"
BODIES = {
    "1 MB": (b"form_token=%s&client_secret=" + SECRET.encode() + b"&name=" + b"x" * 1_000_000, FORM_TYPE, 413),
    "NUL": (b"form_token=%s&client_secret=" + SECRET.encode() + b"&name=a%%00b", FORM_TYPE, 400),
    "raw NUL": (b"form_token=%s&client_secret=" + SECRET.encode() + b"&name=a\0b", FORM_TYPE, 400),
    "no UTF-8": (b"form_token=%s&client_secret=" + SECRET.encode() + b"&name=%%FF%%FE", FORM_TYPE, 400),
    "latin-1": (b"form_token=%s&client_secret=" + SECRET.encode() + "&name=ü".encode("latin-1"), FORM_TYPE, 400),
    "UTF-16": ("form_token=x&client_secret=".encode("utf-16") + SECRET.encode("utf-16"), FORM_TYPE, 400),
    "surrogate": (b"form_token=%s&client_secret=" + SECRET.encode() + b"&name=%%ED%%A0%%80", FORM_TYPE, 400),
    "JSON": (b'{"form_token": "%s", "client_secret": "' + SECRET.encode() + b'"}', "application/json", 400),
    "multipart": (b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\n%s\r\n--b--", MULTIPART, 400),
    "no type": (b"form_token=%s&client_secret=" + SECRET.encode(), "", 400),
    "a type of two lines": (b"form_token=%s", "text/plain", 400),
    "300 fields": (b"form_token=%s" + b"&a=1" * 300, FORM_TYPE, 400),
}  # fmt: skip


def test_what_is_no_form_is_refused_by_every_route_with_a_clear_page(
    world: World, signed_in: SignedIn, control: psycopg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    browser = signed_in(Role.OPERATOR)
    token = browser.token("/nowhere").encode()
    before = held(control)
    with caplog.at_level(logging.DEBUG):
        for kind, (body, content_type, status) in BODIES.items():
            content = body.replace(b"%s", token).replace(b"%%", b"%")
            for page in POSTS:
                path = world.address(page, "acme")
                answer = browser.http.post(path, content=content, headers={"Content-Type": content_type})
                assert answer.status_code == status, (kind, path)
                assert "<h1>" in answer.text, (kind, path)
                assert SECRET not in answer.text
    assert held(control) == before
    assert SECRET not in caplog.text
    assert "canary" not in caplog.text


def test_no_form_writes_a_secret_back_or_into_a_log(
    portal: Portal, world: World, signed_in: SignedIn, control: psycopg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever else is wrong with what was sent."""
    browser = signed_in(Role.OPERATOR)
    with caplog.at_level(logging.DEBUG):
        for action, fields in fields_of_forms(world, browser).items():
            secret = {
                name
                for name in fields
                if "secret" in name or name in ("app_key", "present", "new", "again", "password")
            }
            for others in ("", "?", "9" * 2000):
                if not secret or action == "/sign-out":
                    continue
                sent = dict.fromkeys(set(fields) - {"form_token"}, others) | dict.fromkeys(secret, f"{SECRET} ")
                answer = browser.post(action, sent)
                assert answer.status_code < 500, action
                page = browser.get(answer.headers["location"]) if answer.status_code == 303 else answer
                assert SECRET not in page.text + str(answer.headers), action
                assert PASSWORD not in page.text
    assert SECRET not in caplog.text
    assert SECRET not in str(held(control))
    assert all(key.reveal() not in caplog.text for key in portal.settings.secret_keys)


def _now(control: psycopg.Connection):
    row = control.execute("select now()").fetchone()
    assert row
    return row[0]
