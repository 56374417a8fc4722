"""What commands do to tenants is in the audit: real command line, real Postgres, real sandbox."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.fernet import Fernet
from typer.testing import CliRunner, Result

from st_pipeline.cli.tenants import app
from st_pipeline.operations import audit
from st_pipeline.operations.audit import Author
from st_pipeline.operations.tenant_operations import TenantOperations
from st_pipeline.postgres import Database
from st_pipeline.sandbox import Account, Sandbox, Size
from st_pipeline.settings import Settings
from st_pipeline.tenants.errors import FieldInvalid, TenantUnknown
from st_pipeline.tenants.registry import Registry

SECRET = "cs1.canary-secret-20d7"
APP_KEY = "ak1.canary-app-key-c41e"
CLIENT_ID = "cid.canary-client-5b90"
NEW = ("--environment", "sandbox", "--client-id", CLIENT_ID, "--client-secret-file", "-")
BOLT_ID = "cid.canary-of-bolt"
BOLT = {"KEY": "bolt", "TENANT_ID": 1002, "CLIENT_ID": BOLT_ID}
ANN = Author("ann", "operator", "192.0.2.1")
WAS = {"cadence": "nightly", "timezone": "America/Chicago"}

Noted = tuple[str, str | None, dict[str, Any]]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    small = Size(customers=5, invoices=5)
    accounts = [
        Account(1001, CLIENT_ID, SECRET, APP_KEY, size=small),
        Account(1002, BOLT_ID, SECRET, APP_KEY, size=small, connected=False),
    ]
    with Sandbox(accounts) as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def environment(
    warehouse: Database, control: psycopg.Connection, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ST_PIPELINE_HOME", str(tmp_path))
    monkeypatch.setenv("ST_PIPELINE_DSN", warehouse.url().reveal())
    monkeypatch.setenv("ST_PIPELINE_SECRET_KEYS", Fernet.generate_key().decode())
    monkeypatch.setenv("ST_PIPELINE_SANDBOX_URL", sandbox.url)
    monkeypatch.setenv("SERVICETITAN_APP_KEY", APP_KEY)
    control.execute("delete from control.tenants")
    control.execute("delete from control.removed_tenants")


class Audited:
    """Commands, and what the audit gained since the last look."""

    def __init__(self, control: psycopg.Connection) -> None:
        self._control = control
        self._seen = max((one.id for one in audit.read(control, limit=1)), default=0)

    def run(self, *arguments: str, exit_code: int = 0, typed: str = SECRET) -> Result:
        result = CliRunner().invoke(app, list(arguments), input=typed)
        assert result.exit_code == exit_code, f"{result.output}\n{result.exception!r}"
        return result

    def gained(self) -> list[Noted]:
        """(action, tenant, detail), the oldest first; all of it the command line's."""
        found = [one for one in audit.read(self._control)[::-1] if one.id > self._seen and one.actor != ANN.name]
        assert {(one.actor, one.role, one.address) for one in found} <= {("command line", "", "")}
        self._seen = max([self._seen, *(one.id for one in found)])
        return [(one.action, one.tenant, one.detail) for one in found]


def operations_of_ann(control: psycopg.Connection) -> TenantOperations:
    return TenantOperations(control, Registry.of(control, Settings.from_environment()), ANN, lambda: datetime.now(UTC))


@pytest.fixture
def audited(control: psycopg.Connection) -> Iterator[Audited]:
    yield Audited(control)
    everything = str(control.execute("select a::text from control.audit a").fetchall())
    assert "command line" in everything
    assert "canary" not in everything


@pytest.fixture
def acme(audited: Audited) -> None:
    """A tenant that is connected."""
    audited.run("add", "acme", "--tenant-id", "1001", *NEW, "--timezone", "America/Chicago", "--trade", "Plumbing")
    assert audited.gained() == [
        ("tenant registered", "acme", {"credentials": "entered"}),
        ("credentials tried", "acme", {"found": "connected"}),
    ]


