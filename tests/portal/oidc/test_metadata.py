"""metadata.py: which discovery documents are believed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.portal.oidc.id_token import NotTrusted
from st_pipeline.portal.oidc.metadata import read_metadata

ISSUER = "https://login.example.com/realm"
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
DOCUMENT: dict[str, Any] = {"issuer": ISSUER, **{name: f"https://api.example.com/{name}" for name in ENDPOINTS}}


def test_a_document_with_what_is_needed_is_read() -> None:
    found = read_metadata(ISSUER, DOCUMENT)
    assert found.token_endpoint == "https://api.example.com/token_endpoint"
    assert (found.userinfo_endpoint, found.takes_secret_in_body) == (None, False)
    more = {"userinfo_endpoint": "https://x/u", "token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert read_metadata(ISSUER, DOCUMENT | more).takes_secret_in_body
    assert read_metadata(ISSUER, DOCUMENT | more).userinfo_endpoint == "https://x/u"


@pytest.mark.parametrize("named", [f"{ISSUER}/", "https://evil.test", ISSUER.upper(), None, 7, [ISSUER], "a\nb" * 200])
def test_another_issuers_document_is_refused_with_how_to_write_it(named: object) -> None:
    with pytest.raises(NotTrusted, match="set ST_PIPELINE_OIDC_ISSUER to exactly") as refused:
        read_metadata(ISSUER, DOCUMENT | {"issuer": named})
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", [*ENDPOINTS, "userinfo_endpoint"])
@pytest.mark.parametrize(
    "url",
    ["http://login.example.com/x", "http://127.0.0.1/x", "javascript:alert(1)", "//x/y", "/token", "https://",
     "ftp://x", "https://x/#a", "https://x\r\nSet-Cookie: a=b", "https://x y", "https://ü", "https://[x",
     "https://x:port", 7, ["x"]],
)  # fmt: skip
def test_an_address_that_is_none_or_not_encrypted_is_refused(name: str, url: object) -> None:
    with pytest.raises(NotTrusted, match=f"no {name} that starts with https://"):
        read_metadata(ISSUER, DOCUMENT | {name: url})


@pytest.mark.parametrize("name", ENDPOINTS)
def test_a_document_without_an_address_is_refused(name: str) -> None:
    with pytest.raises(NotTrusted, match=name):
        read_metadata(ISSUER, {key: value for key, value in DOCUMENT.items() if key != name})


def test_on_this_machine_addresses_may_be_plain_http_but_not_elsewhere() -> None:
    here = "http://127.0.0.1:9000"
    document = {"issuer": here, **{name: f"{here}/{name}" for name in ENDPOINTS}}
    assert read_metadata(here, document).jwks_uri == f"{here}/jwks_uri"
    with pytest.raises(NotTrusted):
        read_metadata(here, document | {"token_endpoint": "http://127.0.0.1.evil.test/token"})


VALUES = st.none() | st.integers() | st.text() | st.lists(st.text(), max_size=2) | st.text().map("https://".__add__)
NAMES = st.sampled_from([*DOCUMENT, "userinfo_endpoint", "token_endpoint_auth_methods_supported"])


@given(st.dictionaries(NAMES, VALUES))
def test_any_document_is_read_or_refused(changed: dict[str, Any]) -> None:
    try:
        found = read_metadata(ISSUER, DOCUMENT | changed)
    except NotTrusted:
        return
    assert found.token_endpoint.startswith("https://")
    assert found.token_endpoint.isprintable()
