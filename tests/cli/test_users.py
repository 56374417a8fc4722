"""users.py: accounts from the command line; passwords come from files and are shown nowhere."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from st_pipeline import postgres
from st_pipeline.cli.main import app
from st_pipeline.portal.oidc.id_token import Identity
from st_pipeline.portal.people import accounts, bindings
from st_pipeline.portal.people.bindings import NotAdmitted
from st_pipeline.postgres import Database
from st_pipeline.secret import Secret

PASSWORD = "canary-password-of-ann"


@pytest.fixture(autouse=True)
def environment(warehouse: Database) -> Iterator[None]:
    before = dict(os.environ)
    os.environ["ST_PIPELINE_DSN"] = warehouse.url().reveal()
    yield
    os.environ.clear()
    os.environ.update(before)


def run(*arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(app, ["users", *arguments], input=given, catch_exceptions=False)


def test_an_account_is_made_listed_given_another_password_and_disabled(warehouse: Database, tmp_path: Path) -> None:
    assert "No accounts yet" in run("list").output
    file = tmp_path / "password"
    file.write_text(PASSWORD + "\n")
    said = [run("add", "Ann@Example.com", "--password-file", str(file))]
    assert said[0].output == "ann@example.com (operator) added.\n"
    said.append(run("add", "viv", "--role", "viewer", "--password-file", "-", "--json", given=PASSWORD))
    assert json.loads(said[-1].output)["role"] == "viewer"
    said.append(run("list", "--json"))
    assert [(user["name"], user["enabled"]) for user in json.loads(said[-1].output)] == [
        ("ann@example.com", True), ("viv", True)
    ]  # fmt: skip
    with postgres.connect(warehouse, autocommit=True) as connection:
        assert accounts.verify(connection, "viv", Secret(PASSWORD)) is not None
        said.append(run("disable", "viv"))
        assert accounts.verify(connection, "viv", Secret(PASSWORD)) is None
        said.append(run("password", "viv", "--password-file", "-", given=PASSWORD + "2"))
        assert accounts.verify(connection, "viv", Secret(PASSWORD)) is None
        assert accounts.verify(connection, "viv", Secret(PASSWORD + "2")) is not None
        noted = connection.execute("select actor, action, detail ->> 'user' from control.audit order by id").fetchall()
        stored = str(connection.execute("select u::text from control.users u").fetchall())
        stored += str(connection.execute("select a::text from control.audit a").fetchall())
    assert noted == [
        ("command line", "user added", "ann@example.com"),
        ("command line", "user added", "viv"),
        ("command line", "user disabled", "viv"),
        ("command line", "password set", "viv"),
    ]
    assert all(result.exit_code == 0 for result in said)
    assert "canary" not in stored + "".join(result.output for result in said)


@pytest.mark.parametrize(
    ("arguments", "given", "problem"),
    [
        (("add", "x y", "--password-file", "-"), PASSWORD, "a user name must be"),
        (("add", "tom", "--password-file", "-"), "canary", "12 to 256 characters"),
        (("add", "tom", "--role", "client", "--password-file", "-"), PASSWORD, "they use an invitation link"),
        (("add", "tom"), None, "--password-file"),
        (("disable", "nobody"), None, "user nobody does not exist"),
        (("enable", "nobody"), None, "user nobody does not exist"),
        (("unbind", "nobody"), None, "user nobody does not exist"),
        (("password", "nobody", "--password-file", "-"), PASSWORD, "user nobody does not exist"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(arguments: tuple[str, ...], given: str | None, problem: str) -> None:
    result = run(*arguments, given=given)
    assert result.exit_code == 1
    assert problem in result.output
    assert "canary" not in result.output


def test_a_name_is_given_once() -> None:
    assert run("add", "bea", "--password-file", "-", given=PASSWORD).exit_code == 0
    again = run("add", "BEA", "--password-file", "-", given=PASSWORD)
    assert again.exit_code == 1
    assert "user bea already exists" in again.output


def test_an_account_without_a_password_cannot_sign_in_with_one(warehouse: Database) -> None:
    assert run("add", "sso@example.com", "--without-password").exit_code == 0
    with postgres.connect(warehouse, autocommit=True) as connection:
        for password in ("", "nobody has this"):
            assert accounts.verify(connection, "sso@example.com", Secret(password)) is None


def test_an_account_bound_at_a_provider_is_listed_enabled_again_and_unbound(warehouse: Database) -> None:
    run("add", "kim@example.com", "--without-password")
    now, identity = datetime.now(UTC), Identity("https://login.example.com", "canary-subject", "kim@example.com", True)
    with postgres.connect(warehouse, autocommit=True) as connection:
        bindings.admit(connection, identity, now)
        assert "kim@example.com  operator  never signed in  linked to https://login.example.com\n" in run("list").output
        said = [run("disable", "kim@example.com")]
        with pytest.raises(NotAdmitted):
            bindings.admit(connection, identity, now)
        said.append(run("enable", "kim@example.com"))
        assert not bindings.admit(connection, identity, now).is_new
        said.append(run("unbind", "kim@example.com", "--json"))
        assert json.loads(said[-1].output)["oidc_issuer"] is None
        assert bindings.admit(connection, identity, now).is_new
        noted = connection.execute("select action from control.audit order by id desc limit 3").fetchall()
    assert noted == [("user unbound",), ("user enabled",), ("user disabled",)]
    assert [result.exit_code for result in said] == [0, 0, 0]
    assert said[1].output == "kim@example.com (operator) enabled.\n"
    assert "canary" not in "".join(result.output for result in said)
