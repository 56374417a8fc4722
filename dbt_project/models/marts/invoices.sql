{{ config(indexes=[{'columns': ['tenant', 'invoice_id'], 'unique': true}]) }}

with stale as (

    {{ stale_tenants('invoices') | indent(4) }}

)

select
    invoices.tenant,
    invoices.invoice_id,
    tenants.company_code,
    coalesce(intermediate.tidy(invoices.reference_number), invoices.invoice_id::text) as invoice_number,
    invoices.is_active,
    invoices.adjusted_invoice_id,
    invoices.customer_id,
    coalesce(
        intermediate.tidy(invoices.customer_name), intermediate.tidy(customers.customer_name)
    ) as customer_name,
    invoices.location_id,
    invoices.job_id,
    intermediate.tidy(invoices.job_number) as job_number,
    intermediate.tidy(invoices.job_type) as job_type,
    intermediate.tidy(invoices.business_unit_name) as business_unit,
    invoices.invoiced_on,
    invoices.due_on,
    invoices.subtotal,
    invoices.sales_tax,
    invoices.total,
    invoices.balance,
    invoices.created_at,
    invoices.modified_at,
    stale.version
from {{ ref('stg_accounting_invoices') }} as invoices
inner join stale
    on stale.tenant = invoices.tenant
inner join {{ ref('int_tenants') }} as tenants
    on tenants.tenant = invoices.tenant
left join {{ ref('stg_crm_customers') }} as customers
    on customers.tenant = invoices.tenant
    and customers.customer_id = invoices.customer_id
