"""Steps as commands, for the command line, logs, and the Dagster UI. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from st_pipeline.steps.sentences import word
from st_pipeline.steps.step import Do, Step

_OWN = {
    Do.SYNC: "Run st-pipeline sync {tenant}{entity}.",
    Do.FULL_REFRESH: "To read every record again, run st-pipeline sync {tenant}{entity} --full.",
    Do.VIEW_SYNCS: "Check the tenant's recent syncs (st-pipeline status).",
    Do.ENABLE: "To turn its syncs back on, run st-pipeline tenants enable {tenant}.",
    Do.TEST_CONNECTION: "Run st-pipeline tenants check {tenant}.",
    Do.ENTER_CREDENTIALS: "Enter its credentials with st-pipeline tenants rotate {tenant} --client-id ID.",
    Do.ENTER_SECRET: "Enter it with st-pipeline tenants rotate {tenant}.",
    Do.ENTER_APP_KEY: (
        "Set SERVICETITAN_APP_KEY for all tenants, or give this one its own app key with st-pipeline tenants rotate "
        "{tenant} --app-key-file FILE."
    ),
    Do.CORRECT_TENANT_ID: "If the tenant id is wrong, correct it with st-pipeline tenants set {tenant} --tenant-id N.",
    Do.CORRECT_TIME_ZONE: "To correct the time zone, run st-pipeline tenants set {tenant} --timezone ZONE.",
    Do.VIEW_PROBLEM_RECORDS: (
        "See the reasons in control.quarantine (st-pipeline psql), which has each record as received."
    ),
}


def command_words(steps: Iterable[Step], tenant: str = "") -> str:
    """The steps as sentences with commands to type; ``tenant``: its key."""
    return word(steps, _OWN, tenant)


def with_commands(problem: str, steps: Iterable[Step], tenant: str = "") -> str:
    """The problem and its steps, as one line for the command line."""
    words = command_words(steps, tenant)
    return f"{problem}. {words}" if words else problem
