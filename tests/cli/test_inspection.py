"""inspection.py: what doctor says of the way to sign in. Tables are test_upkeep.py, the rest test_syncing.py."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from st_pipeline.cli.main import app
from tests.portal.oidc_provider import CLIENT_ID, OidcProvider, send, serving


@pytest.fixture(scope="module")
def server() -> Iterator[OidcProvider]:
    with serving() as provider:
        yield provider


@pytest.fixture
def there(server: OidcProvider, tmp_path: Path) -> Iterator[OidcProvider]:
    """The provider, and settings that name it; the warehouse is out of reach, which is another finding."""
    before = dict(os.environ)
    os.environ |= {
        "ST_PIPELINE_HOME": str(tmp_path),
        "ST_PIPELINE_DSN": "postgresql://nobody@127.0.0.1:9/warehouse",
        "ST_PIPELINE_PORTAL_URL": "https://sync.example.com",
        "ST_PIPELINE_OIDC_ISSUER": server.issuer,
        "ST_PIPELINE_OIDC_CLIENT_ID": CLIENT_ID,
        "ST_PIPELINE_OIDC_CLIENT_SECRET": "canary-client-secret",
    }
    yield server.reset()
    os.environ.clear()
    os.environ.update(before)


def found() -> list[tuple[bool, str]]:
    """Whether it is fine, and what is said, of signing in."""
    result = CliRunner().invoke(app, ["doctor", "--json"], catch_exceptions=False)
    assert "canary" not in result.output
    said = [one for one in json.loads(result.stdout) if one["what"] == "sign-in through OpenID Connect"]
    return [(one["fine"], one["said"]) for one in said]


def test_doctor_says_that_the_provider_answers_and_what_to_register_there(there: OidcProvider) -> None:
    callback = "https://sync.example.com/sign-in/oidc/callback"
    assert found() == [(True, f"{there.issuer} is reachable; register this redirect URI there: {callback}")]


def test_doctor_says_what_to_do_where_it_does_not(there: OidcProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    there.answers["/jwks"] = lambda handler: send(handler, 500, b"")
    assert found() == [(False, f"{there.issuer}/jwks answered 500; try again later")]
    monkeypatch.setenv("ST_PIPELINE_OIDC_ISSUER", f"{there.issuer}/")
    ((is_fine, said),) = found()
    assert not is_fine
    assert f"names another issuer: {there.issuer}; set ST_PIPELINE_OIDC_ISSUER to exactly" in said


def test_doctor_says_nothing_of_it_where_none_is_configured(
    there: OidcProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ISSUER", "CLIENT_ID", "CLIENT_SECRET"):
        monkeypatch.delenv(f"ST_PIPELINE_OIDC_{name}")
    assert found() == []
    assert there.asked == []


def test_doctor_checks_the_database_of_dagster(there: OidcProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ST_PIPELINE_DAGSTER_DSN", "postgresql://nobody@127.0.0.1:9/runs")
    result = CliRunner().invoke(app, ["doctor", "--json"], catch_exceptions=False)
    (one,) = [one for one in json.loads(result.stdout) if one["what"] == "Dagster's database"]
    assert not one["fine"]
    assert "cannot connect to database runs on 127.0.0.1:9" in one["said"]
    assert "ST_PIPELINE_DAGSTER_DSN" in one["said"]
