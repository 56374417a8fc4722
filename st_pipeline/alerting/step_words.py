"""Steps in the words of an alert, for readers with the portal and for those with a terminal. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from st_pipeline.steps.sentences import word
from st_pipeline.steps.step import Do, Step

_OWN = {
    Do.SYNC: "Click Sync now in the portal, or run st-pipeline sync {tenant}{entity}.",
    Do.FULL_REFRESH: "Request a full refresh in the portal, or run st-pipeline sync {tenant}{entity} --full.",
    Do.VIEW_SYNCS: "Check the company's recent syncs in the portal, or run st-pipeline status.",
    Do.ENABLE: "To turn its syncs back on, enable it in the portal, or run st-pipeline tenants enable {tenant}.",
    Do.TEST_CONNECTION: "Click Test connection in the portal, or run st-pipeline tenants check {tenant}.",
    Do.ENTER_CREDENTIALS: (
        "Enter the credentials in the portal, or run st-pipeline tenants rotate {tenant} --client-id ID."
    ),
    Do.ENTER_SECRET: "Enter it in the portal, or run st-pipeline tenants rotate {tenant}.",
    Do.ENTER_APP_KEY: (
        "Enter an app key for this company in the portal, or set SERVICETITAN_APP_KEY for all companies."
    ),
    Do.CORRECT_TENANT_ID: (
        "If the tenant id is wrong, correct it in the portal, or run st-pipeline tenants set {tenant} --tenant-id N."
    ),
    Do.CORRECT_TIME_ZONE: (
        "Correct the time zone in the portal under Schedule, or run st-pipeline tenants set {tenant} --timezone ZONE."
    ),
    Do.VIEW_PROBLEM_RECORDS: "See the reasons in the portal under Problem records, or in control.quarantine.",
}


def alert_words(steps: Iterable[Step], tenant: str) -> str:
    """The steps as an alert says them; ``tenant``: its key, empty for a problem that all tenants share."""
    return word(steps, _OWN, tenant)
