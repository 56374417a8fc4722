from __future__ import annotations

from st_pipeline.servicetitan.catalogue.assets import (
    ASSET_ENTITIES,
    LEGACY_REQUIRED,
    WEEKLY_REREADS,
    is_legacy_required,
)
from st_pipeline.servicetitan.catalogue.lookup import entities


def test_every_asset_is_in_the_catalogue_with_an_id_and_a_time_of_change() -> None:
    assert len(ASSET_ENTITIES) == len(set(ASSET_ENTITIES)) == 12
    for entity in ASSET_ENTITIES:
        assert entities()[entity].key == ("id",)
        assert entities()[entity].cursor_field == "modifiedOn"


def test_the_legacy_tables_cannot_do_without_four_of_them() -> None:
    assert set(LEGACY_REQUIRED) < set(ASSET_ENTITIES)
    assert is_legacy_required("crm_customers")
    assert not is_legacy_required("memberships_memberships")
    assert all(LEGACY_REQUIRED.values())


def test_what_is_read_anew_every_week_is_an_asset_and_says_why() -> None:
    assert set(WEEKLY_REREADS) == {"crm_customer_contacts"} < set(ASSET_ENTITIES)
    assert all(WEEKLY_REREADS.values())
