"""The hosts of each environment."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

PRODUCTION = "production"
INTEGRATION = "integration"
SANDBOX = "sandbox"
ENVIRONMENTS = (PRODUCTION, INTEGRATION, SANDBOX)

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Hosts:
    """Base URLs without a trailing slash."""

    auth: str
    api: str
    is_sandbox: bool = False

    @property
    def token_url(self) -> str:
        """The token endpoint's URL."""
        return f"{self.auth}/connect/token"

    @property
    def is_local(self) -> bool:
        """Whether calls stay on this machine and must bypass any proxy."""
        return urlsplit(self.api).hostname in _LOOPBACK


def hosts(environment: str, sandbox_url: str) -> Hosts:
    """An environment's hosts; ``sandbox`` serves tokens and API under one URL.

    Source: ServiceTitan's page on environments. ValueError for an unknown environment or an invalid sandbox URL.
    """
    match environment:
        case "production":
            return Hosts("https://auth.servicetitan.io", "https://api.servicetitan.io")
        case "integration":
            return Hosts("https://auth-integration.servicetitan.io", "https://api-integration.servicetitan.io")
        case "sandbox":
            url = sandbox_url.strip().rstrip("/")
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
                raise ValueError("the sandbox URL must look like http://127.0.0.1:8700: set ST_PIPELINE_SANDBOX_URL")
            return Hosts(url, url, is_sandbox=True)
        case _:
            raise ValueError(f"unknown environment {environment!r}: use one of {', '.join(ENVIRONMENTS)}")
