"""portal/people/sessions.py: who is behind a session id, from signing in to the end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from st_pipeline.operations import invitations
from st_pipeline.portal.people import accounts, sessions
from st_pipeline.portal.people.accounts import User
from st_pipeline.portal.people.roles import Actor, Role
from tests.support.past import Past

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def new_user(control: psycopg.Connection) -> Callable[[str], User]:
    def make(name: str) -> User:
        control.execute("delete from control.users where name = %s", (name,))
        return accounts.add(control, name, Role.VIEWER, None, NOW)

    return make


@pytest.fixture
def ann(new_user: Callable[[str], User]) -> User:
    return new_user("ann")


@pytest.fixture
def tenant(control: psycopg.Connection) -> str:
    past = Past(control)
    past.forget()
    return past.tenant("acme")


def test_a_session_of_an_account_says_who_it_is(control: psycopg.Connection, ann: User) -> None:
    session = sessions.read(control, sessions.start(control, NOW, user_id=ann.id), NOW)
    assert session
    assert session.actor == Actor("ann", Role.VIEWER, user_id=ann.id)
    assert session.notices == ()
    assert accounts.find(control, "ann").signed_in_at == NOW


def test_a_session_by_an_invitation_is_a_client_of_its_tenant_alone(control: psycopg.Connection, tenant: str) -> None:
    invitation, _ = invitations.invite(control, tenant, "ann", NOW)
    session = sessions.read(control, sessions.start(control, NOW, invitation_id=invitation.id), NOW)
    assert session
    assert session.actor == Actor("client of acme", Role.CLIENT, invitation_id=invitation.id, tenant="acme")
    assert not session.actor.sees("bolt")


def test_ids_are_long_random_and_never_twice_the_same(control: psycopg.Connection, ann: User) -> None:
    ids = {sessions.start(control, NOW, user_id=ann.id) for _ in range(20)}
    assert len(ids) == 20
    assert min(map(len, ids)) >= 43, "256 bits"


def test_only_a_hash_of_the_session_id_is_stored(control: psycopg.Connection, ann: User) -> None:
    session_id = sessions.start(control, NOW, user_id=ann.id)
    stored = str(control.execute("select s::text from control.sessions s").fetchall())
    assert session_id not in stored
    assert session_id.encode().hex() not in stored
    session = sessions.read(control, session_id, NOW)
    assert session
    assert session.id_hash.hex() in stored
    for stolen in (session.id_hash.hex(), "\\x" + session.id_hash.hex()):
        assert sessions.read(control, stolen, NOW) is None, "the hash is no id"
    assert session.id_hash.hex() not in repr(session)
    assert repr(session) == "Session(ann)"


@pytest.mark.parametrize("session_id", ["", "guessed", "' or true --", "é", "0" * 5000])
def test_an_unknown_id_is_no_session(control: psycopg.Connection, ann: User, session_id: str) -> None:
    sessions.start(control, NOW, user_id=ann.id)
    assert sessions.read(control, session_id, NOW) is None
    sessions.end(control, session_id)


def test_a_session_ends_when_idle_and_at_last_in_any_case(control: psycopg.Connection, ann: User) -> None:
    def holds(session_id: str, at: datetime, *, is_used: bool = True) -> bool:
        return sessions.read(control, session_id, at, is_used=is_used) is not None

    idle = sessions.start(control, NOW, user_id=ann.id)
    assert holds(idle, NOW + sessions.IDLE, is_used=False)
    assert not holds(idle, NOW + sessions.IDLE + SECOND)
    used = sessions.start(control, NOW, user_id=ann.id)
    at = NOW
    while at < NOW + sessions.LONGEST - sessions.IDLE:
        at += sessions.IDLE - timedelta(minutes=1)
        assert holds(used, at)
    assert not holds(used, NOW + sessions.LONGEST + SECOND)


def test_a_page_that_refreshes_on_its_own_does_not_keep_a_session_alive(control: psycopg.Connection, ann: User) -> None:
    session_id = sessions.start(control, NOW, user_id=ann.id)
    for hours in range(1, 9):
        assert sessions.read(control, session_id, NOW + timedelta(hours=hours), is_used=False)
    assert sessions.read(control, session_id, NOW + timedelta(hours=9), is_used=False) is None


def test_a_session_in_use_is_written_down_once_a_minute_and_what_is_over_goes(
    control: psycopg.Connection, ann: User
) -> None:
    start = datetime(2026, 5, 1, tzinfo=UTC)
    session_id = sessions.start(control, start, user_id=ann.id)
    for seconds, seen_after in ((59, 0), (60, 60), (119, 60), (120, 120)):
        assert sessions.read(control, session_id, start + timedelta(seconds=seconds))
        seen = control.execute("select seen_at from control.sessions where started_at = %s", (start,)).fetchone()
        assert seen == (start + timedelta(seconds=seen_after),)
    sessions.start(control, start + sessions.IDLE + timedelta(seconds=121), user_id=ann.id)
    assert not control.execute("select from control.sessions where started_at = %s", (start,)).fetchall()


def test_a_new_session_ends_the_one_it_replaces_and_no_other(
    control: psycopg.Connection, new_user: Callable[[str], User]
) -> None:
    ann, bob = new_user("ann"), new_user("bob")
    before, kept = (sessions.start(control, NOW, user_id=ann.id) for _ in range(2))
    after = sessions.start(control, NOW, user_id=bob.id, instead_of=before)
    assert after != before
    found = [sessions.read(control, one, NOW) for one in (before, kept, after)]
    assert [one and one.actor.name for one in found] == [None, "ann", "bob"]


def test_ending_one_session_leaves_the_others_and_may_happen_twice(control: psycopg.Connection, ann: User) -> None:
    ended, kept = (sessions.start(control, NOW, user_id=ann.id) for _ in range(2))
    for _ in range(2):
        sessions.end(control, ended)
    assert sessions.read(control, ended, NOW) is None
    assert sessions.read(control, kept, NOW)


def test_a_changed_role_counts_for_sessions_that_are_open(control: psycopg.Connection, ann: User) -> None:
    session_id = sessions.start(control, NOW, user_id=ann.id)
    control.execute("update control.users set role = 'operator' where id = %s", (ann.id,))
    session = sessions.read(control, session_id, NOW)
    assert session
    assert session.actor.role is Role.OPERATOR


def test_a_disabled_or_removed_account_has_no_session(
    control: psycopg.Connection, new_user: Callable[[str], User]
) -> None:
    ann, bob = new_user("ann"), new_user("bob")
    of_ann, of_bob = (sessions.start(control, NOW, user_id=user.id) for user in (ann, bob))
    control.execute("update control.users set enabled = false where id = %s", (ann.id,))
    control.execute("delete from control.users where id = %s", (bob.id,))
    assert sessions.read(control, of_ann, NOW) is None, "also one that began while the account was being disabled"
    assert sessions.read(control, of_bob, NOW) is None


def test_a_session_of_a_revoked_invitation_or_a_removed_tenant_is_over(
    control: psycopg.Connection, tenant: str
) -> None:
    for ending in ("update control.invitations set revoked_at = now()", "delete from control.tenants"):
        invitation, _ = invitations.invite(control, tenant, "ann", NOW)
        session_id = sessions.start(control, NOW, invitation_id=invitation.id)
        assert sessions.read(control, session_id, NOW)
        control.execute(ending.encode())
        assert sessions.read(control, session_id, NOW) is None, ending


def test_notices_are_kept_in_order_until_they_were_shown(control: psycopg.Connection, ann: User) -> None:
    session_id = sessions.start(control, NOW, user_id=ann.id, notices=["first"])

    def now_read() -> sessions.Session:
        found = sessions.read(control, session_id, NOW)
        assert found
        return found

    sessions.add_notice(control, now_read(), "second")
    shown = now_read()
    assert shown.notices == ("first", "second")
    sessions.add_notice(control, shown, "third, while the page was being made")
    sessions.forget_notices(control, shown)
    assert now_read().notices == ("third, while the page was being made",)
    sessions.forget_notices(control, now_read())
    assert now_read().notices == ()