@pytest.mark.parametrize(
    ("arguments", "entries"),
    [
        (("check",), [("credentials tried", {"found": "connected"})]),
        (("disable",), [("disabled", {})]),
        (("enable",), []),
        (("remove", "--yes"), [("tenant removed", {"environment": "sandbox", "tenant_id": 1001})]),
        (
            ("set", "--cadence", "Weekly fri 3:00", "--timezone", "america/denver"),
            [
                (
                    "schedule changed",
                    {"before": WAS, "cadence": "weekly fri 03:00", "timezone": "America/Denver"},
                )
            ],
        ),
        (("set", "--cadence", "paused"), [("paused", {"cadence": "nightly"})]),
        (
            ("set", "--name", "Acme", "--trade", "", "--company-code", "SM1", "--timezone", "UTC"),
            [
                ("schedule changed", {"before": WAS, "cadence": "nightly", "timezone": "UTC"}),
                (
                    "tenant changed",
                    {
                        "before": {"name": "acme", "company_code": None, "trade": "Plumbing"},
                        "after": {"name": "Acme", "company_code": "SM1", "trade": None},
                    },
                ),
            ],
        ),
        (("set", "--cadence", "nightly", "--trade", "Plumbing"), []),
        (
            ("rotate", "--client-id", CLIENT_ID, "--client-secret-file", "-"),
            [
                ("credentials replaced", {"parts": ["client id", "client secret"]}),
                ("credentials tried", {"found": "connected"}),
            ],
        ),
        (
            ("rotate", "--shared-app-key"),
            [
                ("credentials replaced", {"parts": ["shared app key"]}),
                ("credentials tried", {"found": "connected"}),
            ],
        ),
    ],
)
def test_what_a_command_changes_has_its_entry(
    audited: Audited, acme: None, arguments: tuple[str, ...], entries: list[tuple[str, dict[str, Any]]]
) -> None:
    command, *options = arguments
    audited.run(command, "acme", *options)
    assert audited.gained() == [(action, "acme", detail) for action, detail in entries]


def test_one_that_is_disabled_and_enabled_again_has_both(audited: Audited, acme: None) -> None:
    for command in ("disable", "disable", "enable"):
        audited.run(command, "acme")
    assert audited.gained() == [("disabled", "acme", {}), ("enabled", "acme", {})]


def test_each_tenant_of_an_import_has_its_entry(audited: Audited) -> None:
    entry = {"CLIENT_ID": CLIENT_ID, "CLIENT_SECRET": SECRET, "APP_KEY": APP_KEY}
    file = [entry | {"KEY": "acme", "TENANT_ID": 1001}, entry | BOLT]
    audited.run("import", "-", "--environment", "sandbox", typed=json.dumps(file))
    assert audited.gained() == [
        ("tenant registered", "acme", {"credentials": "entered"}),
        ("tenant registered", "bolt", {"credentials": "entered"}),
        ("credentials tried", "acme", {"found": "connected"}),
        ("credentials tried", "bolt", {"found": "not_connected"}),
    ]


def test_the_account_of_one_that_never_connected_is_corrected_and_its_first_keys_are_entered(
    audited: Audited, control: psycopg.Connection
) -> None:
    audited.run("add", "bolt", "--tenant-id", "1002", *NEW)
    control.execute("delete from control.credentials")
    audited.gained()
    audited.run("set", "bolt", "--tenant-id", "7")
    audited.run("rotate", "bolt", "--client-id", CLIENT_ID, "--client-secret-file", "-")
    corrected, entered, _ = audited.gained()
    assert corrected == ("account corrected", "bolt", {"before": 1002, "tenant_id": 7, "environment": "sandbox"})
    assert entered == ("credentials entered", "bolt", {"parts": ["client id", "client secret"]})


def test_encrypting_anew_is_of_no_tenant(audited: Audited, acme: None) -> None:
    audited.run("rotate", "--vault")
    assert audited.gained() == [("encryption renewed", None, {"tenants": 1})]


