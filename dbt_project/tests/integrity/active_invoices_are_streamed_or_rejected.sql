-- For every tenant: active invoices in raw = rows put into invoices_stream + rejected rows.
{{ config(meta={'dagster': {'ref': {'name': 'invoices_stream'}}}) }}

with settled as (

    {{ settled_companies('int_invoice_report') | indent(4) }}

),

counted as (

    select
        tenants.company_code,
        1 as in_raw,
        0 as reported
    from {{ source('raw', 'accounting_invoices') }} as invoices
    inner join {{ ref('int_tenants') }} as tenants
        on tenants.tenant = invoices.tenant
    where
        invoices._deleted_at is null
        and invoices.active is not false

    union all

    select
        company_code,
        0,
        1
    from ({{ delivered_rows('invoices_stream', 'int_invoice_report') | indent(4) }}) as delivered

    union all

    select
        tenant,
        0,
        1
    from {{ ref('rejected_rows') }}
    where report = 'invoices'

)

select
    counted.company_code,
    sum(counted.in_raw) as in_raw,
    sum(counted.reported) as reported
from counted
inner join settled
    on settled.company_code = counted.company_code
group by counted.company_code
having sum(counted.in_raw) <> sum(counted.reported)
