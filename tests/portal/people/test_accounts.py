"""portal/people/accounts.py: user names, password hashing, and what ends when an account changes."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.portal.people import accounts, sessions
from st_pipeline.portal.people.accounts import LONGEST_NAME, LONGEST_PASSWORD, SHORTEST_PASSWORD, AccountError
from st_pipeline.portal.people.roles import Role
from st_pipeline.secret import Secret

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
PASSWORD = Secret("canary correct horse battery")
OTHER = Secret("another canary passphrase")


def hash_of(control: psycopg.Connection, name: str) -> str:
    row = control.execute("select password_hash from control.users where name = %s", (name,)).fetchone()
    assert row
    return row[0]


@given(st.text(max_size=LONGEST_NAME + 5) | st.text("aZ09._@+- \n", max_size=12))
def test_a_user_name_is_kept_in_one_form_or_refused(text: str) -> None:
    try:
        name = accounts.valid_name(text)
    except AccountError as error:
        assert "must be 1 to 100 characters" in str(error)
    else:
        assert name == text.strip().lower()
        assert accounts.valid_name(name) == name
        assert accounts.valid_name(f" {name.upper()}\n") == name


@pytest.mark.parametrize("name", ["a", "7", "Ann@Example.com", " ann ", "a.b_c+d-e@f", "a" * LONGEST_NAME])
def test_usual_names_and_email_addresses_are_accepted(name: str) -> None:
    assert accounts.valid_name(name) == name.strip().lower()


@pytest.mark.parametrize(
    "name", ["", " ", "-ann", ".ann", "@ann", "ann smith", "ann;", "ann\x00", "ann\nbob", "ñ", "a" * (LONGEST_NAME + 1)]
)
def test_a_name_with_other_characters_is_refused(name: str) -> None:
    with pytest.raises(AccountError):
        accounts.valid_name(name)


@pytest.mark.parametrize("length", [0, 1, SHORTEST_PASSWORD - 1, LONGEST_PASSWORD + 1, 10_000])
def test_a_password_of_the_wrong_length_is_refused_and_not_repeated(control: psycopg.Connection, length: int) -> None:
    password = Secret("ø" * length)
    user = accounts.add(control, f"length-{length}", Role.VIEWER, PASSWORD, NOW)
    for refused in (
        lambda: accounts.valid_password(password),
        lambda: accounts.add(control, f"refused-{length}", Role.VIEWER, password, NOW),
        lambda: accounts.set_password(control, user.id, password, NOW),
    ):
        with pytest.raises(AccountError, match="12 to 256 characters") as raised:
            refused()
        assert "ø" not in str(raised.value)
    assert accounts.find_name(control, f"refused-{length}") is None
    assert accounts.verify(control, user.name, PASSWORD) == user.id


@pytest.mark.parametrize("length", [SHORTEST_PASSWORD, LONGEST_PASSWORD])
def test_the_shortest_and_the_longest_password_sign_in_only_as_a_whole(
    control: psycopg.Connection, length: int
) -> None:
    password = Secret("é" * length)
    user = accounts.add(control, f"whole-{length}", Role.VIEWER, password, NOW)
    assert accounts.verify(control, user.name, password) == user.id
    for other in ("é" * (length - 1), "é" * (length + 1), "é" * (length + 5000), "É" * length, ""):
        assert accounts.verify(control, user.name, Secret(other)) is None


def test_a_password_is_stored_as_a_salted_argon2id_hash(control: psycopg.Connection) -> None:
    for name in ("salt-1", "salt-2"):
        accounts.add(control, name, Role.OPERATOR, PASSWORD, NOW)
    first, second = hash_of(control, "salt-1"), hash_of(control, "salt-2")
    assert first != second, "each has a salt of its own"
    found = re.fullmatch(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=\d+\$[\w+/]{22,}\$[\w+/]{43,}", first)
    assert found
    assert int(found[1]) >= 19 * 1024, "OWASP's least memory, in KiB"
    assert int(found[2]) >= 2
    assert PASSWORD.reveal() not in str(control.execute("select u::text from control.users u").fetchall())


def test_only_the_right_password_of_an_enabled_account_gets_its_id(control: psycopg.Connection) -> None:
    user = accounts.add(control, "right", Role.VIEWER, PASSWORD, NOW)
    accounts.add(control, "wrong", Role.VIEWER, OTHER, NOW)
    assert accounts.verify(control, " Right ", PASSWORD) == user.id
    assert accounts.verify(control, "right", OTHER) is None
    assert accounts.verify(control, "wrong", PASSWORD) is None
    assert accounts.verify(control, "right'--", PASSWORD) is None
    accounts.disable(control, user, NOW)
    assert accounts.verify(control, "right", PASSWORD) is None
    accounts.enable(control, user, NOW)
    assert accounts.verify(control, "right", PASSWORD) == user.id


def test_a_name_without_an_account_costs_as_many_hashes_as_a_wrong_password(
    control: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hash is what takes time; one less would tell who has an account."""
    accounts.add(control, "here", Role.VIEWER, PASSWORD, NOW)
    accounts.add(control, "without", Role.VIEWER, None, NOW)
    gone = accounts.add(control, "gone", Role.VIEWER, PASSWORD, NOW)
    accounts.disable(control, gone, NOW)
    checked: list[str] = []
    verify = PasswordHasher.verify

    def noted(self: PasswordHasher, hash: Any, password: Any) -> Any:
        checked.append(str(hash).rpartition("$")[0].rpartition("$")[0])
        return verify(self, hash, password)

    monkeypatch.setattr(PasswordHasher, "verify", noted)
    for name in ("here", "nobody", "without", "gone"):
        assert accounts.verify(control, name, OTHER) is None
    assert len(checked) == 4
    assert len(set(checked)) == 1, "with the same parameters"


