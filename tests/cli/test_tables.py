"""cli/tables.py: what a sync did and the rows of a query, as they are on a screen or in a log."""

from __future__ import annotations

from dataclasses import replace

import pytest

from st_pipeline.cli import tables
from st_pipeline.history.run_results import EntityStatus
from st_pipeline.steps.step import Do, Step, Steps

CUSTOMERS = EntityStatus("acme", "crm_customers", "succeeded", 1234, 1200, 1190, 10, 2, 3, 4.56, None, None, ())
JOBS = replace(
    CUSTOMERS, entity="jpm_jobs", outcome="failed", fetched=0, detail="acme/jpm_jobs: no answer",
    steps=(Step(Do.SYNC, "jpm_jobs"),),
)  # fmt: skip
Ended = tuple[int, str, str | None, str | None, Steps]


def shown(capsys: pytest.CaptureFixture[str], tenants: list[Ended], entities: list[EntityStatus]) -> list[str]:
    tables.sync_report(tenants, entities)
    return [line.strip() for line in capsys.readouterr().out.splitlines()]


def cells(lines: list[str], name: str) -> list[str]:
    (line,) = [line for line in lines if f" {name} " in line and "│" in line]
    return [cell.strip() for cell in line.strip()[1:-1].split("│")]


def test_each_entity_has_a_row_with_its_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, [(1, "acme", "succeeded", None, ())], [CUSTOMERS])
    assert cells(lines, "crm_customers") == [
        "acme", "crm_customers", "1,234", "1,200", "1,190", "10", "2", "3", "4.6", "succeeded",
    ]  # fmt: skip
    assert lines[-1] == "acme: succeeded"


def test_a_failed_tenant_says_why_and_each_step_once(capsys: pytest.CaptureFixture[str]) -> None:
    step = Step(Do.SYNC, "jpm_jobs")
    lines = shown(capsys, [(1, "acme", "failed", "no answer", (step,))], [CUSTOMERS, JOBS])
    assert "acme: failed - no answer" in lines
    (advice,) = [line for line in lines if line.startswith("What to do: ")]
    assert advice.count("st-pipeline sync acme") == 1


def test_steps_of_another_tenant_and_of_what_succeeded_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    fine = replace(CUSTOMERS, steps=(Step(Do.FULL_REFRESH),))
    other = replace(JOBS, tenant="bolt")
    lines = shown(capsys, [(1, "acme", "succeeded", None, ())], [fine, other])
    assert not [line for line in lines if line.startswith("What to do: ")]


def test_what_could_not_be_judged_is_said_below_and_a_failure_only_once(capsys: pytest.CaptureFixture[str]) -> None:
    fewer = replace(CUSTOMERS, detail="crm_customers: fewer records than before")
    lines = shown(capsys, [(1, "acme", "failed", JOBS.detail, ())], [fewer, JOBS])
    assert lines[-1] == "crm_customers: fewer records than before"
    assert sum("no answer" in line for line in lines) == 1


@pytest.mark.parametrize(
    ("outcome", "words"), [(None, "running or killed"), ("not_granted", "not granted"), ("succeeded", "succeeded")]
)
def test_without_entities_there_is_only_how_each_tenant_ended(
    outcome: str | None, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shown(capsys, [(1, "acme", outcome, None, ())], []) == [f"acme: {words}"]


def test_texts_of_others_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    error = "the field [bold]name[/] is [red]none"
    lines = shown(capsys, [(1, "acme", "failed", error, ())], [replace(CUSTOMERS, detail=error)])
    assert f"acme: failed - {error}" in lines
    assert lines[-1] == error


def test_rows_of_a_query_are_cut_to_the_widest_and_none_is_empty(capsys: pytest.CaptureFixture[str]) -> None:
    tables.query("Invoices", ("id", "name"), [(1, "x" * 28), (2, "y" * 29), (3, None)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].strip() == "Invoices"
    assert [cells(lines, str(number))[1] for number in (1, 2, 3)] == ["x" * 28, "y" * 27 + "…", ""]


def test_values_of_a_query_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    tables.query("Names", ("name",), [("[bold]Acme[/bold]",)])
    assert "[bold]Acme[/bold]" in capsys.readouterr().out


def test_a_log_has_room_for_all_columns_whatever_its_width(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    lines = shown(capsys, [], [replace(CUSTOMERS, tenant="a-tenant-with-a-long-key")])
    assert cells(lines, "crm_customers")[0] == "a-tenant-with-a-long-key"
