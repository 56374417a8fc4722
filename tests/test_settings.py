"""settings.py: what it reads from the environment, and its error messages."""

from __future__ import annotations

from pathlib import Path

import pytest

from st_pipeline.settings import DEFAULT_SANDBOX_URL, PROJECT_ROOT, Settings, SettingsError


def test_without_any_variable_everything_is_in_the_project_folder() -> None:
    settings = Settings.from_environment({})
    assert settings.home == PROJECT_ROOT / ".st_pipeline"
    assert settings.landing == str(settings.home / "landing")
    assert settings.dsn is None
    assert settings.secret_keys == ()
    assert settings.sandbox_url == DEFAULT_SANDBOX_URL


def test_the_landing_zone_follows_the_home_unless_it_is_set(tmp_path: Path) -> None:
    assert Settings.from_environment({"ST_PIPELINE_HOME": str(tmp_path)}).landing == str(tmp_path / "landing")
    assert Settings.from_environment({"ST_PIPELINE_LANDING": "s3://bucket/zone"}).landing == "s3://bucket/zone"


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("ST_PIPELINE_DSN", lambda s: s.dsn.reveal()),
        ("ST_PIPELINE_DAGSTER_DSN", lambda s: s.dagster_dsn.reveal()),
        ("ST_PIPELINE_SECRET_KEYS", lambda s: s.secret_keys[0].reveal()),
        ("ST_PIPELINE_ALERT_URLS", lambda s: s.alert_urls[0].reveal()),
        ("SERVICETITAN_CLIENT_SECRET", lambda s: s.servicetitan.client_secret.reveal()),
        ("SERVICETITAN_APP_KEY", lambda s: s.servicetitan.app_key.reveal()),
    ],
)
def test_every_secret_can_come_from_a_file(name: str, read, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("postgresql://u:p@h/d\n")
    assert read(Settings.from_environment({f"{name}_FILE": str(file)})) == "postgresql://u:p@h/d"


def test_the_variable_wins_over_its_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("from the file")
    environment = {"SERVICETITAN_APP_KEY": "from the variable", "SERVICETITAN_APP_KEY_FILE": str(file)}
    settings = Settings.from_environment(environment)
    assert settings.servicetitan.app_key
    assert settings.servicetitan.app_key.reveal() == "from the variable"


def test_a_file_that_cannot_be_read_is_named_with_its_variable(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="SERVICETITAN_APP_KEY_FILE"):
        Settings.from_environment({"SERVICETITAN_APP_KEY_FILE": str(tmp_path / "missing")})


def test_several_keys_keep_their_order_newest_first() -> None:
    settings = Settings.from_environment({"ST_PIPELINE_SECRET_KEYS": "newest, older oldest"})
    assert [key.reveal() for key in settings.secret_keys] == ["newest", "older", "oldest"]


def test_an_invalid_dsn_setting_is_rejected_without_being_repeated() -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment({"ST_PIPELINE_DSN": "mysql://user:canary@host/db"})
    assert "ST_PIPELINE_DSN" in str(refused.value)
    assert "canary" not in str(refused.value)


def test_settings_never_show_a_secret() -> None:
    settings = Settings.from_environment(
        {
            "ST_PIPELINE_DSN": "postgresql://user:canary@host/db",
            "ST_PIPELINE_SECRET_KEYS": "canary",
            "SERVICETITAN_CLIENT_SECRET": "canary",
            "SERVICETITAN_APP_KEY": "canary",
            "ST_PIPELINE_ALERT_URLS": "json://canary",
            "ST_PIPELINE_HEARTBEAT_URL": "https://canary",
        }
    )
    assert "canary" not in repr(settings)


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("json://a", ["json://a"]),
        ("json://a json://b\n\tmailto://u:p@c", ["json://a", "json://b", "mailto://u:p@c"]),
        ("json://a, json://b,jsons://c", ["json://a", "json://b", "jsons://c"]),
        ("mailto://u:p@host?to=a@x,b@y", ["mailto://u:p@host?to=a@x,b@y"]),
        ("json://a,", ["json://a"]),
        (" , ", []),
    ],
)
def test_alert_urls_are_split_and_keep_their_own_commas(text: str, urls: list[str]) -> None:
    settings = Settings.from_environment({"ST_PIPELINE_ALERT_URLS": text})
    assert [url.reveal() for url in settings.alert_urls] == urls