def test_the_password_of_the_stand_in_hash_opens_no_account(control: psycopg.Connection) -> None:
    accounts.add(control, "no-password", Role.VIEWER, None, NOW)
    for name in ("no-password", "nobody"):
        assert accounts.verify(control, name, Secret("nobody has this")) is None


def test_a_hash_with_weaker_parameters_is_replaced_at_the_next_sign_in(control: psycopg.Connection) -> None:
    user = accounts.add(control, "weak", Role.VIEWER, PASSWORD, NOW)
    weak = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD.reveal())
    control.execute("update control.users set password_hash = %s where id = %s", (weak, user.id))
    assert accounts.verify(control, "weak", OTHER) is None
    assert hash_of(control, "weak") == weak, "a wrong password replaces nothing"
    assert accounts.verify(control, "weak", PASSWORD) == user.id
    stronger = hash_of(control, "weak")
    assert not PasswordHasher().check_needs_rehash(stronger)
    assert accounts.verify(control, "weak", PASSWORD) == user.id
    assert hash_of(control, "weak") == stronger, "a good one stays"


@pytest.mark.parametrize("broken", ["", "plain text", "$argon2id$v=19$m=65536,t=3,p=4$AAAA$AAAA"])
def test_a_damaged_hash_opens_nothing(control: psycopg.Connection, broken: str) -> None:
    user = accounts.add(control, f"damaged-{len(broken)}", Role.VIEWER, PASSWORD, NOW)
    control.execute("update control.users set password_hash = %s where id = %s", (broken, user.id))
    for given_password in (PASSWORD, Secret(broken), Secret("")):
        assert accounts.verify(control, user.name, given_password) is None


def test_a_new_account_is_found_under_its_name(control: psycopg.Connection) -> None:
    control.execute("delete from control.users")
    added = accounts.add(control, "Zoe@Example.com", Role.OPERATOR, PASSWORD, NOW)
    single = accounts.add(control, "amy", Role.VIEWER, None, NOW)
    assert accounts.find(control, " ZOE@example.com ") == added
    assert (added.name, added.role, added.enabled, added.has_password) == (
        "zoe@example.com", Role.OPERATOR, True, True
    )  # fmt: skip
    assert (added.created_at, added.signed_in_at, added.oidc_issuer) == (NOW, None, None)
    assert not single.has_password
    assert accounts.read_all(control) == [single, added], "by name"
    assert accounts.find_name(control, " Zoe@example.COM") == "zoe@example.com"
    assert accounts.find_name(control, "nobody") is None
    with pytest.raises(AccountError, match="user nobody does not exist; list the users with st-pipeline users list"):
        accounts.find(control, "nobody")


def test_a_taken_name_and_the_role_of_clients_are_refused(control: psycopg.Connection) -> None:
    user = accounts.add(control, "taken", Role.VIEWER, PASSWORD, NOW)
    with pytest.raises(AccountError, match="user taken already exists"):
        accounts.add(control, " TAKEN", Role.OPERATOR, OTHER, LATER)
    assert accounts.find(control, "taken") == user
    assert accounts.verify(control, "taken", PASSWORD) == user.id
    with pytest.raises(AccountError, match="an account must be an operator or a viewer"):
        accounts.add(control, "client", Role.CLIENT, PASSWORD, NOW)
    assert accounts.find_name(control, "client") is None


def test_only_enabled_accounts_count_for_whether_someone_can_sign_in(control: psycopg.Connection) -> None:
    control.execute("delete from control.users")
    assert accounts.is_empty(control)
    user = accounts.add(control, "only", Role.OPERATOR, PASSWORD, NOW)
    assert not accounts.is_empty(control)
    accounts.disable(control, user, NOW)
    assert accounts.is_empty(control)


@pytest.mark.parametrize("change", ["disabled", "another password"])
def test_a_change_of_the_account_ends_its_sessions_and_no_others(control: psycopg.Connection, change: str) -> None:
    mine = accounts.add(control, f"mine {change}".replace(" ", "-"), Role.VIEWER, PASSWORD, NOW)
    theirs = accounts.add(control, f"theirs {change}".replace(" ", "-"), Role.VIEWER, PASSWORD, NOW)
    ended = [sessions.start(control, NOW, user_id=mine.id) for _ in range(2)]
    kept = sessions.start(control, NOW, user_id=theirs.id)
    if change == "disabled":
        accounts.disable(control, mine, LATER)
        accounts.enable(control, mine, LATER)
    else:
        accounts.set_password(control, mine.id, OTHER, LATER)
    assert [sessions.read(control, one, NOW) for one in ended] == [None, None], "and enabling brings none back"
    assert sessions.read(control, kept, NOW)


def test_another_password_replaces_the_old_one_and_enables_the_account(control: psycopg.Connection) -> None:
    user = accounts.add(control, "changing", Role.VIEWER, PASSWORD, NOW)
    accounts.disable(control, user, NOW)
    accounts.set_password(control, user.id, OTHER, LATER)
    assert accounts.verify(control, "changing", PASSWORD) is None
    assert accounts.verify(control, "changing", OTHER) == user.id
    changed = control.execute("select changed_at from control.users where id = %s", (user.id,)).fetchone()
    assert changed == (LATER,)
