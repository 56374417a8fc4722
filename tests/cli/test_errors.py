"""How failures are shown on the command line."""

from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner

from st_pipeline.cli.errors import EXPECTED, CommandRefused, Commands
from st_pipeline.postgres import PostgresError
from st_pipeline.servicetitan.errors import ScopeMissing, Unavailable
from st_pipeline.tenants.errors import FieldInvalid, VaultLocked


def failing(error: Exception) -> typer.Typer:
    """A program with one group of commands, of which one fails."""
    group = typer.Typer(cls=Commands)

    @group.command()
    def fail() -> None:
        raise error

    @group.command()
    def succeed() -> None:
        typer.echo("done")

    program = typer.Typer(cls=Commands)
    program.add_typer(group, name="group")
    return program


@pytest.mark.parametrize(
    "error",
    [
        CommandRefused("give a key"),
        PostgresError("give a key"),
        VaultLocked("give a key"),
        FieldInvalid("give", "a key"),
    ],
)
def test_what_is_expected_is_one_line_on_standard_error_and_status_1(error: Exception) -> None:
    result = CliRunner().invoke(failing(error), ["group", "fail"])
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", "error: give a key\n")


def test_errors_of_the_api_are_expected_whatever_their_kind() -> None:
    for error in (
        ScopeMissing("no", scope="tn.x:r", tenant="acme", entity="crm_customers", status=403),
        Unavailable("no", tries=3, seconds=1, tenant="acme", entity="crm_customers"),
    ):
        result = CliRunner().invoke(failing(error), ["group", "fail"])
        assert result.stderr == "error: acme/crm_customers: no\n"


def test_an_expected_error_without_words_is_called_by_its_name() -> None:
    assert CliRunner().invoke(failing(CommandRefused()), ["group", "fail"]).stderr == "error: CommandRefused\n"


def test_a_fault_of_ours_keeps_its_traceback() -> None:
    result = CliRunner().invoke(failing(ZeroDivisionError("ours")), ["group", "fail"])
    assert isinstance(result.exception, ZeroDivisionError)
    assert ZeroDivisionError not in EXPECTED


def test_a_command_that_succeeds_and_a_wrong_option_are_left_alone() -> None:
    program = failing(ZeroDivisionError())
    assert CliRunner().invoke(program, ["group", "succeed"]).stdout == "done\n"
    assert CliRunner().invoke(program, ["group", "succeed", "--nonsense"]).exit_code == 2
