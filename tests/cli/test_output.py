"""cli/output.py: what commands write to standard output, for people and as JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from st_pipeline.alerting.incidents import Closed, Incident
from st_pipeline.cli import output
from st_pipeline.rules.findings import Severity
from st_pipeline.steps.step import Do, Step
from st_pipeline.tenants.fields import Environment
from st_pipeline.tenants.model import Status, Tenant
from tests.support.past import HOUR, NOW

ACME = Tenant(
    "acme", "Acmé", 1, Environment.SANDBOX, None, None, "UTC", "nightly", True, Status.CONNECTED, "connected",
    NOW, NOW, NOW, frozenset({"tn.b:r", "tn.a:r"}), NOW, NOW,
)  # fmt: skip
BOLT = replace(ACME, key="bolt", tenant_id=2, status=Status.UNREACHABLE, status_detail="no answer")
INCIDENT = Incident(
    7, "stale|acme|", "stale", "acme", None, Severity.NOW, "Its data is old", (Step(Do.SYNC), Step(Do.VIEW_SYNCS)),
    "http://portal", NOW - HOUR, NOW, NOW,
)  # fmt: skip


def test_json_is_one_document_with_letters_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    output.json_({"name": "Acmé", "none": None})
    said = capsys.readouterr().out
    assert json.loads(said) == {"name": "Acmé", "none": None}
    assert "Acmé" in said


@pytest.mark.parametrize(("texts", "said"), [(["one", "two"], "one\ntwo\n"), ([], "\n")])
def test_lines_are_written_as_they_are(texts: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    output.lines(texts)
    assert capsys.readouterr().out == said


@pytest.mark.parametrize(
    ("done", "with_state", "said"),
    [
        ("added", True, ["acme (sandbox account 1) added.", "acme: connected",
                         "bolt (sandbox account 2) added.", "bolt: ServiceTitan not responding. no answer"]),
        ("removed", False, ["acme (sandbox account 1) removed.", "bolt (sandbox account 2) removed."]),
        (None, True, ["acme: connected", "bolt: ServiceTitan not responding. no answer"]),
    ],
)  # fmt: skip
def test_people_read_what_was_done_to_each_tenant_and_its_state(
    done: str | None, with_state: bool, said: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    output.tenants(done, [ACME, BOLT], as_json=False, with_state=with_state)
    assert capsys.readouterr().out.splitlines() == said


def test_machines_read_a_list_of_tenants_or_the_only_one(capsys: pytest.CaptureFixture[str]) -> None:
    output.tenants("added", [ACME, BOLT], as_json=True)
    assert [tenant["key"] for tenant in json.loads(capsys.readouterr().out)] == ["acme", "bolt"]
    output.tenants("added", [], as_json=True)
    assert json.loads(capsys.readouterr().out) == []
    output.tenants("added", [ACME], as_json=True, one=True)
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (said["key"], said["status"], said["granted_scopes"]) == ("acme", "connected", ["tn.a:r", "tn.b:r"])


def test_encryption_says_how_many_tenants_and_where_the_keys_are(capsys: pytest.CaptureFixture[str]) -> None:
    output.encryption(3, "/home/keys", as_json=True)
    assert json.loads(capsys.readouterr().out) == {"tenants": 3, "keys": "/home/keys"}
    output.encryption(3, "/home/keys", as_json=False)
    said = capsys.readouterr().out
    assert "3 tenants" in said
    assert "/home/keys" in said
    assert said.count("\n") == 1


def test_an_incident_for_machines_has_its_steps_as_data_and_as_commands(capsys: pytest.CaptureFixture[str]) -> None:
    output.json_(output.incident_as_json(INCIDENT))
    facts = json.loads(capsys.readouterr().out)
    assert facts["steps"] == [{"do": "sync"}, {"do": "view_syncs"}]
    assert facts["advice"].startswith("Run st-pipeline sync acme.")
    assert facts["since"] == (NOW - HOUR).isoformat()
    assert (facts["severity"], facts["entity"], facts["closed_at"], facts["closed_because"]) == (
        "now",
        None,
        None,
        None,
    )


def test_an_incident_that_is_over_says_when_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    over = replace(INCIDENT, steps=(), closed_at=NOW, closed_because=Closed.RECOVERED)
    output.json_(output.incident_as_json(over))
    facts = json.loads(capsys.readouterr().out)
    assert (facts["closed_at"], facts["closed_because"]) == (NOW.isoformat(), "recovered")
    assert (facts["steps"], facts["advice"]) == ([], "")
