from __future__ import annotations

import pytest

from st_pipeline.servicetitan.environments import ENVIRONMENTS, hosts


def test_production_and_integration_have_the_published_hosts() -> None:
    assert hosts("production", "").token_url == "https://auth.servicetitan.io/connect/token"
    assert hosts("production", "").api == "https://api.servicetitan.io"
    assert hosts("integration", "").token_url == "https://auth-integration.servicetitan.io/connect/token"
    assert hosts("integration", "").api == "https://api-integration.servicetitan.io"


def test_the_sandbox_serves_tokens_and_api_under_one_url() -> None:
    found = hosts("sandbox", " http://127.0.0.1:8700/ ")
    assert found.token_url == "http://127.0.0.1:8700/connect/token"
    assert found.api == "http://127.0.0.1:8700"


@pytest.mark.parametrize(
    ("url", "local"),
    [("http://127.0.0.1:1", True), ("http://localhost:1", True), ("http://[::1]:1", True), ("http://mock:1", False)],
)
def test_only_loopback_addresses_are_local(url: str, local: bool) -> None:
    assert hosts("sandbox", url).is_local is local
    assert not hosts("production", url).is_local


@pytest.mark.parametrize("url", ["", "127.0.0.1:8700", "ftp://x", "http://", "http://me:pw@host", "http://host?key=1"])
def test_a_sandbox_url_that_cannot_work_is_refused_with_the_variable_to_set(url: str) -> None:
    with pytest.raises(ValueError, match="ST_PIPELINE_SANDBOX_URL"):
        hosts("sandbox", url)


def test_an_unknown_environment_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="staging") as caught:
        hosts("staging", "http://x")
    assert all(name in str(caught.value) for name in ENVIRONMENTS)
