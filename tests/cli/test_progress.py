"""cli/progress.py: a bar for each tenant on a terminal, and nothing anywhere else."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from st_pipeline.cli.progress import sync_progress

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard error is written as to a wide terminal."""
    for name, value in (("FORCE_COLOR", "1"), ("TERM", "xterm-256color"), ("COLUMNS", "200")):
        monkeypatch.setenv(name, value)


def last_lines(errors: str) -> dict[str, str]:
    """The last line of each tenant, by its key."""
    lines = [line.split() for line in re.split(r"[\r\n]+", ESCAPES.sub("", errors)) if line.strip()]
    return {words[0]: " ".join(words[1:]) for words in lines}


@pytest.mark.usefixtures("terminal")
def test_each_tenant_has_a_bar_with_its_entities_and_records(capsys: pytest.CaptureFixture[str]) -> None:
    with sync_progress(3) as report:
        for stage, records in (("fetched", 1000), ("fetched", 500), ("loaded", 700), ("done", 0)):
            report("acme", "crm_customers", stage, records)
        report("acme", "jpm_jobs", "done", 0)
        report("bolt", "crm_customers", "fetched", 5)
    said = capsys.readouterr()
    lines = last_lines(said.err)
    assert said.out == "", "standard output is for results"
    assert lines.keys() == {"acme", "bolt"}
    assert "2/3 1,500 fetched, 700 loaded" in lines["acme"]
    assert "0/3 5 fetched, 0 loaded" in lines["bolt"]


@pytest.mark.usefixtures("terminal")
def test_reports_of_many_threads_add_up(capsys: pytest.CaptureFixture[str]) -> None:
    with sync_progress(400) as report, ThreadPoolExecutor(8) as pool:
        for number in range(400):
            pool.submit(report, f"tenant-{number % 2}", f"entity-{number}", "fetched", 3)
            pool.submit(report, f"tenant-{number % 2}", f"entity-{number}", "done", 0)
    lines = last_lines(capsys.readouterr().err)
    assert lines.keys() == {"tenant-0", "tenant-1"}
    assert all("200/400 600 fetched, 0 loaded" in line for line in lines.values())


@pytest.mark.usefixtures("terminal")
def test_not_shown_it_is_silent_on_a_terminal_too(capsys: pytest.CaptureFixture[str]) -> None:
    with sync_progress(1, shown=False) as report:
        report("acme", "crm_customers", "fetched", 1)
    assert capsys.readouterr() == ("", "")


def test_where_no_one_watches_it_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with sync_progress(1) as report:
        for stage in ("fetched", "loaded", "done"):
            report("acme", "crm_customers", stage, 1)
    assert capsys.readouterr() == ("", "")
