"""``st-pipeline tenants`` from end to end: real command line, real Postgres, real sandbox."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from st_pipeline import postgres
from st_pipeline.cli.tenants import app
from st_pipeline.history import recorder
from st_pipeline.sandbox import Account, Sandbox, Size
from st_pipeline.schedule.due_times import State, next_sync, parse
from st_pipeline.settings import Settings
from tests.support.homes import empty_home

CANARY_SECRET = "cs1.canary-secret-7f3a"
CANARY_APP_KEY = "ak1.canary-app-key-91bc"
CLIENT_ID = "cid.abcdefghijkl1234"
SMALL = Size(customers=5, invoices=5)

VARIABLES = ("CLIENT_ID", "CLIENT_SECRET", "APP_KEY", "APP_ID", "TENANT_ID", "TIMEZONE", "API_ENVIRONMENT")

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def home() -> Path:
    return empty_home("cli")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    accounts = [
        Account(1001, CLIENT_ID, CANARY_SECRET, CANARY_APP_KEY, size=SMALL),
        Account(1002, "cid.bolt", CANARY_SECRET, CANARY_APP_KEY, size=SMALL, connected=False),
    ]
    with Sandbox(accounts) as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def environment(home: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ST_PIPELINE_DSN", "ST_PIPELINE_SECRET_KEYS", *(f"SERVICETITAN_{name}" for name in VARIABLES)):
        monkeypatch.setenv(name, "")  # empty is unset, and hides a .env beside the project
        monkeypatch.setenv(f"{name}_FILE", "")
    monkeypatch.setenv("ST_PIPELINE_HOME", str(home))
    monkeypatch.setenv("ST_PIPELINE_SANDBOX_URL", sandbox.url)
    monkeypatch.setenv("SERVICETITAN_APP_KEY", CANARY_APP_KEY)
    database = postgres.prepare(Settings.from_environment())
    with postgres.connect(database, autocommit=True) as connection:
        connection.execute("delete from control.syncs")
        connection.execute("delete from control.tenants")  # quicker than truncate, which makes files
        connection.execute("delete from control.removed_tenants")


@pytest.fixture
def run() -> Iterator[Run]:
    """Run a command; nothing that any of a test's commands writes may hold a secret, or be a traceback."""
    written: list[str] = []

    def run(*arguments: str, exit_code: int = 0, typed: str | None = None) -> Result:
        result = CliRunner().invoke(app, list(arguments), input=typed)
        written.append(result.output)
        assert result.exit_code == exit_code, f"{result.output}\n{result.exception!r}"
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    yield run
    everything = "".join(written)
    assert CANARY_SECRET not in everything
    assert CANARY_APP_KEY not in everything
    assert CLIENT_ID not in everything
    assert "Traceback" not in everything


@pytest.fixture
def secret_file(tmp_path: Path) -> str:
    file = tmp_path / "client-secret"
    file.write_text(f"{CANARY_SECRET}\n")
    return str(file)


@pytest.fixture
def add(run: Run, secret_file: str) -> Run:
    def add(key: str = "acme", tenant_id: str = "1001", *options: str, **expected: Any) -> Result:
        client_id = CLIENT_ID if tenant_id == "1001" else "cid.bolt"
        secret = () if "--client-secret-file" in options else ("--client-secret-file", secret_file)
        account = ("--tenant-id", tenant_id, "--environment", "sandbox", "--client-id", client_id)
        return run("add", key, *account, *secret, *options, **expected)

    return add


def test_a_tenant_that_connects_is_added_and_says_so(add: Run, run: Run) -> None:
    result = add("acme", "1001", "--timezone", "america/new_york", "--company-code", "SM000250")
    assert result.stdout == "acme (sandbox account 1001) added.\nacme: connected\n"
    shown = json.loads(run("show", "acme", "--json").stdout)
    assert shown["status"] == "connected"
    assert shown["timezone"] == "America/New_York"
    assert shown["company_code"] == "SM000250"
    assert shown["client_id"] == "…1234"
    assert shown["app_key"] == "shared"


