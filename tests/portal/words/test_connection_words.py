"""What is said of a tenant before ServiceTitan: one answer at a time, none that another contradicts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from st_pipeline.portal.words.connection_words import scopes, standing
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.servicetitan.catalogue.lookup import endpoint
from st_pipeline.tenants.credential_table import Outline, SecretOutline
from st_pipeline.tenants.fields import Environment
from st_pipeline.tenants.model import Status, Tenant
from tests.support.past import NOW

ALL = frozenset(endpoint(entity).scope for entity in ASSET_ENTITIES)
NEEDED, USEFUL = endpoint("jpm_appointments").scope, endpoint("accounting_payments").scope
TENANT = Tenant(
    "acme", "Acme", 1, Environment.PRODUCTION, None, None, "UTC", "nightly", True, Status.CONNECTED, "connected",
    NOW, NOW, NOW, ALL, NOW, NOW,
)  # fmt: skip
KEYS = Outline("cid.acme", False, SecretOutline(NOW, None, None), None)


def test_connected_with_all_permissions_is_well() -> None:
    answer = standing(TENANT, KEYS, has_app_key=True)
    assert (answer.tone, answer.head, answer.is_connected, answer.steps) == ("good", "Connected", True, ())


@pytest.mark.parametrize(
    ("missing", "tone", "head"),
    [
        ({USEFUL}, "good", "Connected"),
        ({NEEDED}, "warn", "Connected, but a permission is missing"),
        ({NEEDED, USEFUL, endpoint("crm_customers").scope}, "warn", "Connected, but permissions are missing"),
    ],
)
def test_a_permission_that_reports_cannot_do_without_is_said_first(missing: set[str], tone: str, head: str) -> None:
    answer = standing(replace(TENANT, granted_scopes=ALL - missing), KEYS, has_app_key=True)
    assert (answer.tone, answer.head, answer.is_connected) == (tone, head, True)


def test_a_token_that_lists_no_scopes_is_taken_as_all() -> None:
    unknown = replace(TENANT, granted_scopes=frozenset())
    assert scopes(unknown) == []
    assert standing(unknown, KEYS, has_app_key=True).head == "Connected"


def test_one_that_was_connected_and_has_no_app_key_any_more_is_not_called_connected() -> None:
    answer = standing(TENANT, KEYS, has_app_key=False)
    assert (answer.tone, answer.head, answer.is_connected) == ("bad", "App key missing", False)
    assert "Credentials" in answer.steps[0]


def test_without_an_app_key_nothing_is_waited_for() -> None:
    answer = standing(replace(TENANT, status=Status.NOT_CONNECTED), KEYS, has_app_key=False)
    assert (answer.head, answer.is_connected, answer.is_waiting) == ("No app key yet", False, False)


@pytest.mark.parametrize("status", Status)
def test_a_disabled_one_is_disabled_before_all(status: Status) -> None:
    answer = standing(replace(TENANT, status=status, enabled=False), KEYS, has_app_key=False)
    assert (answer.head, answer.is_connected, answer.is_waiting) == ("Disabled", False, False)


@pytest.mark.parametrize("status", Status)
def test_what_is_tried_again_by_itself_is_what_may_change_by_itself(status: Status) -> None:
    answer = standing(replace(TENANT, status=status), KEYS, has_app_key=True)
    assert answer.is_waiting == (status in (Status.NOT_CONNECTED, Status.UNREACHABLE))
    assert answer.is_connected == (status is Status.CONNECTED)


def test_what_is_missing_without_a_permission_is_told_in_words() -> None:
    found = {one.name: one for one in scopes(replace(TENANT, granted_scopes=ALL - {NEEDED, USEFUL}))}
    assert list(found)[:2] == [NEEDED, USEFUL]
    assert found[NEEDED].is_required
    assert found[NEEDED].lacks == (
        "first appointment dates in the invoices report (the invoice date is shown instead)",
    )
    assert found[USEFUL].lacks == ("payments (none are downloaded)",)
