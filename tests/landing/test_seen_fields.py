"""A field counts as sent if its column has a value, or if its name appears with only null values."""

from __future__ import annotations

from st_pipeline.landing.seen_fields import Presence
from st_pipeline.landing.typer import type_records

from .invoices import INVOICES, encoded, small, whole

NAMES = {field.path[0] for field in INVOICES.fields}


def looked_at(*records: bytes, seen: frozenset[str] = frozenset()) -> Presence:
    presence = Presence(INVOICES, seen)
    for record in records:
        presence.collect(type_records(INVOICES, [record]).rows)
    return presence


def test_a_field_is_seen_by_its_value_and_by_its_name_alone() -> None:
    presence = looked_at(small(1, summary="s"), small(2, total=None, customer={"name": None}))
    assert presence.seen == {"id", "summary", "total", "customer"}
    assert presence.missing == NAMES - presence.seen


def test_a_field_with_an_untypable_value_counts_as_seen() -> None:
    assert "total" in looked_at(small(1, total="x")).seen


def test_a_name_quoted_in_a_text_is_not_a_field() -> None:
    assert "total" in looked_at(small(1, summary='the "total" is')).missing


def test_nothing_is_missing_from_a_record_that_has_every_field() -> None:
    assert looked_at(encoded(whole(INVOICES))).missing == set()


def test_fields_in_earlier_files_are_not_missing_and_fields_removed_from_the_catalog_are_ignored() -> None:
    presence = looked_at(small(1), seen=frozenset({"total", "no longer in the catalogue"}))
    assert presence.seen == {"id", "total"}
