"""serving.py: ``up`` as a person uses it, a process that serves the UI and ends all of it when told to."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from st_pipeline.cli import serving
from st_pipeline.cli.errors import CommandRefused
from st_pipeline.settings import PROJECT_ROOT
from tests.support.homes import empty_home
from tests.support.ports import free_port
from tests.support.waiting import wait_for

COMMAND = str(Path(sys.executable).with_name("st-pipeline"))


@pytest.fixture
def home() -> Iterator[Path]:
    folder = empty_home("up")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def start(home: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [COMMAND, *arguments],
        env={**os.environ, "ST_PIPELINE_HOME": str(home)},
        cwd=PROJECT_ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def graphql(port: int, query: str) -> dict:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        json.dumps({"query": query}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["data"]


@pytest.mark.acceptance
def test_up_serves_assets_and_tenants_and_ends_all_of_it(home: Path) -> None:
    port, portal_port = free_port(), free_port()
    process = start(home, "up", "--sandbox", "--port", str(port), "--portal-port", str(portal_port))
    try:
        assert process.stdout
        said = []
        for line in process.stdout:
            said.append(line)
            if "Ctrl-C" in line:
                break
        assert process.poll() is None, "".join(said)
        assert "st-pipeline users add NAME" in "".join(said)
        with urllib.request.urlopen(f"http://127.0.0.1:{portal_port}/", timeout=60) as answer:
            assert "st-pipeline users add NAME" in answer.read().decode(), "the sign-in page says the same"
        nodes = graphql(port, "{assetNodes {assetKey {path} groupName}}")["assetNodes"]
        assert ["legacy", "invoices_stream"] in [node["assetKey"]["path"] for node in nodes]
        # The daemon's sensor brings the registry's tenants within its ten seconds.
        wanted = {"lone-star", "bluebonnet", "hill-country"}
        wait_for("the tenants of the registry", lambda: partitions(port) == wanted, process)
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) >= 3
        connect_by_what_is_said(home, "".join(said))
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)
    assert process.returncode == 0
    _, alive = psutil.wait_procs(children, timeout=60)
    assert not alive, f"still running: {alive}"
    left = [p for p in psutil.process_iter(["cmdline"]) if str(home) in " ".join(p.info["cmdline"] or [])]
    assert not left, "the server ends with the last who used it"


def test_a_server_that_stopped_is_named_with_what_it_said_last(tmp_path: Path) -> None:
    code = "import sys; print('starting'); print('port 3000 is taken'); print(); sys.exit(3)"
    process = serving._start(["python", "-c", code], dict(os.environ), tmp_path / "webserver.log")
    process.wait()
    with pytest.raises(CommandRefused, match=r"Dagster UI stopped with exit status 3 \(port 3000 is taken\); see "):
        serving._refuse_dead({"Dagster UI": process}, tmp_path)
    with pytest.raises(CommandRefused, match=r"dg dev stopped with exit status 3; see "):
        serving._refuse_dead({"dg dev": process}, tmp_path)


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
def test_what_a_program_leaves_behind_is_ended_too(monkeypatch: pytest.MonkeyPatch, number: str) -> None:
    """As Dagster's do, when a run is in the middle of its work."""
    monkeypatch.setattr(serving, "STOP_SECONDS", 2.0)
    child = f"import signal, time; signal.signal(signal.{number}, signal.SIG_IGN); print(flush=True); time.sleep(600)"
    parent = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(600)"
    with subprocess.Popen(
        [sys.executable, "-c", parent], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline(), "the child is there"
        left = psutil.Process(process.pid).children()
        assert len(left) == 1
        serving._stop([process])
    assert process.returncode in (-signal.SIGINT, -signal.SIGKILL)  # a busy machine may be too slow for the first
    assert not psutil.wait_procs(left, timeout=60)[1]


def connect_by_what_is_said(home: Path, said: str) -> None:
    """The accounts that are nobody's tenants, with nothing but what the screen says of them."""
    url = re.findall(r"Sandbox +(\S+);", said)[0]
    accounts = re.findall(r"tenant id (\d+), client id (\S+), client secret (\S+), app key ([^\s,]+)(.*)", said)
    assert [state for *_, state in accounts] == ["", ", not connected yet"]
    environment = {**os.environ, "ST_PIPELINE_HOME": str(home), "ST_PIPELINE_SANDBOX_URL": url}
    found = []
    for key, (tenant_id, client_id, secret, app_key, _) in zip(("cedar", "pecan"), accounts, strict=True):
        (home / "app_key").write_text(app_key)
        added = subprocess.run(
            [COMMAND, "tenants", "add", key, "--tenant-id", tenant_id, "--environment", "sandbox", "--client-id",
             client_id, "--client-secret-file", "-", "--app-key-file", str(home / "app_key"), "--json"],
            env=environment, input=secret, text=True, capture_output=True, check=True,
        )  # fmt: skip
        found.append(json.loads(added.stdout)["status"])
    assert found == ["connected", "not_connected"]
    allow = re.findall(r"\.venv/bin/st-pipeline (sandbox allow .*)", said)
    assert len(allow) == 1
    # As in another terminal, which knows of no sandbox but what it is told.
    subprocess.run([COMMAND, *allow[0].split()], env={**os.environ, "ST_PIPELINE_HOME": str(home)}, check=True)
    checked = subprocess.run(
        [COMMAND, "tenants", "check", "pecan", "--json"], env=environment, text=True, capture_output=True, check=True
    )
    assert '"connected"' in checked.stdout


def partitions(port: int) -> set[str]:
    query = '{assetNodeOrError(assetKey: {path: ["raw", "crm_customers"]}) {... on AssetNode {partitionKeys}}}'
    return set(graphql(port, query)["assetNodeOrError"]["partitionKeys"])


def test_a_port_that_is_taken_is_named_before_anything_starts(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = start(home, "up", "--port", str(taken.getsockname()[1]))
        said, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "choose another --port" in said
    assert not (home / "postgres").exists()
