"""sandbox.py: the sandbox as a process that says who it knows, and the command that plays an administrator."""

from __future__ import annotations

import http.server
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from typer.testing import CliRunner, Result

from st_pipeline.cli.main import app
from st_pipeline.sandbox import Account, Sandbox, Size

COMMAND = str(Path(sys.executable).with_name("st-pipeline"))
ACCOUNT = Account(31, "cid.one", "cs1.one", "ak1.one", size=Size(customers=3, invoices=3), connected=False)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox([ACCOUNT]) as sandbox:
        yield sandbox


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["sandbox", *arguments], catch_exceptions=False)


def signs_in(url: str, client_id: str, client_secret: str) -> bool:
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
    return requests.post(f"{url}/connect/token", data=form, timeout=60).ok


def test_it_names_its_accounts_and_one_that_is_not_connected_is_allowed_by_the_command_it_shows() -> None:
    process = subprocess.Popen(
        [COMMAND, "sandbox", "--port", "0", "--customers", "5", "--invoices", "5"], text=True, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout
        said = process.stdout.readline()
        url = said.split(" on ")[1].split(";")[0]
        for line in process.stdout:
            said += line
            if "sandbox allow 1005" in line:
                break
        with urllib.request.urlopen(f"{url}/_sandbox/state", timeout=60) as answer:
            accounts = json.load(answer)["accounts"]
        assert [one["tenant_id"] for one in accounts] == [1001, 1002, 1003, 1004, 1005]
        assert re.findall(r"tenant id (\d+), .*, not connected yet$", said, re.MULTILINE) == ["1003", "1005"]
        client_id, secret = re.findall(r"tenant id 1005, client id (\S+), client secret (\S+),", said)[0]
        assert not signs_in(url, client_id, secret)
        shown = said.rpartition(".venv/bin/st-pipeline ")[2].split()
        done = subprocess.run([COMMAND, *shown], text=True, capture_output=True, check=True)
        assert done.stdout == f"Account 1005 in the sandbox on {url} now allows the app.\n"
        assert signs_in(url, client_id, secret)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


def test_without_an_address_it_is_the_sandbox_of_the_settings(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ST_PIPELINE_SANDBOX_URL", sandbox.url)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    for _ in range(2):  # as often as anybody likes
        assert run("allow", "31").exit_code == 0
    assert [account.connected for account in sandbox.accounts] == [True]


def test_an_account_that_there_is_not_is_said(sandbox: Sandbox) -> None:
    result = run("allow", "32", "--url", sandbox.url)
    assert result.exit_code == 1
    assert result.stderr == f"error: the sandbox on {sandbox.url} has no account with tenant id 32\n"
    assert [account.connected for account in sandbox.accounts] == [False]


def test_where_no_sandbox_is_the_command_says_how_to_have_one() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        result = run("allow", "31", "--url", f"http://127.0.0.1:{probe.getsockname()[1]}")
    assert result.exit_code == 1
    assert "st-pipeline up --sandbox" in result.stderr
    assert "must look like http://" in run("allow", "31", "--url", "file:///etc").stderr


def test_who_is_no_sandbox_is_not_taken_for_one() -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as other:
        threading.Thread(target=other.handle_request, daemon=True).start()
        result = run("allow", "31", "--url", f"http://127.0.0.1:{other.server_port}")
    assert result.exit_code == 1
    assert "is not a sandbox" in result.stderr
