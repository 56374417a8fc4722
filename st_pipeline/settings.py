"""All settings from the environment, read once. Nothing else reads environment variables.

No decisions or connections here. Values in a ``.env`` next to the project apply unless the environment sets them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values

from st_pipeline import secret_file
from st_pipeline.secret import Secret

PROJECT_ROOT = Path(__file__).resolve().parent.parent

DEFAULT_SANDBOX_URL = "http://127.0.0.1:8700"
DEFAULT_PORTAL_URL = "http://127.0.0.1:3001"
DEFAULT_DAGSTER_URL = "http://127.0.0.1:3000"
LEAST_HISTORY_DAYS = 60  # alert rules look back five weeks
NEVER = "never"


class SettingsError(Exception):
    """A setting is invalid; the message names it and says what it should be."""


@dataclass(frozen=True, slots=True)
class ServiceTitanDefaults:
    """The variables that servicepytan uses: the app key, and one tenant's credentials for an import."""

    client_id: str | None = None
    client_secret: Secret | None = None
    app_key: Secret | None = None
    app_id: str | None = None
    tenant_id: str | None = None
    timezone: str | None = None
    environment: str | None = None


@dataclass(frozen=True, slots=True)
class OpenIdClient:
    """The portal's client at an OpenID Connect provider; ``issuer`` is exactly as the provider writes it."""

    issuer: str
    client_id: str
    client_secret: Secret


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings. ``dsn`` and ``dagster_dsn`` are None for the embedded server."""

    home: Path
    dsn: Secret | None
    dagster_dsn: Secret | None
    landing: str
    secret_keys: tuple[Secret, ...]
    sandbox_url: str
    servicetitan: ServiceTitanDefaults
    alert_urls: tuple[Secret, ...] = ()
    """Alert channels as Apprise URLs; each may contain a token or password."""
    heartbeat_url: Secret | None = None
    quiet_hours: str | None = None
    """As written; alerting/quiet_hours.py parses it."""
    compact_landed_days: int | None = 7
    """Days after the end of a month until its landed files are combined. None, here and below: never."""
    keep_landed_days: int | None = None
    keep_runs_days: int | None = 90
    keep_history_days: int | None = 400
    portal_url: str = DEFAULT_PORTAL_URL
    """The portal's public address, without a trailing slash."""
    dagster_url: str = DEFAULT_DAGSTER_URL
    """The Dagster UI's address, without a trailing slash."""
    portal_metrics_token: Secret | None = None
    """None: no metrics are served."""
    portal_trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks of proxies that are trusted to name the client's address."""
    portal_oidc: OpenIdClient | None = None
    """None: users sign in with passwords only."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Settings from ``environment``, by default the process's environment on top of the project's ``.env``.

        Raises:
            SettingsError: a ``…_FILE`` cannot be read, or a value is invalid.
        """
        if environment is None:
            environment = {**_dotenv(), **os.environ}
        home = Path(environment.get("ST_PIPELINE_HOME") or PROJECT_ROOT / ".st_pipeline").expanduser().resolve()
        keys = _secret(environment, "ST_PIPELINE_SECRET_KEYS", is_list=True)
        return cls(
            home=home,
            dsn=_dsn(environment, "ST_PIPELINE_DSN"),
            dagster_dsn=_dsn(environment, "ST_PIPELINE_DAGSTER_DSN"),
            landing=environment.get("ST_PIPELINE_LANDING") or str(home / "landing"),
            secret_keys=tuple(Secret(k) for k in keys.reveal().replace(",", " ").split()) if keys else (),
            sandbox_url=(environment.get("ST_PIPELINE_SANDBOX_URL") or DEFAULT_SANDBOX_URL).rstrip("/"),
            servicetitan=ServiceTitanDefaults(
                client_id=environment.get("SERVICETITAN_CLIENT_ID") or None,
                client_secret=_secret(environment, "SERVICETITAN_CLIENT_SECRET"),
                app_key=_secret(environment, "SERVICETITAN_APP_KEY"),
                app_id=environment.get("SERVICETITAN_APP_ID") or None,
                tenant_id=environment.get("SERVICETITAN_TENANT_ID") or None,
                timezone=environment.get("SERVICETITAN_TIMEZONE") or None,
                environment=environment.get("SERVICETITAN_API_ENVIRONMENT") or None,
            ),
            alert_urls=_urls(_secret(environment, "ST_PIPELINE_ALERT_URLS", is_list=True)),
            heartbeat_url=_heartbeat_url(_secret(environment, "ST_PIPELINE_HEARTBEAT_URL")),
            quiet_hours=environment.get("ST_PIPELINE_QUIET_HOURS") or None,
            compact_landed_days=_days(environment, "ST_PIPELINE_COMPACT_LANDED_DAYS", 7),
            keep_landed_days=_days(environment, "ST_PIPELINE_KEEP_LANDED_DAYS", None),
            keep_runs_days=_days(environment, "ST_PIPELINE_KEEP_RUNS_DAYS", 90),
            keep_history_days=_days(environment, "ST_PIPELINE_KEEP_HISTORY_DAYS", 400, least=LEAST_HISTORY_DAYS),
            portal_url=_address(environment, "ST_PIPELINE_PORTAL_URL", DEFAULT_PORTAL_URL),
            dagster_url=_address(environment, "ST_PIPELINE_DAGSTER_URL", DEFAULT_DAGSTER_URL),
            portal_metrics_token=_secret(environment, "ST_PIPELINE_PORTAL_METRICS_TOKEN"),
            portal_trusted_proxies=_proxies(environment),
            portal_oidc=_oidc(environment),
        )