@pytest.mark.parametrize(
    "arguments",
    [
        ("add", "acme", "--tenant-id", "7", *NEW),
        ("add", "acme-2", "--tenant-id", "1001", *NEW),
        ("add", "bolt", "--tenant-id", "1002", *NEW, "--cadence", "sometimes"),
        ("set", "acme", "--timezone", "America/NewYork"),
        ("set", "acme", "--tenant-id", "7", "--trade", "HVAC"),
        ("set", "acme"),
        ("rotate", "acme", "--client-id", "two words", "--client-secret-file", "-"),
        ("rotate", "acme", "--client-secret-file", "/dev/null"),
        ("check", "acne"),
        ("disable", "acne"),
        ("enable", "acne"),
        ("remove", "acne", "--yes"),
    ],
)
def test_what_is_refused_has_none(audited: Audited, acme: None, arguments: tuple[str, ...]) -> None:
    audited.run(*arguments, exit_code=1)
    assert audited.gained() == []


def test_an_import_that_is_refused_has_none(audited: Audited, acme: None) -> None:
    entry = {"CLIENT_ID": CLIENT_ID, "CLIENT_SECRET": SECRET}
    file = [entry | BOLT, entry | {"KEY": "acme", "TENANT_ID": 7}]
    audited.run("import", "-", "--environment", "sandbox", typed=json.dumps(file), exit_code=1)
    assert audited.gained() == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("add", "bolt", "--tenant-id", "1002", *NEW),
        ("set", "acme", "--cadence", "paused"),
        ("rotate", "acme", "--client-secret-file", "-"),
        ("check", "acme"),
        ("disable", "acme"),
        ("remove", "acme", "--yes"),
        ("rotate", "--vault"),
    ],
)
def test_what_cannot_be_recorded_is_not_done(
    audited: Audited,
    acme: None,
    control: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
) -> None:
    def stored() -> list[Any]:
        return [
            control.execute("select t::text from control.tenants t order by 1").fetchall(),
            control.execute(
                "select tenant, client_id, client_secret, app_key from control.credentials order by 1"
            ).fetchall(),
        ]

    def full(*_: object, **__: object) -> None:
        raise psycopg.errors.DiskFull("no space left")

    before = stored()
    monkeypatch.setattr(audit, "record", full)
    assert "no space left" in audited.run(*arguments, exit_code=1).output
    assert stored() == before
    assert audited.gained() == []


def test_a_paused_tenant_resumes_the_cadence_that_a_command_gave_it(
    audited: Audited, acme: None, control: psycopg.Connection
) -> None:
    audited.run("set", "acme", "--cadence", "every 6h")
    audited.run("set", "acme", "--cadence", "paused")
    operations = operations_of_ann(control)
    assert not operations.pause("acme")
    assert operations.resume("acme") == "every 6h"
    assert operations.resume("acme") is None
    newest = audit.read(control, limit=1)[0]
    assert (newest.actor, newest.role, newest.address, newest.action) == ("ann", "operator", "192.0.2.1", "resumed")


def test_a_check_is_dated_after_the_credentials_it_tested(
    audited: Audited, acme: None, control: psycopg.Connection
) -> None:
    """A person may take minutes to type a secret, between opening the registry and the check."""
    audited.run("rotate", "acme", "--client-secret-file", "-")
    row = control.execute(
        "select t.checked_at > c.created_at from control.tenants t join control.credentials c on c.tenant = t.key"
    ).fetchone()
    assert row == (True,)


def test_what_fails_leaves_neither_a_change_nor_a_row(
    audited: Audited, acme: None, control: psycopg.Connection
) -> None:
    operations = operations_of_ann(control)
    before, rows = operations.registry.get("acme"), audit.read(control)
    with pytest.raises(FieldInvalid):
        operations.set("acme", name="Other", timezone="Nowhere/At all")
    with pytest.raises(TenantUnknown):
        operations.pause("gone")
    assert (operations.registry.get("acme"), audit.read(control)) == (before, rows)