def test_an_invalid_heartbeat_url_is_rejected_without_being_repeated() -> None:
    url = Settings.from_environment({"ST_PIPELINE_HEARTBEAT_URL": "https://hc/1"}).heartbeat_url
    assert url and url.reveal() == "https://hc/1"
    with pytest.raises(SettingsError, match="ST_PIPELINE_HEARTBEAT_URL: expected") as refused:
        Settings.from_environment({"ST_PIPELINE_HEARTBEAT_URL": "hc/canary"})
    assert "canary" not in str(refused.value)


DAYS = {
    "ST_PIPELINE_COMPACT_LANDED_DAYS": ("compact_landed_days", 7),
    "ST_PIPELINE_KEEP_LANDED_DAYS": ("keep_landed_days", None),
    "ST_PIPELINE_KEEP_RUNS_DAYS": ("keep_runs_days", 90),
    "ST_PIPELINE_KEEP_HISTORY_DAYS": ("keep_history_days", 400),
}


@pytest.mark.parametrize("name", DAYS)
def test_days_are_whole_numbers_or_never_and_have_a_default(name: str) -> None:
    field, default = DAYS[name]
    assert getattr(Settings.from_environment({}), field) == default
    assert getattr(Settings.from_environment({name: " "}), field) == default
    assert getattr(Settings.from_environment({name: "120"}), field) == 120
    assert getattr(Settings.from_environment({name: "Never"}), field) is None


@pytest.mark.parametrize("name", DAYS)
@pytest.mark.parametrize("text", ["0", "-1", "1.5", "90d", "\u0663", "99999"])
def test_invalid_days_are_rejected_with_what_is_expected(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=f"{name}: expected a whole number of days, .* or never"):
        Settings.from_environment({name: text})


def test_history_is_kept_for_as_long_as_the_rules_look_back() -> None:
    with pytest.raises(SettingsError, match="60 or more"):
        Settings.from_environment({"ST_PIPELINE_KEEP_HISTORY_DAYS": "59"})
    assert Settings.from_environment({"ST_PIPELINE_KEEP_HISTORY_DAYS": "60"}).keep_history_days == 60


def test_the_portal_is_local_and_serves_no_metrics_by_default() -> None:
    settings = Settings.from_environment({})
    assert settings.portal_url == "http://127.0.0.1:3001"
    assert (settings.portal_metrics_token, settings.portal_trusted_proxies) == (None, ())
    told = Settings.from_environment(
        {
            "ST_PIPELINE_PORTAL_URL": "https://sync.example.com/",
            "ST_PIPELINE_PORTAL_METRICS_TOKEN": "canary",
            "ST_PIPELINE_PORTAL_TRUSTED_PROXIES": "10.0.0.5, 10.1.0.0/16",
        }
    )
    assert told.portal_url == "https://sync.example.com"
    assert told.portal_trusted_proxies == ("10.0.0.5", "10.1.0.0/16")
    assert "canary" not in repr(told)


@pytest.mark.parametrize(
    "url", ["sync.example.com", "https://", "https://x/path", "https://user@x", "https://x?y", "ftp://x"]
)
def test_an_invalid_portal_url_is_rejected(url: str) -> None:
    with pytest.raises(SettingsError, match="ST_PIPELINE_PORTAL_URL: expected"):
        Settings.from_environment({"ST_PIPELINE_PORTAL_URL": url})


