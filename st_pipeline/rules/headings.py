"""The rules' headings. Pure."""

from __future__ import annotations

_HEADINGS = {
    "failed_sync": "The last sync failed",
    "failures_in_a_row": "Several syncs in a row failed",
    "many_failing": "Syncs are failing for many companies",
    "stale": "Data is out of date",
    "credentials_refused": "ServiceTitan rejects the credentials",
    "not_connected": "Not connected yet",
    "credentials_old": "The credentials are old",
    "unknown_time_zone": "The time zone is unknown",
    "scope_withdrawn": "A permission was withdrawn",
    "nothing_sent": "ServiceTitan sends no records",
    "drop": "Far fewer records than before",
    "fewer_members": "The members report shrank",
    "reconciliation": "Record counts do not match",
    "quarantine": "Many problem records",
    "drift": "Fields changed",
    "reports_behind": "Reports are behind",
    "error_rate": "Many API calls fail",
    "rate_limit": "At or near the API rate limit",
}


def heading(rule: str) -> str:
    """``stale`` -> ``Data is out of date``."""
    return _HEADINGS.get(rule) or rule.replace("_", " ").capitalize()
