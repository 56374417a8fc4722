"""What was done, in the portal's words. The audit stores names that never change; files have those. Pure."""

from __future__ import annotations

_ACTIONS = {
    "account corrected": "tenant id corrected",
    "alerts tested": "test alert sent",
    "bound to somebody else": "sign-in refused: account linked to someone else",
    "credentials tried": "connection tested",
    "full re-sync asked for": "full refresh requested",
    "invitation made": "invitation created",
    "sync asked for": "sync requested",
    "tenant changed": "company changed",
    "tenant registered": "company added",
    "tenant removed": "company removed",
}
_DETAILS = {"found": "result", "cadence": "schedule", "tenants": "companies", "which": "secret", "parts": "replaced"}


def action_words(action: str) -> str:
    """``credentials tried`` -> ``Connection tested``."""
    words = _ACTIONS.get(action, action)
    return words[:1].upper() + words[1:]


def detail_words(name: str) -> str:
    """The name of a detail: ``found`` -> ``result``."""
    return _DETAILS.get(name) or name.replace("_", " ")
