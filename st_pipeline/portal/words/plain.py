"""Messages made for the command line, as the portal's readers need them; entities by their own words. Pure.

A command that does what a page does, too, becomes the page. What only a command can do is for operators and viewers; a
client has no command line, and what tells of one is left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from st_pipeline.portal.people.roles import Actor, Role

_COMMANDS = re.compile(r"st-pipeline |ST_PIPELINE_|SERVICETITAN_|--[a-z]")
_BETWEEN = re.compile(r"([.;:] |, (?:and|or|then) )")


_KEY = r"(?: (?!--)[a-z0-9][a-z0-9-]*)"


def _pages(*commands: tuple[str, str]) -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(rf"(?<!\w){command}(?![\w-])"), page) for command, page in commands)


_PAGES = _pages(
    (rf"run st-pipeline sync{_KEY}(?: --entity \w+)?+(?! --full)", "click Sync now under Status"),
    (rf"st-pipeline sync{_KEY}(?: --entity \w+)?+(?! --full)", "Sync now, under Status,"),
    (rf"run st-pipeline tenants check{_KEY}", "click Test connection under Connect"),
    (rf"st-pipeline tenants check{_KEY}", "Test connection, under Connect,"),
    (rf"with st-pipeline tenants (?:rotate{_KEY}? --client-id ID|set{_KEY} --tenant-id N)", "under Connect"),
    (rf"with st-pipeline tenants rotate{_KEY}?(?: --app-key-file FILE)?", "under Credentials"),
    (rf"st-pipeline tenants rotate{_KEY}?(?: --app-key-file FILE)?", "see Credentials"),
    (r"\(st-pipeline status\)", "(under Syncs)"),
    (r"in control\.quarantine \(st-pipeline psql\)", "under Problem records"),
)
"""What a command is on the pages of its tenant, for everybody who may do it there."""
_OPERATORS_PAGES = _pages(
    (rf"run st-pipeline sync{_KEY}(?: --entity \w+)? --full", "request a full refresh under Status"),
    (rf"st-pipeline sync{_KEY}(?: --entity \w+)? --full", "a full refresh, under Status,"),
    (rf"st-pipeline tenants enable{_KEY}", "Enable, under Status,"),
    (r"run st-pipeline status", "check the overview"),
    (r"st-pipeline status", "the overview"),
)
_COMMA = re.compile(r",(?=[.;:,)]|$)")


def told(message: str, actor: Actor) -> str:
    """The message as ``actor`` is told it."""
    if actor.role is Role.CLIENT:
        return without_commands(_with_pages(message, _PAGES))
    return _with_pages(message, _PAGES + _OPERATORS_PAGES)


def _with_pages(message: str, pages: Sequence[tuple[re.Pattern[str], str]]) -> str:
    for command, page in pages:
        if command.search(message):
            message = _COMMA.sub("", command.sub(page, message))
    return message


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
