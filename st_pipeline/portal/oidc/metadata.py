"""Reads the parts that we need of a provider's discovery document. Pure.

The rules are in OpenID Connect Discovery 1.0, section 4.3. provider.py fetches the document.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from st_pipeline.portal.oidc.id_token import NotTrusted
from st_pipeline.settings import is_loopback


@dataclass(frozen=True, slots=True)
class Metadata:
    """The provider's endpoints. Each URL is https, or on this machine if the issuer is."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    takes_secret_in_body: bool
    """If false, the client's secret goes into a header, which every provider must allow."""


def read_metadata(issuer: str, document: dict[str, Any]) -> Metadata:
    """The metadata in the discovery document of ``issuer``.

    Raises:
        NotTrusted: it belongs to another issuer, or lacks an endpoint.
    """
    named = document.get("issuer")
    if named != issuer:
        # Otherwise another issuer could answer for this one.
        hint = f": {named}" if isinstance(named, str) and named.isprintable() and len(named) <= 300 else ""
        raise NotTrusted(
            f"its discovery document names another issuer{hint}; set ST_PIPELINE_OIDC_ISSUER to exactly what the "
            "provider uses, including any trailing slash"
        )
    methods = document.get("token_endpoint_auth_methods_supported")
    return Metadata(
        authorization_endpoint=_address(issuer, document, "authorization_endpoint"),
        token_endpoint=_address(issuer, document, "token_endpoint"),
        jwks_uri=_address(issuer, document, "jwks_uri"),
        userinfo_endpoint=_address(issuer, document, "userinfo_endpoint")
        if document.get("userinfo_endpoint")
        else None,
        takes_secret_in_body=isinstance(methods, list) and "client_secret_post" in methods,
    )


def _address(issuer: str, document: dict[str, Any], name: str) -> str:
    url = document.get(name)
    if isinstance(url, str) and url.isascii() and url.isprintable() and " " not in url and "#" not in url:
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname or "", parts.port
        except ValueError:
            host, parts = "", urlsplit("")
        is_safe = parts.scheme == "https" or (
            parts.scheme == "http" and issuer.startswith("http://") and is_loopback(host)
        )
        if host and is_safe:
            return url
    raise NotTrusted(
        f"its discovery document has no {name} that starts with https://; ask the administrator of the provider"
    )
