-- For every tenant: the totals of raw invoices, in decimal, are the totals of the stream plus those of refused rows.
-- The stream's column is a binary float, hence the tolerance: a millionth of a cent on a million dollars.
{{ config(meta={'dagster': {'ref': {'name': 'invoices_stream'}}}) }}

with settled as (

    {{ settled_companies('int_invoice_report') | indent(4) }}

),

amounts as (

    select
        tenants.company_code,
        invoices.total as in_raw,
        0::double precision as reported
    from {{ source('raw', 'accounting_invoices') }} as invoices
    inner join {{ ref('int_tenants') }} as tenants
        on tenants.tenant = invoices.tenant
    where
        invoices._deleted_at is null
        and invoices.active is not false
        and intermediate.to_double(invoices.total) is not null

    union all

    select
        tenant,
        0,
        total
    from {{ ref('invoices_stream') }}

    union all

    select
        company_code,
        0,
        total
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
    abs(sum(amounts.in_raw)::double precision - sum(amounts.reported))
    > 1e-14 * greatest(1e6, sum(abs(amounts.in_raw))::double precision) * 10
