"""portal/pages/tenant/invitations_made.py: a link is made, shown once, listed with what became of it, and revoked."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest
from starlette.applications import Starlette

from st_pipeline.operations.invitations import DURATION, Invitation
from st_pipeline.portal.pages.tenant.invitations_made import badge
from st_pipeline.portal.people.roles import Role
from tests.portal.browser import text_of
from tests.portal.conftest import SignedIn
from tests.portal.noted import noted
from tests.portal.pages.test_invitation import LINK, PATH, made, opened
from tests.support.past import DAY, NOW

WAITING = Invitation(1, "acme", "ann", NOW, NOW + DURATION, None, None, False)


def test_revoking_ends_the_sessions_it_made(app: Starlette, control: psycopg.Connection, signed_in: SignedIn) -> None:
    operator = signed_in(Role.OPERATOR)
    path = made(operator)
    client = opened(app, path)
    client.post(path)
    row = control.execute("select max(id) from control.invitations").fetchone()
    assert row
    assert operator.post(f"/tenants/bolt/invitations/{row[0]}/revoke").status_code == 404
    assert client.get("/tenants/acme/connect").status_code == 200
    assert operator.post(f"{PATH}/{row[0]}/revoke").status_code == 303
    assert client.get("/tenants/acme/connect").status_code == 303
    assert not control.execute("select from control.sessions where invitation_id = %s", row).fetchall()
    assert noted(control) == [("operator", "operator", "invitation revoked", "acme", {"invitation": row[0]})]
    assert "revoked" in text_of(operator.get(PATH).text)


def test_a_link_is_on_the_page_that_made_it_and_on_no_later_one(signed_in: SignedIn) -> None:
    operator = signed_in(Role.OPERATOR)
    first, second = made(operator), made(operator)
    assert first != second
    page = operator.get(PATH).text
    assert not LINK.search(page)
    assert first not in page
    assert "waiting" in text_of(page)


@pytest.mark.parametrize("number", ["0", "x", "9" * 30])
def test_an_invitation_that_does_not_exist_is_not_found(signed_in: SignedIn, number: str) -> None:
    assert signed_in(Role.OPERATOR).post(f"{PATH}/{number}/revoke").status_code == 404


def test_only_an_operator_makes_lists_and_revokes(signed_in: SignedIn, control: psycopg.Connection) -> None:
    made(signed_in(Role.OPERATOR))
    before = control.execute("select id, revoked_at from control.invitations order by id").fetchall()
    viewer = signed_in(Role.VIEWER)
    answers = [viewer.get(PATH), viewer.post(PATH), viewer.post(f"{PATH}/{before[-1][0]}/revoke")]
    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert control.execute("select id, revoked_at from control.invitations order by id").fetchall() == before


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, "waiting"),
        ({"opened_at": NOW}, "opened"),
        ({"opened_at": NOW, "is_connected": True}, "connected"),
        ({"expires_at": NOW + DAY}, "expired"),
        ({"opened_at": NOW, "expires_at": NOW}, "expired"),
        ({"is_connected": True, "expires_at": NOW}, "connected"),
        ({"is_connected": True, "revoked_at": NOW}, "revoked"),
    ],
)
def test_a_badge_says_the_last_thing_that_became_of_it(changes: dict[str, object], word: str) -> None:
    assert badge(replace(WAITING, **changes), NOW + DAY).word == word  # pyright: ignore[reportArgumentType]
