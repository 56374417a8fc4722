"""Tenants as they are asked for."""

from __future__ import annotations

import pytest

from st_pipeline.tenants.errors import FieldInvalid
from st_pipeline.tenants.fields import Environment
from st_pipeline.tenants.model import NewTenant, Status, new_tenant


def test_a_new_tenant_has_sensible_defaults() -> None:
    assert new_tenant(key="acme", tenant_id="1001", environment="sandbox") == NewTenant(
        key="acme",
        name="acme",
        tenant_id=1001,
        environment=Environment.SANDBOX,
        company_code=None,
        trade=None,
        timezone="UTC",
        cadence="nightly",
    )


def test_an_empty_zone_of_a_credential_file_is_the_default() -> None:
    assert new_tenant(key="acme", tenant_id=1, environment="sandbox", timezone="").timezone == "UTC"


def test_a_wrong_field_is_named_with_its_tenant() -> None:
    with pytest.raises(FieldInvalid, match=r"^tenant acme: timezone must be a time zone name") as refused:
        new_tenant(key="acme", tenant_id=1, environment="sandbox", timezone="Mars/Olympus")
    assert refused.value.field == "timezone"
    assert refused.value.tenant == "acme"


def test_not_connected_is_said_as_not_connected_yet() -> None:
    assert [status.label for status in Status] == [
        "not connected yet",
        "connected",
        "rejected by ServiceTitan",
        "ServiceTitan not responding",
    ]
