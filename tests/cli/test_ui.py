"""cli/ui.py: the Dagster UI alone, as a process that serves until it is stopped."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from st_pipeline.postgres import Database
from st_pipeline.settings import PROJECT_ROOT

COMMAND = str(Path(sys.executable).with_name("st-pipeline"))


def ask(url: str, query: str) -> int:
    request = urllib.request.Request(f"{url}/graphql", query.encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize(("options", "status"), [([], 401), (["--open"], 200)])
def test_it_lets_in_those_who_are_signed_in_or_everyone_if_told_so(
    warehouse: Database, tmp_path: Path, options: list[str], status: int
) -> None:
    environment = {
        "ST_PIPELINE_HOME": str(tmp_path),
        "ST_PIPELINE_DSN": warehouse.url().reveal(),
        "ST_PIPELINE_DAGSTER_DSN": warehouse.with_name("cli_ui").url().reveal(),
        "ST_PIPELINE_SECRET_KEYS": Fernet.generate_key().decode(),
        "PYTHONUNBUFFERED": "1",
    }
    with subprocess.Popen(
        [COMMAND, "ui", "--port", "0", *options], env={**os.environ, **environment}, cwd=PROJECT_ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            assert process.stdout
            lines = []
            while not (found := re.search(r"running on (http://127\.0\.0\.1:\d+)", lines[-1] if lines else "")):
                lines.append(process.stdout.readline())
                assert lines[-1], "".join(lines)
            assert ask(found[1], '{"query": "{version}"}') == status
            process.send_signal(signal.SIGINT)
            rest, _ = process.communicate()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, rest
    assert "Stopped.\n" in rest
    assert ("every user of this machine" in rest) is bool(options)
