"""What was done, in the portal's words. The audit stores names that never change; files have those. Pure."""

from __future__ import annotations

from st_pipeline.tenants.model import Status

_ACTIONS = {
    "account corrected": "tenant id or environment corrected",
    "alerts tested": "test alert sent",
    "bound to somebody else": "sign-in failed: account linked to someone else",
    "credentials tried": "connection tested",
    "encryption renewed": "stored credentials re-encrypted",
    "full re-sync asked for": "full refresh requested",
    "invitation made": "invitation created",
    "invitation refused": "invitation link rejected",
    "sign-in refused": "sign-in failed",
    "sync asked for": "sync requested",
    "tenant changed": "company changed",
    "tenant registered": "company added",
    "tenant removed": "company removed",
    "user unbound": "user unlinked from single sign-on",
}
_DETAILS = {
    "found": "result", "cadence": "schedule", "tenants": "companies", "which": "secret", "parts": "replaced",
    "why": "reason", "days": "age in days", "entities": "record types", "tenant": "company", "actor": "user",
    "bound": "linked", "through": "via", "e-mail": "email", "before": "previously",
}  # fmt: skip


def action_words(action: str) -> str:
    """``credentials tried`` -> ``Connection tested``."""
    words = _ACTIONS.get(action, action)
    return words[:1].upper() + words[1:]


def detail_words(name: str) -> str:
    """The name of a detail: ``found`` -> ``result``."""
    return _DETAILS.get(name) or name.replace("_", " ")


def result_words(found: str) -> str:
    """What a connection test found: ``refused`` -> ``rejected by ServiceTitan``. Older rows have words of their own."""
    return Status(found).label if found in list(Status) else found
