"""Messages made for operators, as their readers need them; entities by their own words. Pure.

Operators and viewers read a message whole. A client has no command line: what tells of one is left out.
"""

from __future__ import annotations

import re

from st_pipeline.portal.roles import Actor, Role

_COMMANDS = re.compile(r"st-pipeline |ST_PIPELINE_|SERVICETITAN_|--[a-z]")
_BETWEEN = re.compile(r"([.;:] |, (?:and|or|then) )")


def told(message: str, actor: Actor) -> str:
    """The message as ``actor`` is told it."""
    return without_commands(message) if actor.role is Role.CLIENT else message


def without_commands(message: str) -> str:
    """The message without the clauses that name a command or a setting; what is left is as it was."""
    parts = _BETWEEN.split(message)
    said, is_cut = "", False
    for place in range(0, len(parts), 2):
        clause = parts[place]
        if _COMMANDS.search(clause):
            is_cut = True
            continue
        before = parts[place - 1] if place else ""
        if said and is_cut and before != ". ":
            before = ". "
        said += (before if said else "") + (clause[:1].upper() + clause[1:] if is_cut else clause)
        is_cut = False
    said = said.rstrip(" ,;:(")
    return f"{said}." if said and is_cut and not said.endswith((".", "!", "?")) else said


def entity_words(entity: str) -> str:
    """``accounting_invoice_items`` -> ``Invoice items``: the resource without its module."""
    _, _, resource = entity.partition("_")
    words = (resource or entity).replace("_", " ")
    return words[:1].upper() + words[1:]