def test_an_invalid_proxy_address_is_rejected() -> None:
    with pytest.raises(SettingsError, match="ST_PIPELINE_PORTAL_TRUSTED_PROXIES: expected"):
        Settings.from_environment({"ST_PIPELINE_PORTAL_TRUSTED_PROXIES": "*"})


OIDC = {
    "ST_PIPELINE_OIDC_ISSUER": "https://login.example.com/realms/ours/",
    "ST_PIPELINE_OIDC_CLIENT_ID": "st-pipeline",
    "ST_PIPELINE_OIDC_CLIENT_SECRET": "canary-oidc",
}


def test_openid_connect_is_off_or_complete_and_its_secret_may_be_a_file(tmp_path: Path) -> None:
    assert Settings.from_environment(dict.fromkeys(OIDC, " ")).portal_oidc is None
    whole = Settings.from_environment(OIDC).portal_oidc
    assert whole and (whole.issuer, whole.client_id) == ("https://login.example.com/realms/ours/", "st-pipeline")
    assert whole.client_secret.reveal() == "canary-oidc"
    assert "canary" not in repr(Settings.from_environment(OIDC))
    file = tmp_path / "secret"
    file.write_text("canary-oidc\n")
    by_file = {**OIDC, "ST_PIPELINE_OIDC_CLIENT_SECRET": "", "ST_PIPELINE_OIDC_CLIENT_SECRET_FILE": str(file)}
    assert Settings.from_environment(by_file).portal_oidc == whole


@pytest.mark.parametrize("missing", OIDC)
def test_incomplete_openid_connect_settings_are_rejected_with_what_is_missing(missing: str) -> None:
    with pytest.raises(SettingsError, match=f"^{missing} missing: .* all three, or none") as refused:
        Settings.from_environment({**OIDC, missing: " "})
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    ("issuer", "is_fine"),
    [
        ("https://accounts.example.com", True),
        ("http://127.0.0.1:9000/x", True),
        ("http://localhost:9000", True),
        ("http://[::1]:9000", True),
        ("http://accounts.example.com", False),
        ("http://127.0.0.1.example.com", False),
        ("http://localhost.example.com", False),
        ("https://", False),
        ("https://:443", False),
        ("https://x:port", False),
        ("https://x?tenant=1", False),
        ("https://x/#a", False),
        ("https://user:canary@x", False),
        ("https://[x", False),
        ("accounts.example.com", False),
        ("https://a b", False),
    ],
)
def test_an_issuer_is_https_except_on_this_machine(issuer: str, is_fine: bool) -> None:
    environment = {**OIDC, "ST_PIPELINE_OIDC_ISSUER": issuer}
    if is_fine:
        assert Settings.from_environment(environment).portal_oidc
        return
    with pytest.raises(SettingsError, match="ST_PIPELINE_OIDC_ISSUER: expected") as refused:
        Settings.from_environment(environment)
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("canary".encode("utf-16"), "not a text file in UTF-8"),
        (b"canary\xff", "not a text file in UTF-8"),
        ("“canary”".encode(), "curly quotes"),
        (b"canary\ncanary", "2 lines"),
    ],
)
def test_a_secrets_file_that_is_unusable_is_named_with_its_setting(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment({"SERVICETITAN_APP_KEY_FILE": str(file)})
    assert str(refused.value).startswith("SERVICETITAN_APP_KEY")
    assert said in str(refused.value)
    assert "canary" not in str(refused.value)


def test_the_byte_order_mark_of_a_secrets_file_is_no_part_of_the_secret(tmp_path: Path) -> None:
    (tmp_path / "keys").write_bytes(b"\xef\xbb\xbfone\r\ntwo\r\n")
    settings = Settings.from_environment({"ST_PIPELINE_SECRET_KEYS_FILE": str(tmp_path / "keys")})
    assert [key.reveal() for key in settings.secret_keys] == ["one", "two"]
