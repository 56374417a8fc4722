"""Steps in the portal's words, with pages and buttons instead of commands. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from st_pipeline.portal.people.roles import Actor, Role
from st_pipeline.steps.sentences import word
from st_pipeline.steps.step import Do, Step

_OWN: dict[Do, str | None] = {
    Do.SYNC: "Click Sync now under Status.",
    Do.FULL_REFRESH: "Request a full refresh under Status.",
    Do.VIEW_SYNCS: "Check the recent syncs under Syncs.",
    Do.ENABLE: "To turn syncs back on, click Enable under Status.",
    Do.TEST_CONNECTION: "Click Test connection under Connect.",
    Do.ENTER_CREDENTIALS: (
        "Enter the credentials under Connect, or under Credentials if the company is already connected."
    ),
    Do.ENTER_SECRET: "Enter it under Credentials.",
    Do.REVOKE_NEWER_SECRET: (
        "Under Credentials, revoke the newer client secret and add it again exactly as ServiceTitan shows it."
    ),
    Do.ENTER_APP_KEY: "Enter an app key for this company under Credentials.",
    Do.CORRECT_TENANT_ID: "If the tenant id is wrong, correct it under Connect.",
    Do.CORRECT_TIME_ZONE: "Correct the time zone under Schedule.",
    Do.VIEW_PROBLEM_RECORDS: "See the reasons under Problem records.",
}
_NOT_FOR_CLIENTS = dict.fromkeys(
    (
        Do.FULL_REFRESH,
        Do.RELOAD,
        Do.RELOAD_ALL_TENANTS,
        Do.BUILD_REPORTS,
        Do.START_SANDBOX,
        Do.CHECK_FIREWALL,
        Do.CHECK_DAEMON,
        Do.CHECK_BUILDS,
        Do.VIEW_RUN,
        Do.ENABLE,
        Do.RESTORE_VAULT_KEY,
        Do.CORRECT_TYPE,
        Do.ADD_FIELDS,
        Do.COMPARE_INVOICES,
        Do.RENAME_COLUMN,
        Do.SYNC_LESS_OFTEN,
        Do.OWN_LANDING_ZONE,
    )
)
"""Steps that clients don't see, because they have no command line and no page for them."""

_FOR_VIEWERS: dict[Do, str | None] = {
    Do.SYNC: "An operator can click Sync now.",
    Do.FULL_REFRESH: "An operator can request a full refresh.",
    Do.ENABLE: "An operator can turn syncs back on.",
    Do.TEST_CONNECTION: "An operator can test the connection.",
    Do.ENTER_CREDENTIALS: "An operator or the company enters the credentials.",
    Do.ENTER_SECRET: "An operator or the company enters it.",
    Do.REVOKE_NEWER_SECRET: "An operator revokes the newer client secret and adds it again.",
    Do.ENTER_APP_KEY: "An operator enters an app key for this company.",
    Do.CORRECT_TENANT_ID: "If the tenant id is wrong, an operator can correct it.",
    Do.CORRECT_TIME_ZONE: "An operator can correct the time zone.",
}
"""Steps that change something. Viewers can see everything and change nothing."""


def step_words(steps: Iterable[Step], actor: Actor, tenant: str) -> str:
    """The steps as sentences, worded for what ``actor`` can do."""
    others = {Role.CLIENT: _NOT_FOR_CLIENTS, Role.VIEWER: _FOR_VIEWERS}.get(actor.role, {})
    return word(steps, _OWN | others, tenant)


def problem_words(problem: str, steps: Iterable[Step], actor: Actor, tenant: str) -> str:
    """A problem as a sentence, and its steps."""
    end = "" if problem.endswith((".", "!", "?")) else "."
    return f"{problem}{end} {step_words(steps, actor, tenant)}".rstrip()
