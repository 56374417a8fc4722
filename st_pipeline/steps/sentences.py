"""The wording of steps that is the same for every reader; ``own`` has a reader's own wording. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from st_pipeline.steps.step import Do, Step

WHERE = "Settings > Integrations > API Application Access"

_COMMON = {
    Do.OWN_LANDING_ZONE: (
        "Give each installation its own folder or URL in ST_PIPELINE_LANDING. If the other installation is gone for "
        "good, delete the file .st_pipeline_owner in that folder."
    ),
    Do.RELOAD: "Load the downloaded files again: run st-pipeline reload {tenant}{entity}.",
    Do.RELOAD_ALL_TENANTS: "Then run st-pipeline reload --all{entity}.",
    Do.BUILD_REPORTS: (
        "To build the reports now, run st-pipeline marts. Until then they show the last successful build."
    ),
    Do.CORRECT_TYPE: (
        "If the values are correct in ServiceTitan, ask an engineer to correct the field's type in the catalog and run "
        "st-pipeline reload {tenant}{entity}."
    ),
    Do.ADD_FIELDS: (
        "The values are saved in _extra, so nothing is lost. If a report needs these fields, ask an engineer to add "
        "them to the catalog and run st-pipeline reload --all{entity}."
    ),
    Do.CHECK_LAST_SYNC: "Check the last sync for errors.",
    Do.CHECK_DAEMON: "If there are none, check that the sync service is still running on its server.",
    Do.CHECK_BUILDS: (
        "Check in Dagster (job build_marts) whether reports are being built and whether the last build failed."
    ),
    Do.VIEW_RUN: "Open the run to see which model or check failed.",
    Do.FIX_ERROR: "Read the error and fix its cause. If it is unclear, send it to your administrator.",
    Do.FIX_SHARED_CAUSE: (
        "The likely cause is something they all share: ServiceTitan itself (check its status page), or the "
        "network, database, or disk."
    ),
    Do.WAIT_FOR_RETRY: "Syncs retry automatically.",
    Do.CONNECT_APP: (
        f"In ServiceTitan, under {WHERE}, the company's administrator connects the app and generates a client id and "
        "client secret."
    ),
    Do.CHECK_CREDENTIALS: "Check the client id and client secret, and that they belong to this environment.",
    Do.GENERATE_SECRET: f"In ServiceTitan, under {WHERE}, generate a new client secret.",
    Do.REVOKE_NEWER_SECRET: (
        "In the portal, under Credentials, revoke the newer client secret and add it again exactly as ServiceTitan "
        "shows it."
    ),
    Do.CHECK_TENANT_ID: "Check that the credentials belong to this tenant id.",
    Do.CHECK_APP_ALLOWED: f"In ServiceTitan, under {WHERE}, check that the app is still allowed.",
    Do.CHECK_ENVIRONMENT: "Check the environment: production, integration, or sandbox.",
    Do.GRANT_SCOPE: (
        "Add the permission {about} to the app in the developer portal, and have the company's administrator accept it "
        f"in ServiceTitan under {WHERE}."
    ),
    Do.RESTORE_VAULT_KEY: (
        "To the end of {about}, add the encryption key that these credentials were encrypted with. If it is lost, "
        "they must be entered again."
    ),
    Do.CHECK_STATUS_PAGE: "If this continues, check the network and ServiceTitan's status page.",
    Do.CHECK_FIREWALL: (
        "Check the network of the server that runs the syncs: a firewall, proxy, or sign-in page answers instead of "
        "ServiceTitan. The credentials are not the cause. Syncs retry automatically."
    ),
    Do.START_SANDBOX: (
        "Start the sandbox: run st-pipeline up --sandbox, or st-pipeline sandbox for the sandbox alone. If it runs "
        "elsewhere than at {about}, set ST_PIPELINE_SANDBOX_URL."
    ),
    Do.FIND_OTHER_CALLER: (
        "Our syncs stay below the limit, so another program must be using the same app key for this company. Find that "
        "program and stop it, or give it its own ServiceTitan app."
    ),
    Do.SYNC_LESS_OFTEN: (
        "Nothing is failing yet, but this company is close to ServiceTitan's API limit. Sync it less often. To see "
        "which record type makes the most calls, open a recent sync and check its API calls."
    ),
    Do.CORRECT_RECORDS: "Correct bad data in ServiceTitan.",
    Do.CHECK_FIELDS: (
        "These fields are now empty in new records. Check ServiceTitan's documentation to see if they were renamed or "
        "removed, and update the reports that use them."
    ),
    Do.CHECK_RECORDS_EXIST: (
        "Credentials and permissions are fine, and loaded data is kept. Check in ServiceTitan that the records still "
        "exist and that the app can still see them (the account may have been emptied, merged, or restricted). If both "
        "are true, report it to ServiceTitan."
    ),
    Do.COMPARE_COUNTS: (
        "Compare the count in ServiceTitan with the number of records loaded here. If ServiceTitan has fewer records, "
        "someone merged or deleted them. If it has them all, the app can no longer see some: report it to "
        "ServiceTitan. Nothing loaded here is deleted."
    ),
    Do.COMPARE_INVOICES: (
        "If the totals still differ, a rule of int_invoice_report drops or changes invoices: compare its rows with "
        "raw.accounting_invoices by invoice_id."
    ),
    Do.HOLD_REPORT: (
        "Do not send this report until you know why it shrank. The system that imports it marks every customer "
        "inactive before it loads the report. Check whether customers or memberships were made inactive in "
        "ServiceTitan, and what the last sync downloaded."
    ),
    Do.RENAME_COLUMN: "Rename the old column: {about}.",
    Do.REPORT_COUNTS: "If the counts still differ, report both numbers to ServiceTitan.",
    Do.REPORT_LOST_ACCESS: (
        "If the counts still differ, the app can no longer see every record: report it to ServiceTitan."
    ),
    Do.REPORT_TRACE: "If it fails again, contact ServiceTitan support and give them the trace ID.",
}


def list_words(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def word(steps: Iterable[Step], own: Mapping[Do, str | None], tenant: str) -> str:
    """The steps as sentences. ``own`` has the reader's own wording by step; None leaves a step out.

    Templates may use ``{tenant}``, ``{about}`` and ``{entity}`` (``about`` as an option of a command, or nothing).
    """
    sentences = []
    for step in steps:
        template = own[step.do] if step.do in own else _COMMON[step.do]
        if template:
            entity = f" --entity {step.about}" if step.about else ""
            sentences.append(template.format(tenant=tenant or "TENANT", about=step.about or "", entity=entity))
    return " ".join(sentences)
