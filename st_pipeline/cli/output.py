"""What commands write to standard output: lines for people, JSON for programs.

A tenant's text is in tenants/presentation.py; failures are in errors.py.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

import msgspec

from st_pipeline.alerting.incidents import Incident
from st_pipeline.cli.screen import echo
from st_pipeline.rules.findings import format_count
from st_pipeline.steps.commands import command_words
from st_pipeline.tenants import presentation
from st_pipeline.tenants.model import Tenant
from st_pipeline.visible import visible, visible_json


def json_(value: Any) -> None:
    """One JSON document, in which letters stay as they are and control characters are escaped."""
    plain = msgspec.to_builtins(value, builtin_types=(date, datetime))
    echo(visible_json(json.dumps(plain, indent=2, ensure_ascii=False, default=_iso)))


def lines(texts: Sequence[str]) -> None:
    """Lines; a text is one line, whatever it contains."""
    echo("\n".join(map(visible, texts)))


def tenants(
    done: str | None, affected: Sequence[Tenant], as_json: bool, *, one: bool = False, with_state: bool = True
) -> None:
    """What was done to which tenants, and the state of each. As JSON: a list, or with ``one`` just the tenant."""
    if as_json:
        facts = [presentation.as_json(tenant) for tenant in affected]
        json_(facts[0] if one else facts)
        return
    for tenant in affected:
        if done:
            echo(f"{tenant.key} ({tenant.environment} account {tenant.tenant_id}) {done}.")
        if with_state:
            echo(presentation.state_line(tenant))


def encryption(count: int, keys: str, as_json: bool) -> None:
    """How many tenants' credentials were re-encrypted, and where the keys are."""
    if as_json:
        json_({"tenants": count, "keys": keys})
        return
    echo(
        f"Re-encrypted the credentials of {format_count(count, 'tenant')} with the newest key in {keys}. Restart every "
        "running st-pipeline process. The older keys are no longer used, but keep them as long as you keep backups."
    )


def incident_as_json(incident: Incident) -> dict[str, Any]:
    """An incident as JSON: its columns, and its steps also as one text with commands."""
    return asdict(incident) | {"advice": command_words(incident.steps, incident.tenant)}


def _iso(instant: date) -> str:
    return instant.isoformat()


def zone_is_utc(key: str) -> None:
    """Say that a tenant was added without a time zone, on standard error."""
    echo(
        "No --timezone was given, so schedules and reports use UTC. If the company is elsewhere, run "
        f"st-pipeline tenants set {key} --timezone ZONE, for example Central or America/Chicago.",
        err=True,
    )
