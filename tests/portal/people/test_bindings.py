"""bindings.py: by which account somebody gets in who is known to the provider."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import psycopg
import pytest

from st_pipeline import postgres
from st_pipeline.portal.oidc.id_token import Identity
from st_pipeline.portal.people import accounts, bindings, sessions
from st_pipeline.portal.people.accounts import User
from st_pipeline.portal.people.bindings import Admitted, NotAdmitted
from st_pipeline.portal.people.roles import Role
from st_pipeline.postgres import Database

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
ISSUER = "https://login.example.com"
NewUser = Callable[[str], User]


@pytest.fixture
def new_user(control: psycopg.Connection) -> NewUser:
    return lambda name: accounts.add(control, name, Role.VIEWER, None, NOW)


def of(name: str, subject: str | None = None) -> Identity:
    return Identity(ISSUER, subject or f"subject of {name}", name, True)


def refused(control: psycopg.Connection, identity: Identity) -> NotAdmitted:
    with pytest.raises(NotAdmitted) as raised:
        bindings.admit(control, identity, NOW)
    return raised.value


def test_the_first_sign_in_binds_and_later_ones_go_by_the_subject(
    control: psycopg.Connection, new_user: NewUser
) -> None:
    user = new_user("ann@example.com")
    identity = of("ann@example.com")
    assert bindings.admit(control, identity, NOW) == Admitted(user.id, user.name, True)
    assert accounts.find(control, user.name).oidc_issuer == ISSUER
    for changed in (identity, replace(identity, email="ann@married.example.com"), replace(identity, email=None),
                    replace(identity, email_verified=False)):  # fmt: skip
        assert bindings.admit(control, changed, NOW) == Admitted(user.id, user.name, False)


def test_another_subject_with_the_same_address_is_refused_until_an_operator_unbinds(
    control: psycopg.Connection, new_user: NewUser
) -> None:
    user = new_user("desk@example.com")
    bindings.admit(control, of("desk@example.com"), NOW)
    session = sessions.start(control, NOW, user_id=user.id)
    for other in (of("desk@example.com", "newcomer"), replace(of("desk@example.com"), issuer="https://elsewhere")):
        error = refused(control, other)
        assert (error.why, error.account) == ("bound to somebody else", "desk@example.com")
        assert error.command == "st-pipeline users unbind desk@example.com"
    bindings.unbind(control, user, NOW)
    assert sessions.read(control, session, NOW) is None
    assert bindings.admit(control, of("desk@example.com", "newcomer"), NOW).is_new
    assert refused(control, of("desk@example.com")).why == "bound to somebody else"


def test_an_account_that_took_the_address_later_is_not_given_to_who_is_bound_to_another(
    control: psycopg.Connection, new_user: NewUser
) -> None:
    mine, theirs = new_user("old@example.com"), new_user("new@example.com")
    bindings.admit(control, of("old@example.com", "me"), NOW)
    assert bindings.admit(control, of("new@example.com", "me"), NOW).user_id == mine.id
    assert accounts.find(control, theirs.name).oidc_issuer is None


def test_without_an_account_one_learns_what_to_ask_an_operator_for(control: psycopg.Connection) -> None:
    error = refused(control, of("nobody@example.com"))
    assert error.command == "st-pipeline users add nobody@example.com --without-password"
    assert (error.why, error.account) == ("no account", None)


@pytest.mark.parametrize("email", ["a b@c", "$(reboot)@c.d", "`id`", "-rf@c.d", "'; --@c", "ü@c.d", "a" * 101, "@"])
def test_an_address_that_would_be_more_than_a_word_in_a_shell_is_in_no_command(
    control: psycopg.Connection, email: str
) -> None:
    error = refused(control, of(email))
    assert error.command is None
    assert email not in str(error)


@pytest.mark.parametrize(
    ("email", "is_verified", "why"),
    [(None, True, "no e-mail address"), ("eve@example.com", False, "e-mail address not verified")],
)
def test_an_address_that_is_not_verified_opens_nothing(
    control: psycopg.Connection, new_user: NewUser, email: str | None, is_verified: bool, why: str
) -> None:
    if email:
        new_user(email)
    error = refused(control, Identity(ISSUER, "eve", email, is_verified))
    assert (error.why, error.command) == (why, None)
    assert "email_verified" in str(error)


def test_a_disabled_account_opens_neither_before_nor_after_it_is_bound(
    control: psycopg.Connection, new_user: NewUser
) -> None:
    for name, is_bound in (("out@example.com", False), ("gone@example.com", True)):
        user = new_user(name)
        if is_bound:
            bindings.admit(control, of(name), NOW)
        accounts.disable(control, user, NOW)
        error = refused(control, of(name))
        assert (error.why, error.account, error.command) == ("disabled", name, f"st-pipeline users enable {name}")
        accounts.enable(control, user, NOW)
        assert bindings.admit(control, of(name), NOW).is_new is not is_bound


def test_of_two_who_come_first_at_once_one_gets_the_account(warehouse: Database, new_user: NewUser) -> None:
    new_user("shared@example.com")

    def come(subject: str) -> str:
        with postgres.connect(warehouse, autocommit=True) as connection:
            try:
                with connection.transaction():
                    bindings.admit(connection, of("shared@example.com", subject), NOW)
                    connection.execute("select pg_sleep(0.1)")
            except NotAdmitted as error:
                return error.why
        return "in"

    with ThreadPoolExecutor(4) as pool:
        found = sorted(pool.map(come, [f"subject {number}" for number in range(4)]))
    assert found == ["bound to somebody else"] * 3 + ["in"]


def test_the_database_itself_keeps_one_account_for_one_subject(control: psycopg.Connection, new_user: NewUser) -> None:
    first, second = new_user("first@example.com"), new_user("second@example.com")
    statement = "update control.users set oidc_issuer = %s, oidc_subject = %s where id = %s"
    control.execute(statement, (ISSUER, "one", first.id))
    with pytest.raises(psycopg.errors.UniqueViolation):
        control.execute(statement, (ISSUER, "one", second.id))
    with pytest.raises(psycopg.errors.CheckViolation):
        control.execute(statement, (None, "one", second.id))
