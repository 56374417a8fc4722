"""entity_words.py: the resource without its module."""

from __future__ import annotations

import pytest

from st_pipeline.portal.words.entity_words import entity_words
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES


@pytest.mark.parametrize(
    ("entity", "words"), [("accounting_invoice_items", "Invoice items"), ("jpm_jobs", "Jobs"), ("odd", "Odd")]
)
def test_an_entity_reads_as_its_resource(entity: str, words: str) -> None:
    assert entity_words(entity) == words


def test_no_two_entities_read_alike() -> None:
    assert len({entity_words(entity) for entity in ASSET_ENTITIES}) == len(ASSET_ENTITIES)