def test_a_tenant_that_does_not_connect_is_added_all_the_same(add: Run, run: Run) -> None:
    result = add("bolt", "1002")
    assert "bolt (sandbox account 1002) added." in result.stdout
    assert "bolt: not connected yet." in result.stdout
    assert "API Application Access" in result.stdout
    assert json.loads(run("list", "--json").stdout)[0]["status"] == "not_connected"


def test_a_tenant_is_added_when_nobody_answers(add: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ST_PIPELINE_SANDBOX_URL", "http://127.0.0.1:9")
    assert "acme: ServiceTitan not responding." in add().stdout


def test_secrets_come_from_standard_input_too(add: Run, run: Run) -> None:
    add("acme", "1001", "--client-secret-file", "-", typed=f"{CANARY_SECRET}\n")
    assert json.loads(run("show", "acme", "--json").stdout)["status"] == "connected"


def test_an_own_app_key_comes_from_a_file(add: Run, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "app-key").write_text(CANARY_APP_KEY)
    monkeypatch.setenv("SERVICETITAN_APP_KEY", "")
    assert "connected" in add("acme", "1001", "--app-key-file", str(tmp_path / "app-key")).stdout
    assert json.loads(run("show", "acme", "--json").stdout)["app_key"] == "own"


def test_without_any_app_key_the_tenant_is_saved_and_the_way_to_give_one_said(
    add: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVICETITAN_APP_KEY", "")
    assert "SERVICETITAN_APP_KEY" in add().stdout


def test_standard_input_serves_one_secret(add: Run) -> None:
    result = add("acme", "1001", "--client-secret-file", "-", "--app-key-file", "-", exit_code=1, typed="x")
    assert "only one option can read standard input" in result.stderr


def test_without_a_terminal_nobody_is_asked(run: Run) -> None:
    account = ("--tenant-id", "1001", "--environment", "sandbox", "--client-id", CLIENT_ID)
    result = run("add", "acme", *account, exit_code=1)
    assert "--client-secret-file -" in result.stderr


@pytest.mark.timeout(60)
def test_on_a_terminal_the_secret_is_asked_for_and_not_shown(run: Run) -> None:
    ours, theirs = pty.openpty()
    account = ["--tenant-id", "1001", "--environment", "sandbox", "--client-id", CLIENT_ID]
    command = [sys.executable, "-c", "from st_pipeline.cli.tenants import app; app()", "add", "acme", *account]
    shown = b""
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as process:
        os.close(theirs)
        while b"Client secret: " not in shown:  # with the blank: from then on nothing is echoed
            shown += os.read(ours, 1000)
        os.write(ours, f"{CANARY_SECRET}\n".encode())
        with contextlib.suppress(OSError):  # how Linux says that nobody holds the other end any more
            while more := os.read(ours, 1000):
                shown += more
        os.close(ours)
    assert process.returncode == 0, shown
    assert b"acme: connected" in shown
    assert CANARY_SECRET.encode() not in shown
    assert json.loads(run("show", "acme", "--json").stdout)["status"] == "connected"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("--tenant-id", "abc"), "tenant acme: tenant id must be"),
        (("--environment", "staging"), "tenant acme: environment must be one of production, integration, sandbox"),
        (("--timezone", "America/NewYork"), "did you mean America/New_York?"),
        (("--cadence", "sometimes"), "tenant acme: cadence must be one of nightly, weekly, monthly"),
        (("--client-id", "two words"), "client id must not contain spaces"),
        (("--client-secret-file", "/does/not/exist"), "cannot read /does/not/exist: No such file"),
        (("--client-secret-file", "/dev/null"), "/dev/null is empty"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_it_and_nothing_is_saved(
    add: Run, run: Run, change: tuple[str, str], message: str
) -> None:
    result = add("acme", "1001", *change, exit_code=1)
    assert message in result.stderr
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert run("list", "--json").stdout == "[]\n"


def test_a_wrong_key_or_a_taken_one_is_one_line(add: Run) -> None:
    assert "try acme-inc" in add("Acme Inc", exit_code=1).stderr
    assert "key all is reserved" in add("all", exit_code=1).stderr
    add()
    assert "tenant acme already exists" in add(exit_code=1).stderr
    assert "already registered as acme" in add("acme-2", exit_code=1).stderr


def test_an_unknown_tenant_is_one_line_for_every_command(add: Run, run: Run) -> None:
    add()
    for command in (["show"], ["check"], ["set", "--name", "x"], ["disable"], ["enable"], ["remove"], ["rotate"]):
        result = run(command[0], "acne", *command[1:], exit_code=1)
        assert result.stderr == "error: there is no tenant acne; did you mean acme?\n"


def test_the_list_is_a_table_for_people_and_json_for_machines(add: Run, run: Run) -> None:
    assert "No tenants yet" in run("list").stderr
    add()
    add("bolt", "1002")
    heading, first, second = run("list").stdout.splitlines()
    assert heading.startswith("KEY ")
    assert first.split()[0] == "acme"
    assert "connected" in first
    assert "not connected yet" in second
    assert [tenant["key"] for tenant in json.loads(run("list", "--json").stdout)] == ["acme", "bolt"]


def test_the_next_sync_is_told_and_is_the_one_that_the_schedule_would_start(add: Run, run: Run) -> None:
    add("acme", "1001", "--cadence", "Monthly 31 04:00 between 01:00 and 5:30", "--timezone", "America/New_York")
    add("bolt", "1002")
    heading, first, second = run("list").stdout.splitlines()
    assert heading.endswith("NEXT SYNC")
    assert first.split()[-1] in ("now", f"{_next_sync(run)['acme']:%H:%M}")
    assert second.split()[-1] == "-", "never was connected"
    assert json.loads(run("show", "acme", "--json").stdout)["next_sync_reason"] == "first"
    with postgres.connect(postgres.prepare(Settings.from_environment()), autocommit=True) as connection:
        sync_id = recorder.record_start(connection, "acme", None, datetime.now(UTC), full=False)
        recorder.record_finish(connection, sync_id, "acme", datetime.now(UTC), error=None, entities=(), calls=())
    shown, now = json.loads(run("show", "acme", "--json").stdout), datetime.now(UTC)
    state = State(connected_since=now, last_success_due=now)
    due = next_sync(parse(shown["cadence"]), "America/New_York", state, now, "acme")
    assert due
    assert shown["cadence"] == "monthly 31 04:00 between 01:00 and 05:30"
    assert (shown["next_sync"], shown["next_sync_reason"]) == (due.at.isoformat(), "regular")
    assert f"next sync         {due.at.isoformat()}" in run("show", "acme").stdout
    assert run("list").stdout.splitlines()[1].endswith(f"{due.at:%Y-%m-%d %H:%M}")
    run("set", "acme", "--cadence", "paused")
    assert _next_sync(run)["acme"] is None


def _next_sync(run: Run) -> dict[str, datetime | None]:
    tenants = json.loads(run("list", "--json").stdout)
    return {one["key"]: one["next_sync"] and datetime.fromisoformat(one["next_sync"]) for one in tenants}


def test_show_tells_everything_but_secrets(add: Run, run: Run) -> None:
    add()
    shown = run("show", "acme").stdout
    for line in (
        "timezone          UTC",
        "client id         …1234",
        "app key           shared",
        "enabled           yes",
    ):
        assert line in shown
    assert "tn.crm.customers:r" in shown


def test_check_notes_what_it_finds_and_fails_when_not_connected(add: Run, run: Run, sandbox: Sandbox) -> None:
    add("bolt", "1002")
    assert "not connected yet" in run("check", "bolt", exit_code=1).stdout
    sandbox.connect(1002)
    try:
        assert run("check", "bolt").stdout == "bolt: connected\n"
    finally:
        sandbox.connect(1002, connected=False)
    checked = json.loads(run("check", "bolt", "--json", exit_code=1).stdout)
    assert checked["status"] == "refused"
    assert checked["granted_scopes"]


def test_set_changes_what_is_given(add: Run, run: Run) -> None:
    add("acme", "1001", "--trade", "Plumbing", "--company-code", "SM1")
    changed = json.loads(run("set", "acme", "--timezone", "America/Denver", "--trade", "", "--json").stdout)
    assert (changed["timezone"], changed["trade"], changed["company_code"]) == ("America/Denver", None, "SM1")
    assert changed["updated_at"] > changed["created_at"]
    assert "nothing to change for acme" in run("set", "acme", exit_code=1).stderr


def test_another_environment_or_account_is_a_second_tenant(add: Run, run: Run) -> None:
    add()
    for change in (("--environment", "production"), ("--tenant-id", "7")):
        assert "register the other account as a new tenant" in run("set", "acme", *change, exit_code=1).stderr


def test_rotate_replaces_the_secret_and_tries_it(add: Run, run: Run, tmp_path: Path, secret_file: str) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("cs1.wrong")
    assert "not connected yet" in add("acme", "1001", "--client-secret-file", str(wrong)).stdout
    result = run("rotate", "acme", "--client-secret-file", secret_file)
    assert result.stdout == "acme (sandbox account 1001) has new credentials.\nacme: connected\n"


def test_rotate_gives_and_drops_an_app_key_without_asking_for_the_secret(add: Run, run: Run, tmp_path: Path) -> None:
    add()
    wrong = tmp_path / "app-key"
    wrong.write_text("ak1.wrong")
    rotated = json.loads(run("rotate", "acme", "--app-key-file", str(wrong), "--json").stdout)
    assert rotated["status"] == "refused"
    assert "app key" in rotated["status_detail"]
    assert json.loads(run("rotate", "acme", "--shared-app-key", "--json").stdout)["status"] == "connected"


def test_rotate_says_what_does_not_go_together(run: Run) -> None:
    assert "specify a tenant's KEY" in run("rotate", exit_code=1).stderr
    assert "applies to all tenants" in run("rotate", "acme", "--vault", exit_code=1).stderr
    both = run("rotate", "acme", "--shared-app-key", "--app-key-file", "x", exit_code=1)
    assert "use either --shared-app-key or --app-key-file" in both.stderr


def test_rotating_the_vault_leaves_only_the_newest_key_in_use(add: Run, run: Run, home: Path) -> None:
    add()
    keys = home / "secret.key"
    before = keys.read_text()
    told = json.loads(run("rotate", "--vault", "--json").stdout)
    assert told == {"tenants": 1, "keys": str(keys)}
    newest = keys.read_text().splitlines()[0]
    assert newest not in before
    keys.write_text(newest)
    assert run("check", "acme").stdout == "acme: connected\n"


def test_a_lost_vault_key_is_said_with_the_file_to_look_at(add: Run, run: Run, home: Path) -> None:
    add()
    keys = home / "secret.key"
    kept = keys.read_text()
    keys.unlink()
    try:
        assert f"{keys} is missing" in run("check", "acme", exit_code=1).stderr
        keys.touch()
        keys.chmod(0o644)
        assert f"chmod 600 {keys}" in run("list", exit_code=1).stderr
    finally:
        keys.write_text(kept)
        keys.chmod(0o600)
    run("check", "acme")


def test_disable_and_enable_go_back_and_forth(add: Run, run: Run) -> None:
    add()
    assert json.loads(run("disable", "acme", "--json").stdout)["enabled"] is False
    assert "disabled" in run("disable", "acme").stdout
    assert json.loads(run("enable", "acme", "--json").stdout)["enabled"] is True


def test_remove_forgets_the_tenant_and_says_that_data_stays(add: Run, run: Run) -> None:
    add()
    assert run("remove", "acme").stdout == "acme (sandbox account 1001) removed; its data is kept.\n"
    assert run("list", "--json").stdout == "[]\n"


def test_files_of_servicepytan_and_titanpy_are_imported(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "credentials.json"
    acme = {"CLIENT_ID": CLIENT_ID, "CLIENT_SECRET": CANARY_SECRET, "APP_KEY": CANARY_APP_KEY, "TENANT_ID": "1001"}
    bolt = {
        "SERVICETITAN_CLIENT_ID": "cid.bolt",
        "SERVICETITAN_CLIENT_SECRET": CANARY_SECRET,
        "SERVICETITAN_TENANT_ID": 1002,
        "SERVICETITAN_API_ENVIRONMENT": "sandbox",
    }
    file.write_text(json.dumps({"Acme Plumbing": acme, "Bolt": bolt}))
    imported = json.loads(run("import", str(file), "--environment", "sandbox", "--json").stdout)
    assert [(t["key"], t["status"]) for t in imported] == [("acme-plumbing", "connected"), ("bolt", "not_connected")]


def test_an_import_is_all_or_nothing(add: Run, run: Run, tmp_path: Path) -> None:
    add("bolt", "1002")
    entry = {"CLIENT_ID": CLIENT_ID, "CLIENT_SECRET": CANARY_SECRET, "TENANT_ID": "1001"}
    for second, message in (
        (entry | {"TENANT_ID": "7", "CLIENT_SECRET": ""}, "CLIENT_SECRET missing"),
        (entry | {"TENANT_ID": "7", "KEY": "bolt"}, "tenant bolt already exists"),
    ):
        result = run("import", "-", exit_code=1, typed=json.dumps([entry, second]))
        assert message in result.stderr
        assert [tenant["key"] for tenant in json.loads(run("list", "--json").stdout)] == ["bolt"]


def test_without_a_file_the_variables_are_imported(run: Run, monkeypatch: pytest.MonkeyPatch, secret_file: str) -> None:
    assert "SERVICETITAN_CLIENT_ID, SERVICETITAN_CLIENT_SECRET" in run("import", exit_code=1).stderr
    monkeypatch.setenv("SERVICETITAN_CLIENT_ID", CLIENT_ID)
    monkeypatch.setenv("SERVICETITAN_CLIENT_SECRET_FILE", secret_file)
    monkeypatch.setenv("SERVICETITAN_TENANT_ID", "1001")
    monkeypatch.setenv("SERVICETITAN_API_ENVIRONMENT", "sandbox")
    assert run("import", "--key", "acme").stdout == "acme (sandbox account 1001) imported.\nacme: connected\n"


def test_a_database_out_of_reach_is_one_line_without_its_password(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ST_PIPELINE_DSN", f"postgresql://me:{CANARY_SECRET}@127.0.0.1:9/warehouse")
    assert "check ST_PIPELINE_DSN" in run("list", exit_code=1).stderr


def test_no_row_and_no_file_of_the_home_holds_a_secret(add: Run, run: Run, home: Path) -> None:
    add()
    run("check", "acme")
    add("bolt", "1002")
    database = postgres.prepare(Settings.from_environment())
    with postgres.connect(database, autocommit=True) as connection:
        connection.execute("checkpoint")  # what the server holds in memory goes to the files searched here
    searched = 0
    for file in [file for file in home.rglob("*") if file.is_file()]:
        try:
            content = file.read_bytes()
        except FileNotFoundError:  # a server at work throws files away
            continue
        searched += CLIENT_ID.encode() in content
        assert CANARY_SECRET.encode() not in content, file
        assert CANARY_APP_KEY.encode() not in content, file
    assert searched, "the search looks at the files that hold the rows"
