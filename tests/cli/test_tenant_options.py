"""cli/tenant_options.py: the shared options, as commands receive them, and the examples in their help."""

from __future__ import annotations

import json
import re
from typing import Any, get_args

import pytest
import typer
from typer.testing import CliRunner, Result

from st_pipeline.cli.tenant_options import (
    AppKeyFile,
    AsJson,
    Cadence,
    ClientSecretFile,
    CompanyCode,
    Key,
    Name,
    Timezone,
    Trade,
)
from st_pipeline.tenants.cadence_parsing import parse
from st_pipeline.tenants.model import new_tenant

OPTIONS = ("client-secret-file", "app-key-file", "name", "company-code", "trade", "timezone", "cadence")
EXAMPLES = ("nightly", "weekly fri 03:00", "monthly last", "every 6h", "paused", "nightly between 01:00 and 05:00")


def command(
    key: Key,
    client_secret_file: ClientSecretFile = None,
    app_key_file: AppKeyFile = None,
    name: Name = None,
    company_code: CompanyCode = None,
    trade: Trade = None,
    timezone: Timezone = None,
    cadence: Cadence = None,
    as_json: AsJson = False,
) -> None:
    """Write what was given."""
    typer.echo(json.dumps(locals()))


def run(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, list(arguments))


def help_of(option: Any) -> str:
    return " ".join(get_args(option)[1].help.split())


def test_what_is_left_out_is_none_and_not_json() -> None:
    given = json.loads(run("acme").stdout)
    assert given.pop("key") == "acme"
    assert given.pop("as_json") is False
    assert len(given) == len(OPTIONS)
    assert set(given.values()) == {None}


@pytest.mark.parametrize("option", OPTIONS)
def test_each_option_takes_a_value_and_an_empty_one_is_not_none(option: str) -> None:
    for value in ("some value", "", "-"):
        assert json.loads(run("acme", f"--{option}", value).stdout)[option.replace("-", "_")] == value


def test_a_key_is_required_and_json_is_a_flag() -> None:
    assert run().exit_code == 2
    assert json.loads(run("acme", "--json").stdout)["as_json"] is True


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_cadence_in_the_help_is_one(example: str) -> None:
    assert example in help_of(Cadence)
    assert not parse(example).text.startswith("cron")


def test_the_other_examples_in_the_help_are_accepted() -> None:
    zones = re.findall(r"\b[A-Z][a-z]+/\w+", help_of(Timezone))
    codes = re.findall(r"\b[A-Z]+\d+\b", help_of(CompanyCode))
    trades = re.findall(r"like (\w+)", help_of(Trade))
    assert zones and codes and trades
    tenant = new_tenant(
        key="acme", tenant_id=1, environment="sandbox", timezone=zones[0], company_code=codes[0], trade=trades[0]
    )
    assert (tenant.timezone, tenant.company_code, tenant.trade) == (zones[0], codes[0], trades[0])
