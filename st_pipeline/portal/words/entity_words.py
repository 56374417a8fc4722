"""Entities in words for people. Pure."""

from __future__ import annotations


def entity_words(entity: str) -> str:
    """``accounting_invoice_items`` -> ``Invoice items``: the resource without its module."""
    _, _, resource = entity.partition("_")
    words = (resource or entity).replace("_", " ")
    return words[:1].upper() + words[1:]