@contextmanager
def added_to_environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Start child processes with ``variables``. Keep the block short: other threads see them too."""
    before = {**os.environ}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


def _dotenv() -> dict[str, str]:
    return {k: v for k, v in dotenv_values(PROJECT_ROOT / ".env").items() if v is not None}


def _secret(environment: Mapping[str, str], name: str, *, is_list: bool = False) -> Secret | None:
    """The secret ``name``, or the text of the file in ``name_FILE``, without surrounding whitespace."""
    value, file = (environment.get(key, "").strip() for key in (name, f"{name}_FILE"))
    if not value and file:
        try:
            value = secret_file.read(Path(file).expanduser())
        except secret_file.SecretFileError as error:
            raise SettingsError(f"{name}_FILE: cannot read {file} ({error}); point it to a readable file") from None
    if fault := secret_file.find_fault(value, is_list=is_list):
        raise SettingsError(f"{name}: {fault}")
    return Secret(value) if value else None


def _urls(text: Secret | None) -> tuple[Secret, ...]:
    """Split URLs at whitespace, and at a comma only if another URL follows; other commas belong to the URL."""
    parts = re.split(r"\s+|,\s*(?=[A-Za-z][A-Za-z0-9+]*://)", text.reveal()) if text else ()
    return tuple(Secret(part.strip(",")) for part in parts if part.strip(","))


def _heartbeat_url(url: Secret | None) -> Secret | None:
    """The path is what authorizes a heartbeat, so the URL is secret."""
    if url and not url.reveal().startswith(("http://", "https://")):
        raise SettingsError("ST_PIPELINE_HEARTBEAT_URL: expected a URL that starts with https:// or http://")
    return url


def _address(environment: Mapping[str, str], name: str, default: str) -> str:
    url = (environment.get(name) or default).strip().rstrip("/")
    if not re.fullmatch(r"https?://[^\s/?#@]+", url):
        raise SettingsError(f"{name}: expected https://host or http://host:port, without a path")
    return url


def _proxies(environment: Mapping[str, str]) -> tuple[str, ...]:
    proxies = tuple(environment.get("ST_PIPELINE_PORTAL_TRUSTED_PROXIES", "").replace(",", " ").split())
    for proxy in proxies:
        try:
            ip_network(proxy)
        except ValueError:
            raise SettingsError(
                "ST_PIPELINE_PORTAL_TRUSTED_PROXIES: expected addresses or networks, like 10.0.0.5 or 10.0.0.0/24"
            ) from None
    return proxies


def _oidc(environment: Mapping[str, str]) -> OpenIdClient | None:
    """All three or none. The issuer must match exactly, so keep its trailing slash."""
    issuer = environment.get("ST_PIPELINE_OIDC_ISSUER", "").strip()
    client_id = environment.get("ST_PIPELINE_OIDC_CLIENT_ID", "").strip()
    secret = _secret(environment, "ST_PIPELINE_OIDC_CLIENT_SECRET")
    given = {"ISSUER": issuer, "CLIENT_ID": client_id, "CLIENT_SECRET": secret}
    missing = [f"ST_PIPELINE_OIDC_{name}" for name, value in given.items() if not value]
    if len(missing) == len(given):
        return None
    if missing or not secret:
        raise SettingsError(
            f"{' and '.join(missing)} missing: OpenID Connect needs ST_PIPELINE_OIDC_ISSUER, …_CLIENT_ID and "
            "…_CLIENT_SECRET; set all three, or none of them"
        )
    if not _is_issuer(issuer):
        raise SettingsError(
            "ST_PIPELINE_OIDC_ISSUER: expected https://host/path as the provider writes it, without ? or #; "
            "http:// only on this machine"
        )
    return OpenIdClient(issuer, client_id, secret)


def _is_issuer(url: str) -> bool:
    """OpenID Connect Core 1.0, section 2; with http, anyone on the network path could sign in as anyone."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    return bool(host and re.fullmatch(r"https?://[^\s?#@]+", url)) and (parts.scheme == "https" or is_loopback(host))


def is_loopback(host: str) -> bool:
    """Whether traffic to ``host`` stays on this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _days(environment: Mapping[str, str], name: str, default: int | None, *, least: int = 1) -> int | None:
    text = environment.get(name, "").strip()
    if not text:
        return default
    if text.lower() == NEVER:
        return None
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= 36_500:
        raise SettingsError(f"{name}: expected a whole number of days, {least} or more, or {NEVER}")
    return int(text)


def _dsn(environment: Mapping[str, str], name: str) -> Secret | None:
    """A DSN is a secret because it may contain a password."""
    value = _secret(environment, name)
    if value and not value.reveal().startswith(("postgresql://", "postgres://")):
        raise SettingsError(f"{name}: expected postgresql://user:password@host:port/database")
    return value
