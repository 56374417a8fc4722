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
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path

import psutil
import pytest

from st_pipeline.cli import leftovers
from st_pipeline.cli.serving import addressed
from st_pipeline.settings import PROJECT_ROOT, Settings
from tests.support.homes import empty_home
from tests.support.ports import free_port
from tests.support.waiting import wait_for

COMMAND = str(Path(sys.executable).with_name("st-pipeline"))


@pytest.fixture
def home() -> Iterator[Path]:
    folder = empty_home("up")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def start(home: Path, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [COMMAND, *arguments],
        env={**os.environ, "ST_PIPELINE_HOME": str(home), **variables},
        cwd=PROJECT_ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


@dataclass(frozen=True)
class Operator:
    """Someone who is signed in to the portal, and so to the Dagster UI."""

    port: int
    cookie: str

    def graphql(self, query: str) -> dict:
        return graphql(self.port, query, self.cookie)

    def partitions(self) -> set[str]:
        query = '{assetNodeOrError(assetKey: {path: ["raw", "crm_customers"]}) {... on AssetNode {partitionKeys}}}'
        return set(self.graphql(query)["assetNodeOrError"]["partitionKeys"])


def graphql(port: int, query: str, cookie: str = "") -> dict:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        json.dumps({"query": query}).encode(),
        {"Content-Type": "application/json", "Cookie": cookie},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["data"]


def sign_in(home: Path, port: int, portal_port: int) -> Operator:
    """As README.md says: an account from the command line, then the portal's form."""
    subprocess.run(
        [COMMAND, "users", "add", "ann", "--password-file", "-"],
        env={**os.environ, "ST_PIPELINE_HOME": str(home)}, input="correct horse battery", text=True, check=True,
    )  # fmt: skip
    jar = CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    with browser.open(f"http://127.0.0.1:{portal_port}/sign-in", timeout=60) as answer:
        (token,) = re.findall(r'name="form_token" value="([0-9a-f]+)"', answer.read().decode())
    form = {"form_token": token, "name": "ann", "password": "correct horse battery", "next": "/"}
    browser.open(f"http://127.0.0.1:{portal_port}/sign-in", urllib.parse.urlencode(form).encode(), timeout=60).close()
    return Operator(port, "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar))


@pytest.mark.acceptance
def test_up_serves_assets_and_tenants_and_ends_all_of_it(home: Path) -> None:
    port, portal_port = free_port(), free_port()
    url = f"http://127.0.0.1:{free_port()}"
    ports = ["--port", str(port), "--portal-port", str(portal_port)]
    process = start(home, "up", "--sandbox", *ports, ST_PIPELINE_SANDBOX_URL=url)
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
        with pytest.raises(urllib.error.HTTPError, match="401"):
            graphql(port, "{version}")
        operator = sign_in(home, port, portal_port)
        nodes = operator.graphql("{assetNodes {assetKey {path} groupName}}")["assetNodes"]
        assert ["legacy", "invoices_stream"] in [node["assetKey"]["path"] for node in nodes]
        # The daemon's sensor brings the registry's tenants within its ten seconds.
        wanted = {"lone-star", "bluebonnet", "hill-country"}
        wait_for("the tenants of the registry", lambda: operator.partitions() == wanted, process)
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
    # As in another terminal with the same settings.
    subprocess.run([COMMAND, *allow[0].split()], env=environment, check=True)
    checked = subprocess.run(
        [COMMAND, "tenants", "check", "pecan", "--json"], env=environment, text=True, capture_output=True, check=True
    )
    assert '"connected"' in checked.stdout


def test_a_port_that_is_taken_is_named_before_anything_starts(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = start(home, "up", "--port", str(taken.getsockname()[1]))
        said, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "choose another --port" in said
    assert not (home / "postgres").exists()


@pytest.mark.parametrize(
    ("host", "portal_url", "dagster_url"),
    [
        ("127.0.0.1", "http://127.0.0.1:4001", "http://127.0.0.1:4000"),
        ("0.0.0.0", "http://127.0.0.1:4001", "http://127.0.0.1:4000"),
        ("::1", "http://[::1]:4001", "http://[::1]:4000"),
        ("box", "http://box:4001", "http://box:4000"),
    ],
)
def test_links_lead_to_the_ports_that_were_given(host: str, portal_url: str, dagster_url: str) -> None:
    settings = addressed(Settings.from_environment({}), host, 4000, 4001)
    assert (settings.portal_url, settings.dagster_url) == (portal_url, dagster_url)


def test_an_address_that_was_set_stays() -> None:
    environment = {"ST_PIPELINE_PORTAL_URL": "https://a.test", "ST_PIPELINE_DAGSTER_URL": "https://a.test:8443"}
    settings = addressed(Settings.from_environment(environment), "127.0.0.1", 4000, 4001)
    assert (settings.portal_url, settings.dagster_url) == ("https://a.test", "https://a.test:8443")


@pytest.mark.acceptance
def test_the_next_one_ends_what_a_killed_one_left_and_two_interruptions_leave_nothing(home: Path) -> None:
    ports = ["--port", str(free_port()), "--portal-port", str(free_port())]
    killed = start(home, "up", *ports)
    until(killed, "Ctrl-C")
    killed.kill()
    killed.wait()
    assert killed.stdout
    killed.stdout.close()
    left = leftovers.left_behind(home)
    assert len(left) >= 3, "the Dagster UI, the daemon and the portal"
    process = start(home, "up", *ports)
    try:
        said = until(process, "Ctrl-C")
        assert "processes that an earlier st-pipeline up left running" in said
        assert not psutil.wait_procs(left, timeout=60)[1]
        second = start(home, "up")
        assert "already running" in second.communicate(timeout=120)[0]
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 0
    assert leftovers.left_behind(home) == []
    assert not [p for p in psutil.process_iter(["cmdline"]) if str(home) in " ".join(p.info["cmdline"] or [])]


def until(process: subprocess.Popen[str], words: str) -> str:
    """What it says up to the line with these words."""
    assert process.stdout
    said = ""
    for line in process.stdout:
        said += line
        if words in line:
            return said
    raise AssertionError(said)
