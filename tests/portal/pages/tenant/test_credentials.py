"""portal/pages/tenant/credentials.py: two secrets side by side, their age, and replacing or revoking them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from starlette.applications import Starlette

from st_pipeline.portal.app import create_app
from st_pipeline.portal.pages.tenant.credentials import REMIND_AFTER, secret_rows
from st_pipeline.portal.people.roles import Role
from st_pipeline.portal.web.service import Portal
from st_pipeline.sandbox import Sandbox
from st_pipeline.secret import Secret
from st_pipeline.settings import Settings
from st_pipeline.tenants.credential_table import Outline, SecretOutline
from st_pipeline.tenants.model import Status
from st_pipeline.tenants.registry import Registry
from tests.portal.browser import text_of
from tests.portal.conftest import SignedIn
from tests.portal.connecting import (
    APP_KEY,
    MISTYPED,
    SECOND,
    SECRET,
    account,
    before,
    connected,
    set_secret,
    start_over,
)
from tests.support.past import NOW

DAY = timedelta(days=1)
PATH = "/tenants/acme/credentials"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox([account(7001)]) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def settings(settings: Settings, sandbox: Sandbox) -> Settings:
    return before(settings, sandbox)


@pytest.fixture(scope="module")
def app(settings: Settings, portal: Portal) -> Iterator[Starlette]:
    app = create_app(settings, portal)
    with portal.pool:
        yield app


@pytest.fixture(autouse=True)
def fresh(control: psycopg.Connection, sandbox: Sandbox, settings: Settings) -> Registry:
    return start_over(control, sandbox, settings)


def test_two_secrets_side_by_side_and_either_is_revoked(fresh: Registry, sandbox: Sandbox, signed_in: SignedIn) -> None:
    client = signed_in(Role.CLIENT)
    connected(fresh, client)
    path = "/tenants/acme/credentials"
    client.post(f"{path}/rotate", {"new_secret": MISTYPED})
    page = text_of(client.get(path).text)
    assert "ServiceTitan rejected the newest secret, so syncs still use the older one." in page
    assert fresh.get("acme").status is Status.CONNECTED
    assert client.post(f"{path}/rotate", {"new_secret": SECOND}).status_code == 400, "there are two"
    outline = fresh.outline("acme")
    assert outline
    client.post(f"{path}/revoke", {"secret": outline.newest.added_at.isoformat()})
    set_secret(sandbox, 7001, SECOND)
    client.post(f"{path}/rotate", {"new_secret": SECOND})
    assert "Syncs use the newest secret, and it works." in text_of(client.get(path).text)
    outline = fresh.outline("acme")
    assert outline
    assert outline.older
    client.post(f"{path}/revoke", {"secret": outline.older.added_at.isoformat()})
    assert fresh.credentials("acme").client_secret == Secret(SECOND)
    assert fresh.get("acme").status is Status.CONNECTED
    only = {"secret": outline.newest.added_at.isoformat()}
    assert client.post(f"{path}/revoke", only).status_code == 400
    client.post(f"{path}/revoke", {**only, "sure": "yes"})
    assert fresh.outline("acme") is None
    assert fresh.get("acme").status is Status.REFUSED


def test_keys_are_replaced_as_a_whole(fresh: Registry, signed_in: SignedIn) -> None:
    client = signed_in(Role.CLIENT)
    connected(fresh, client)
    path = "/tenants/acme/credentials"
    assert client.post(path, {"client_id": "cid.other"}).status_code == 400
    assert client.post(path, {}).status_code == 400
    client.post(path, {"client_id": "cid.other-9876", "client_secret": MISTYPED})
    assert fresh.get("acme").status is Status.REFUSED
    page = text_of(client.get(path).text)
    assert "ends in …9876" in page
    assert "cid.other" not in page


def test_after_ninety_days_a_secret_is_to_be_replaced(
    fresh: Registry, control: psycopg.Connection, signed_in: SignedIn
) -> None:
    viewer = signed_in(Role.VIEWER)
    connected(fresh, signed_in(Role.OPERATOR))
    assert "Replace secrets every" not in viewer.get("/tenants/acme/credentials").text
    control.execute("update control.credentials set secret_added_at = %s", (datetime.now(UTC) - timedelta(days=91),))
    page = text_of(viewer.get("/tenants/acme/credentials").text)
    assert "91 days old" in page
    assert "Replace secrets every 90 days" in page


@pytest.mark.parametrize(
    ("part", "form"),
    [
        ("", {"client_id": "cid.other", "client_secret": SECRET}),
        ("", {"app_key": APP_KEY}),
        ("/rotate", {"new_secret": SECOND}),
    ],
)
def test_without_saved_credentials_only_a_client_id_with_its_secret_is_saved(
    fresh: Registry, signed_in: SignedIn, part: str, form: dict[str, str]
) -> None:
    answer = signed_in(Role.CLIENT).post(f"{PATH}{part}", form)
    is_whole = "client_id" in form
    assert answer.status_code == (303 if is_whole else 400)
    assert (fresh.outline("acme") is not None) is is_whole
    page = signed_in(Role.CLIENT).get(PATH).text
    assert ('<a href="/tenants/acme/connect">Enter credentials</a>' in page) is not is_whole


def test_an_empty_or_malformed_secret_is_refused_at_its_field_without_being_shown(
    fresh: Registry, signed_in: SignedIn
) -> None:
    client = signed_in(Role.CLIENT)
    connected(fresh, client)
    outline = fresh.outline("acme")
    for secret in ("", f"{SECOND} {MISTYPED}", SECOND * 100):
        answer = client.post(f"{PATH}/rotate", {"new_secret": secret})
        assert answer.status_code == 400
        assert answer.text.count('aria-invalid="true"') == 1
        assert SECOND not in answer.text
    assert fresh.outline("acme") == outline


def test_a_secret_that_was_revoked_in_another_tab_is_said_to_be_removed(fresh: Registry, signed_in: SignedIn) -> None:
    client = signed_in(Role.CLIENT)
    connected(fresh, client)
    outline = fresh.outline("acme")
    assert client.post(f"{PATH}/revoke", {"secret": "2020-01-01T00:00:00+00:00"}).status_code == 303
    assert "That secret was already removed." in text_of(client.get(PATH).text)
    assert fresh.outline("acme") == outline


def test_one_secret_is_the_client_secret_and_two_are_the_newest_and_the_older() -> None:
    newest, older = SecretOutline(NOW, None, None), SecretOutline(NOW - DAY, None, None)
    assert secret_rows(None, NOW) == []
    assert [row.name for row in secret_rows(Outline("cid", False, newest, None), NOW)] == ["Client secret"]
    both = secret_rows(Outline("cid", False, newest, older), NOW)
    assert [(row.name, row.outline, row.days) for row in both] == [("Newest", newest, 0), ("Older", older, 1)]
    assert len({row.id for row in both}) == 2


@pytest.mark.parametrize(
    ("worked_at", "refused_at", "word", "tone"),
    [
        (None, None, "not tested", "quiet"),
        (NOW, None, "works", "good"),
        (None, NOW, "rejected", "bad"),
        (NOW - DAY, NOW, "rejected", "bad"),
    ],
)
def test_a_secret_says_how_its_last_use_ended(
    worked_at: datetime | None, refused_at: datetime | None, word: str, tone: str
) -> None:
    (row,) = secret_rows(Outline("cid", False, SecretOutline(NOW - DAY, worked_at, refused_at), None), NOW)
    assert (row.badge.word, row.badge.tone) == (word, tone)


@pytest.mark.parametrize(
    ("age", "days", "is_old"), [(-DAY, 0, False), (REMIND_AFTER - DAY, 89, False), (REMIND_AFTER, 90, True)]
)
def test_a_secret_is_old_from_the_day_of_the_reminder_on(age: timedelta, days: int, is_old: bool) -> None:
    (row,) = secret_rows(Outline("cid", False, SecretOutline(NOW - age, None, None), None), NOW)
    assert (row.days, row.is_old) == (days, is_old)
