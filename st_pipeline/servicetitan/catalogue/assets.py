"""Which entities this project brings to Postgres, and which of them the legacy tables cannot do without.

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
    "jpm_appointments": "first_appointment of invoices_stream: without it invoices show their own date",
}


def is_legacy_required(entity: str) -> bool:
    """Whether a tenant without this entity's scope has failed instead of being merely incomplete."""
    return entity in LEGACY_REQUIRED
