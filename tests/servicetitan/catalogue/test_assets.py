from __future__ import annotations

from st_pipeline.servicetitan.catalogue.assets import (
    ASSET_ENTITIES,
    LEGACY_REQUIRED,
    WEEKLY_REREADS,
    is_legacy_required,
)
from st_pipeline.servicetitan.catalogue.lookup import entities


def test_every_asset_is_in_the_catalogue_with_an_id_and_a_time_of_change() -> None:
    assert len(ASSET_ENTITIES) == len(set(ASSET_ENTITIES))
    for entity in ASSET_ENTITIES:
        assert entities()[entity].key == ("id",)
        assert entities()[entity].cursor_field == "modifiedOn"


def test_the_legacy_tables_require_four_entities() -> None:
    assert set(LEGACY_REQUIRED) < set(ASSET_ENTITIES)
    assert is_legacy_required("crm_customers")
    assert not is_legacy_required("memberships_memberships")
    assert all(LEGACY_REQUIRED.values())


def test_weekly_full_refreshes_are_assets_and_have_a_reason() -> None:
    assert set(WEEKLY_REREADS) == {"crm_customer_contacts"} < set(ASSET_ENTITIES)
    assert all(WEEKLY_REREADS.values())
