"""commands.py: commands that can be typed as they stand."""

from __future__ import annotations

import pytest
from typer.main import get_command

from st_pipeline.cli.main import app
from st_pipeline.steps.commands import command_words, with_commands
from st_pipeline.steps.step import Do, Step


def test_a_sync_names_its_tenant_and_its_entity() -> None:
    assert command_words([Step(Do.SYNC)], "acme") == "Run st-pipeline sync acme."
    assert command_words([Step(Do.SYNC, "jpm_jobs")], "acme") == "Run st-pipeline sync acme --entity jpm_jobs."


def test_a_problem_without_steps_stays_as_it_is() -> None:
    assert with_commands("acme is disabled", ()) == "acme is disabled"
    assert with_commands("acme is disabled", [Step(Do.ENABLE)], "acme").startswith("acme is disabled. To turn")


@pytest.mark.parametrize("do", Do)
def test_every_command_that_is_named_exists(do: Do) -> None:
    _, named, rest = command_words([Step(do, "crm_customers")], "acme").partition("st-pipeline ")
    if not named:
        return
    command = get_command(app)
    for name in rest.split():
        found = getattr(command, "commands", {}).get(name.strip(".,)"))
        if found is None:
            break
        command = found
    assert command.name and not getattr(command, "commands", None), rest
