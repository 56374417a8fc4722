"""main.py: the commands that exist are the ones the README tells of, and each can be asked for help."""

from __future__ import annotations

import re
from importlib.metadata import version

import pytest
from typer.testing import CliRunner

from st_pipeline.cli.main import app
from st_pipeline.settings import PROJECT_ROOT

README = (PROJECT_ROOT / "README.md").read_text()
COMMANDS = sorted(command.callback.__name__ for command in app.registered_commands if command.callback)
GROUPS = sorted(group.name for group in app.registered_groups if group.name)


@pytest.mark.parametrize("command", [*COMMANDS, *GROUPS])
def test_every_command_is_in_the_readme_and_explains_itself(command: str) -> None:
    assert f"`st-pipeline {command}" in README
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert len(result.output.split()) > 5


def test_every_command_the_readme_names_exists() -> None:
    told = set(re.findall(r"(?:`|bin/)st-pipeline ([a-z]+)", README))
    assert told <= {*COMMANDS, *GROUPS}


def test_every_make_target_the_readme_names_exists() -> None:
    makefile = (PROJECT_ROOT / "Makefile").read_text()
    for target in set(re.findall(r"`?make ([a-z]+)", README)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_every_variable_that_is_read_is_in_the_example() -> None:
    read = set(
        re.findall(r'"((?:ST_PIPELINE|SERVICETITAN)_[A-Z_]+)"', (PROJECT_ROOT / "st_pipeline/settings.py").read_text())
    )
    example = (PROJECT_ROOT / ".env.example").read_text()
    assert read
    assert {name for name in read if f"#{name}=" not in example} == set()


def test_the_version_is_that_of_the_package() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"st-pipeline {version('st-pipeline')}\n")
