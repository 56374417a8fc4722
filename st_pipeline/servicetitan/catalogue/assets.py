"""The entities this project syncs to Postgres, those the legacy tables require, and those with weekly full refreshes.

Data only; defs/ creates the assets.
"""

from __future__ import annotations

ASSET_ENTITIES: tuple[str, ...] = (
    "crm_customers",
    "crm_customer_contacts",
    "crm_locations",
    "accounting_invoices",
    "accounting_invoice_items",
    "accounting_payments",
    "jpm_jobs",
    "jpm_appointments",
    "jpm_job_types",
    "memberships_memberships",
    "memberships_membership_types",
    "settings_business_units",
)

# Entity -> the legacy columns that would be wrong, not just null, without it. A tenant that has not granted one of
# these cannot be synced. Memberships are not listed: such a tenant still gets its customers.
LEGACY_REQUIRED: dict[str, str] = {
    "accounting_invoices": "the whole invoices report",
    "crm_customers": "the whole members report, and customer names on invoices that have none of their own",
    "crm_customer_contacts": "the phone numbers in both reports",
    "jpm_appointments": "first appointment dates in the invoices report (the invoice date is shown instead)",
}

# Entity -> why a record missing from its feed may still exist. A weekly full refresh of these marks deleted records.
WEEKLY_REREADS: dict[str, str] = {
    "crm_customer_contacts": "No document says that the export reports deleted contacts. Fivetran's connector "
    "therefore rereads them in full every week. Both legacy tables have their phone numbers.",
}


def is_legacy_required(entity: str) -> bool:
    """Whether a tenant without this entity's scope has failed instead of being merely incomplete."""
    return entity in LEGACY_REQUIRED
