"""pages/invitation.py: a link for one tenant is opened, or of no use any more."""

from __future__ import annotations

import re
from datetime import timedelta

import psycopg
import pytest
from starlette.applications import Starlette

from st_pipeline.operations import invitations
from st_pipeline.portal.people.roles import Role
from tests.portal.browser import Browser, text_of
from tests.portal.conftest import SignedIn
from tests.portal.connecting import everything
from tests.portal.noted import noted

LINK = re.compile(r'value="http://127\.0\.0\.1:3001(/invitation/([\w-]{43}))"')
PATH = "/tenants/acme/invitations"


def made(operator: Browser) -> str:
    """The path of a new link."""
    found = LINK.search(operator.post(PATH).text)
    assert found
    return found[1]


def opened(app: Starlette, path: str) -> Browser:
    browser = Browser(app)
    browser.form_page = path
    return browser


def test_a_client_opens_the_link_and_has_its_own_tenant(
    app: Starlette, control: psycopg.Connection, signed_in: SignedIn
) -> None:
    operator = signed_in(Role.OPERATOR)
    path = made(operator)
    client = opened(app, path)
    for _ in range(2):
        page = client.get(path)
        assert page.status_code == 200, "merely looking uses nothing up"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert path not in page.text
    answer = client.post(path)
    assert answer.headers["location"] == "/tenants/acme/connect"
    assert client.get("/tenants/acme/connect").status_code == 200
    assert client.get("/tenants/bolt/connect").status_code == 404
    token = path.rpartition("/")[2]
    assert token not in operator.get(PATH).text
    assert token not in everything(control)
    rows = control.execute("select actor, action from control.audit where tenant = 'acme' order by id desc limit 2")
    assert rows.fetchall() == [("client of acme", "invitation opened"), ("operator", "invitation made")]


@pytest.mark.parametrize(
    "ending",
    [
        "update control.invitations set expires_at = now() where revoked_at is null",
        "update control.invitations set revoked_at = now()",
        "update control.tenants set status = 'connected', status_since = now() where key = 'acme'",
        "update control.invitations set token_hash = decode(md5(id::text), 'hex')",
    ],
)
def test_a_link_that_is_of_no_use_any_more_is_refused_with_one_page(
    app: Starlette, control: psycopg.Connection, signed_in: SignedIn, ending: str
) -> None:
    path = made(signed_in(Role.OPERATOR))
    client = opened(app, path)
    token = client.token(path)
    control.execute(ending.encode())
    for answer in (client.get(path), client.post(path, token=token)):
        assert answer.status_code == 404
        assert "This invitation is not valid" in text_of(answer.text)
        assert "st_pipeline_session" not in answer.headers.get("set-cookie", "")
    # Of a token that is nobody's there is nobody to note.
    is_known = "token_hash" not in ending
    assert (noted(control) == [("client of acme", "", "invitation refused", "acme", {})]) == is_known


def test_it_was_opened_when_it_was_opened_first(control: psycopg.Connection, signed_in: SignedIn) -> None:
    signed_in(Role.CLIENT)
    invitation = invitations.of_tenant(control, "acme")[0]
    first, again = invitation.created_at + timedelta(hours=1), invitation.created_at + timedelta(hours=2)
    invitations.mark_opened(control, invitation, first)
    invitations.mark_opened(control, invitation, again)
    assert invitations.of_tenant(control, "acme")[0].opened_at == first


def test_a_link_is_opened_by_the_buttons_own_page_alone(app: Starlette, signed_in: SignedIn) -> None:
    path = made(signed_in(Role.OPERATOR))
    assert opened(app, path).post(path, token="0" * 64).status_code == 403
