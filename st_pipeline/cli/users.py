"""``st-pipeline users``: manage who can sign in to the portal. portal/people/accounts.py defines an account.

Passwords are never arguments, because other users of the machine can see those, and are never shown.
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

app = typer.Typer(cls=Commands, no_args_is_help=True, help="Manage who can sign in to the portal.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="User name or e-mail address.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
PasswordFile = Annotated[str | None, typer.Option(metavar="FILE", help="File with the password; - for standard input.")]


@app.command()
def add(
    name: Name,
    role: Annotated[str, typer.Option(help="operator can change everything, viewer can only look.")] = "operator",
    password_file: PasswordFile = None,
    without_password: Annotated[
        bool, typer.Option("--without-password", help="The user signs in only through OpenID Connect.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Create an account. The password is read from a file, standard input, or a hidden prompt."""
    if role not in accounts.ROLES:
        raise CommandRefused("--role must be operator or viewer; clients need no account, they use an invitation link")
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
    """List all accounts, including disabled ones."""
    with _connected() as connection:
        users = accounts.read_all(connection)
    if as_json:
        output.json_([_plain(user) for user in users])
    elif not users:
        output.lines(["No accounts yet. Create one with: st-pipeline users add NAME"])
    else:
        output.lines([_line(user) for user in users])


@app.command()
def disable(name: Name, as_json: AsJson = False) -> None:
    """Block an account from signing in, and end its sessions."""
    _change(name, accounts.disable, "user disabled", "disabled", as_json)


@app.command()
def enable(name: Name, as_json: AsJson = False) -> None:
    """Let a disabled account sign in again, with its password or through OpenID Connect as before."""
    _change(name, accounts.enable, "user enabled", "enabled", as_json)


@app.command()
def unbind(name: Name, as_json: AsJson = False) -> None:
    """Unlink an account from its OpenID Connect identity, and end its sessions.

    The next person who signs in through the provider with the account's e-mail address is linked to it.
    """
    _change(name, bindings.unbind, "user unbound", "is no longer linked to an OpenID Connect identity", as_json)


@app.command()
def password(name: Name, password_file: PasswordFile = None, as_json: AsJson = False) -> None:
    """Set a new password, enable the account, and end its sessions."""
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
    """Change an account and record it in the audit."""
    with _connected() as connection:
        user, now = accounts.find(connection, name), datetime.now(UTC)
        with connection.transaction():
            change(connection, user, now)
            audit.record(connection, COMMAND_LINE, action, now, detail={"user": user.name})
        user = accounts.find(connection, name)
    _show_done(user, said, as_json)


@contextmanager
def _connected() -> Iterator[psycopg.Connection[Any]]:
    """The warehouse of the environment's settings. An account error becomes a refused command."""
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
        entry.ask(f"Password ({accounts.SHORTEST_PASSWORD} characters or more)", "--password-file")
    )
    if entry.ask("Repeat password", "--password-file") != first:
        raise CommandRefused("the passwords do not match; run the command again")
    return first


def _show_done(user: User, done: str, as_json: bool) -> None:
    if as_json:
        output.json_(_plain(user))
    else:
        output.lines([f"{user.name} ({user.role}) {done}."])


def _line(user: User) -> str:
    seen = f"last signed in {user.signed_in_at:%Y-%m-%d %H:%M} UTC" if user.signed_in_at else "never signed in"
    bound = f"  linked to {user.oidc_issuer}" if user.oidc_issuer else ""
    return f"{user.name}  {user.role}  {seen}{bound}{'' if user.enabled else '  disabled'}"


def _plain(user: User) -> dict[str, Any]:
    shown = ("name", "role", "enabled", "has_password", "oidc_issuer", "created_at", "signed_in_at")
    return {name: getattr(user, name) for name in shown}
