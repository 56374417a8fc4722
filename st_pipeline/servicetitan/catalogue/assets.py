"""Which entities this project brings to Postgres, which of them the legacy tables cannot do without, and which have to
be read as wholes from time to time.

Data only; the assets themselves are made in defs/.
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

# Entity -> the columns of the legacy tables that would be wrong, not merely null, without it. A tenant that has not
# granted one of these cannot be synced. Memberships are not among them: such a tenant still gets its customers.
LEGACY_REQUIRED: dict[str, str] = {
    "accounting_invoices": "every row of invoices_stream",
    "crm_customers": "every row of members_stream, and names that invoices leave empty",
    "crm_customer_contacts": "the phone numbers of both tables",
    "jpm_appointments": "first_appointment of invoices_stream (invoices show their own date)",
}

# Entity -> why what its feed leaves out is not known to be gone. Once a week these are read as wholes, which marks it.
WEEKLY_REREADS: dict[str, str] = {
    "crm_customer_contacts": "No document says that the export names contacts that were deleted, and others who pull "
    "it (Fivetran's connector) read it anew every week for that reason; both legacy tables have their phone numbers.",
}


def is_legacy_required(entity: str) -> bool:
    """Whether a tenant without this entity's scope has failed instead of being merely incomplete."""
    return entity in LEGACY_REQUIRED
