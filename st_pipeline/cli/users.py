"""``st-pipeline users``: who may sign in to the portal. What an account is, is in portal/people/accounts.py.

No password is ever an argument (other users of a machine see those) and none is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import psycopg
import typer

from st_pipeline import postgres
from st_pipeline.cli import entry, output
from st_pipeline.cli.errors import CommandRefused, Commands
from st_pipeline.operations import audit
from st_pipeline.operations.audit import COMMAND_LINE
from st_pipeline.portal.people import accounts, bindings
from st_pipeline.portal.people.accounts import AccountError, User
from st_pipeline.portal.people.roles import Role
from st_pipeline.secret import Secret
from st_pipeline.settings import Settings

app = typer.Typer(cls=Commands, no_args_is_help=True, help="Who may sign in to the portal.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="User name; an e-mail address will do.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]
PasswordFile = Annotated[
    str | None, typer.Option(metavar="FILE", help="File with the password; - reads standard input.")
]


@app.command()
def add(
    name: Name,
    role: Annotated[str, typer.Option(help="operator does everything, viewer sees everything.")] = "operator",
    password_file: PasswordFile = None,
    without_password: Annotated[
        bool, typer.Option("--without-password", help="Signs in through OpenID Connect alone.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make an account. The password comes from a file, standard input, or a hidden prompt."""
    if role not in accounts.ROLES:
        raise CommandRefused("--role is operator or viewer; clients need no account, they come by an invitation")
    with _connected() as connection:
        password = None if without_password else _password(password_file)
        now = datetime.now(UTC)
        with connection.transaction():
            user = accounts.add(connection, name, Role(role), password, now)
            audit.record(
                connection, COMMAND_LINE, "user added", now, detail={"user": user.name, "role": user.role.value}
            )
    _show_done(user, "added", as_json)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Every account, the disabled ones too."""
    with _connected() as connection:
        users = accounts.read_all(connection)
    if as_json:
        output.json_([_plain(user) for user in users])
    elif not users:
        output.lines(["There is no account yet; make one with: st-pipeline users add NAME"])
    else:
        output.lines([_line(user) for user in users])


@app.command()
def disable(name: Name, as_json: AsJson = False) -> None:
    """Sign in no more; every session ends now."""
    _change(name, accounts.disable, "user disabled", "disabled", as_json)


@app.command()
def enable(name: Name, as_json: AsJson = False) -> None:
    """Sign in again, in the ways there were before: with the password, or through OpenID Connect."""
    _change(name, accounts.enable, "user enabled", "enabled", as_json)


@app.command()
def unbind(name: Name, as_json: AsJson = False) -> None:
    """Forget who the account is at the OpenID Connect provider; sessions end, the next with its address gets it."""
    _change(name, bindings.unbind, "user unbound", "is bound to nobody", as_json)


@app.command()
def password(name: Name, password_file: PasswordFile = None, as_json: AsJson = False) -> None:
    """Set a new password, and enable the account; every session of it ends now."""
    with _connected() as connection:
        user = accounts.find(connection, name)
        given, now = _password(password_file), datetime.now(UTC)
        with connection.transaction():
            accounts.set_password(connection, user.id, given, now)
            audit.record(connection, COMMAND_LINE, "password set", now, detail={"user": user.name})
        user = accounts.find(connection, name)
    _show_done(user, "has a new password", as_json)


def _change(
    name: str,
    change: Callable[[psycopg.Connection[Any], User, datetime], None],
    action: str,
    said: str,
    as_json: bool,
) -> None:
    """Change an account, with its row in the audit."""
    with _connected() as connection:
        user, now = accounts.find(connection, name), datetime.now(UTC)
        with connection.transaction():
            change(connection, user, now)
            audit.record(connection, COMMAND_LINE, action, now, detail={"user": user.name})
        user = accounts.find(connection, name)
    _show_done(user, said, as_json)


@contextmanager
def _connected() -> Iterator[psycopg.Connection[Any]]:
    """The warehouse of the environment's settings; what is wrong with an account is a refused command."""
    database = postgres.prepare(Settings.from_environment())
    with postgres.connect(database, application="st-pipeline users", autocommit=True) as connection:
        try:
            yield connection
        except AccountError as error:
            raise CommandRefused(str(error)) from None


def _password(file: str | None) -> Secret:
    if file:
        return accounts.valid_password(entry.secret_from(file))
    first = accounts.valid_password(
        entry.ask(f"Password, {accounts.SHORTEST_PASSWORD} characters or more", "--password-file")
    )
    if entry.ask("Password again", "--password-file") != first:
        raise CommandRefused("the two are not the same; run it again")
    return first


def _show_done(user: User, done: str, as_json: bool) -> None:
    if as_json:
        output.json_(_plain(user))
    else:
        output.lines([f"{user.name} ({user.role}) {done}."])


def _line(user: User) -> str:
    seen = f"last signed in {user.signed_in_at:%Y-%m-%d %H:%M} UTC" if user.signed_in_at else "never signed in"
    bound = f"  bound at {user.oidc_issuer}" if user.oidc_issuer else ""
    return f"{user.name}  {user.role}  {seen}{bound}{'' if user.enabled else '  disabled'}"


def _plain(user: User) -> dict[str, Any]:
    shown = ("name", "role", "enabled", "has_password", "oidc_issuer", "created_at", "signed_in_at")
    return {name: getattr(user, name) for name in shown}
