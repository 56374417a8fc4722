"""portal/people/invitations.py: a link for one tenant, how long it works, and what revoking it ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.operations import invitations
from st_pipeline.operations.invitations import DURATION, Invitation
from st_pipeline.portal.people import sessions
from st_pipeline.secret import Secret
from st_pipeline.tenants.model import Status
from tests.support.past import Past

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
FRESH = Invitation(1, "acme", "ann", NOW, NOW + DURATION, None, None, False)


@pytest.fixture
def past(control: psycopg.Connection) -> Past:
    """Tenants acme and bolt, connected before anyone was invited."""
    past = Past(control)
    past.forget()
    for key in ("acme", "bolt"):
        past.tenant(key)
    return past


def found(control: psycopg.Connection, token: Secret) -> Invitation:
    invitation = invitations.find(control, token)
    assert invitation
    return invitation


def test_an_invitation_is_found_by_its_token_alone(control: psycopg.Connection, past: Past) -> None:
    made, token = invitations.invite(control, "acme", "ann", NOW)
    other, other_token = invitations.invite(control, "bolt", "ann", NOW)
    assert found(control, token) == made == replace(FRESH, id=made.id)
    assert found(control, other_token) == other
    for wrong in ("", token.reveal()[:-1], token.reveal() + "A", token.reveal().swapcase(), str(made.id)):
        assert invitations.find(control, Secret(wrong)) is None


def test_only_a_hash_of_the_token_is_stored(control: psycopg.Connection, past: Past) -> None:
    tokens = [invitations.invite(control, "acme", "ann", NOW)[1] for _ in range(10)]
    assert len({token.reveal() for token in tokens}) == 10
    assert {len(token.reveal()) for token in tokens} == {43}, "256 bits"
    rows = control.execute("select i::text, encode(token_hash, 'hex') from control.invitations i").fetchall()
    for token in tokens:
        assert token.reveal() not in str(rows)
        assert token.reveal().encode().hex() not in str(rows)
    for _, token_hash in rows:
        assert invitations.find(control, Secret(token_hash)) is None, "the hash opens nothing"


@given(st.timedeltas(min_value=timedelta(days=-30), max_value=timedelta(days=30)))
def test_a_link_works_until_it_expires(after: timedelta) -> None:
    assert FRESH.is_usable(NOW + after) is (after < DURATION)


def test_a_link_works_fourteen_days_or_as_long_as_was_said(control: psycopg.Connection, past: Past) -> None:
    usual, _ = invitations.invite(control, "acme", "ann", NOW)
    short, token = invitations.invite(control, "acme", "ann", NOW, lasts=timedelta(hours=1))
    assert usual.expires_at == NOW + timedelta(days=14)
    assert short.expires_at == NOW + timedelta(hours=1)
    assert found(control, token).is_usable(NOW + timedelta(hours=1) - SECOND)
    assert not found(control, token).is_usable(NOW + timedelta(hours=1))


def test_a_link_is_used_up_once_its_tenant_connects(control: psycopg.Connection, past: Past) -> None:
    past.found("acme", Status.NOT_CONNECTED, "not connected", NOW - SECOND)
    _, token = invitations.invite(control, "acme", "ann", NOW)
    _, of_bolt = invitations.invite(control, "bolt", "ann", NOW)
    assert found(control, token).is_usable(NOW)
    past.found("acme", Status.CONNECTED, "connected", NOW + SECOND)
    assert found(control, token).is_connected
    assert not found(control, token).is_usable(NOW + 2 * SECOND)
    assert found(control, of_bolt).is_usable(NOW), "which was connected before the link was made"
    past.found("acme", Status.NOT_CONNECTED, "not connected", NOW + 2 * SECOND)
    assert found(control, token).is_usable(NOW + 3 * SECOND), "it has something to do again"


def test_the_invitations_of_a_tenant_are_listed_newest_first(control: psycopg.Connection, past: Past) -> None:
    made = [invitations.invite(control, "acme", name, NOW)[0] for name in ("ann", "bob", "cat")]
    invitations.invite(control, "bolt", "ann", NOW)
    assert invitations.of_tenant(control, "acme") == made[::-1]
    assert invitations.of_tenant(control, "nobody") == []


def test_the_first_opening_is_the_one_that_is_kept(control: psycopg.Connection, past: Past) -> None:
    invitation, token = invitations.invite(control, "acme", "ann", NOW)
    for hours in (1, 2):
        invitations.mark_opened(control, invitation, NOW + timedelta(hours=hours))
    assert found(control, token).opened_at == NOW + timedelta(hours=1)
    assert found(control, token).is_usable(NOW + timedelta(hours=3)), "a client may come back by the same link"


def test_revoking_ends_the_link_and_its_sessions_alone(control: psycopg.Connection, past: Past) -> None:
    invitation, token = invitations.invite(control, "acme", "ann", NOW)
    other, other_token = invitations.invite(control, "acme", "ann", NOW)
    ended = [sessions.start(control, NOW, invitation_id=invitation.id) for _ in range(2)]
    kept = sessions.start(control, NOW, invitation_id=other.id)
    assert invitations.revoke(control, "acme", invitation.id, "bob", NOW + SECOND)
    assert not found(control, token).is_usable(NOW)
    assert [sessions.read(control, one, NOW) for one in ended] == [None, None]
    row = control.execute("select count(*) from control.sessions where invitation_id = %s", (invitation.id,)).fetchone()
    assert row == (0,)
    assert found(control, other_token).is_usable(NOW)
    assert sessions.read(control, kept, NOW)


def test_revoking_twice_keeps_who_did_it_first(control: psycopg.Connection, past: Past) -> None:
    invitation, token = invitations.invite(control, "acme", "ann", NOW)
    assert invitations.revoke(control, "acme", invitation.id, "bob", NOW + SECOND)
    assert invitations.revoke(control, "acme", invitation.id, "cat", NOW + 2 * SECOND)
    assert found(control, token).revoked_at == NOW + SECOND
    row = control.execute("select revoked_by from control.invitations where id = %s", (invitation.id,)).fetchone()
    assert row == ("bob",)


def test_an_invitation_cannot_be_revoked_under_another_tenant(control: psycopg.Connection, past: Past) -> None:
    invitation, token = invitations.invite(control, "acme", "ann", NOW)
    session = sessions.start(control, NOW, invitation_id=invitation.id)
    for tenant, invitation_id in (("bolt", invitation.id), ("acme", 0), ("acme", invitation.id + 1000)):
        assert not invitations.revoke(control, tenant, invitation_id, "bob", NOW)
    assert found(control, token).is_usable(NOW)
    assert sessions.read(control, session, NOW)


def test_the_invitations_of_a_removed_tenant_are_gone(control: psycopg.Connection, past: Past) -> None:
    _, token = invitations.invite(control, "acme", "ann", NOW)
    past.registry.remove("acme")
    assert invitations.find(control, token) is None
