-- For every company: the dollars in raw invoices = those put into the stream plus the rejected rows, summed as decimals.
-- The stream's column is a binary float. It is read as the shortest decimal that represents it, so cents are exact again,
-- and an amount may be off by half a unit in its last place, twice: 2.3e-16 of its value.
-- The table's hourly check totals_arrive compares the same by tenant.
{{ config(meta={'dagster': {'ref': {'name': 'invoices_stream'}}}) }}

with settled as (

    {{ settled_companies('int_invoice_report') | indent(4) }}

),

amounts as (

    select
        tenants.company_code,
        invoices.total as in_raw,
        0::numeric as reported
    from {{ source('raw', 'accounting_invoices') }} as invoices
    inner join {{ ref('int_tenants') }} as tenants
        on tenants.tenant = invoices.tenant
    where
        invoices._deleted_at is null
        and invoices.active is not false
        and intermediate.to_double(invoices.total) is not null

    union all

    select
        company_code,
        0,
        amount
    from (
        {{ delivered_rows('invoices_stream', 'int_invoice_report', 'total::text::numeric') | indent(8) }}
    ) as delivered

    union all

    select
        company_code,
        0,
        total::text::numeric
    from {{ ref('int_invoice_report') }}
    where rejection is not null

)

select
    amounts.company_code,
    sum(amounts.in_raw) as in_raw,
    sum(amounts.reported) as reported
from amounts
inner join settled
    on settled.company_code = amounts.company_code
group by amounts.company_code
having
    -- null on both sides if no row of a company has a total
    abs(coalesce(sum(amounts.in_raw), 0) - coalesce(sum(amounts.reported), 0))
    > 2.3e-16 * coalesce(sum(abs(amounts.in_raw)), 0)
